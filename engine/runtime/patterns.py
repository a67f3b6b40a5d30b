"""Patterns of forms, matched in time linear in the text.

A form comes with a diagram, and Python's `re` takes exponential time for some patterns: one that its author mistyped,
or meant so, would stand still with the instance's row locked. So a pattern is run as a finite automaton. It holds what
JSON Schema recommends (2020-12, core, 6.4): characters, classes, groups, alternatives, repeats, `^` and `$`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

MAX_STATES = 500
MAX_DEPTH = 20
#: characters of a text that is held to a pattern
LONGEST_TEXT = 1_000

_CLASSES = frozenset("dDwWsS")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_COUNTS = re.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")


#: an escaped character, or one that Python may read as the beginning of a set in a class
_IN_CLASS = re.compile(r"\\.|[\[&|~]", re.DOTALL)


def _plain(found: re.Match[str]) -> str:
    return found[0] if len(found[0]) == 2 else "\\" + found[0]


class PatternRefused(ValueError):
    """The pattern holds what cannot be matched in linear time, or is none."""


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Part
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class _Either:
    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _One:
    """One character: those that this class of Python's `re` knows; matching it takes no time worth bounding."""

    known: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Edge:
    at_end: bool


_Part = _Repeat | _Either | _Row | _One | _Edge


@dataclass(slots=True)
class _State:
    one: re.Pattern[str] | None = None
    edge: bool | None = None  #: passes only at the end (True) or the beginning (False) of the text
    then: list[int] = field(default_factory=list)


class Pattern:
    """A pattern made ready."""

    def __init__(self, text: str) -> None:
        self._states: list[_State] = [_State()]  # the first one is reached when the pattern is found
        self._start = self._built(_Reader(text).whole(), 0)

    def found_in(self, text: str) -> bool:
        """Whether the pattern occurs in the text; costs at most one look at each state for each character."""
        reached: set[int] = set()
        for at in range(len(text) + 1):
            reached = self._open({*reached, self._start}, at == 0, at == len(text))
            if 0 in reached:
                return True
            if at < len(text):
                reached = {
                    then
                    for number in reached
                    if (state := self._states[number]).one is not None and state.one.fullmatch(text[at])
                    for then in state.then
                }
        return False

    def _open(self, numbers: Iterable[int], at_start: bool, at_end: bool) -> set[int]:
        """The states, with all that are reached from them without a character."""
        found: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number in found:
                continue
            found.add(number)
            state = self._states[number]
            if state.one is None and (state.edge is None or (at_end if state.edge else at_start)):
                waiting += state.then
        return found

    def _built(self, part: _Part, then: int) -> int:
        """The state from which the part leads to `then`."""
        match part:
            case _One(known):
                return self._added(_State(one=known, then=[then]))
            case _Edge(at_end):
                return self._added(_State(edge=at_end, then=[then]))
            case _Row(parts):
                for each in reversed(parts):
                    then = self._built(each, then)
                return then
            case _Either(parts):
                return self._added(_State(then=[self._built(each, then) for each in parts]))
            case _Repeat(inner, least, most):
                if most is None:
                    again = self._added(_State(then=[then]))
                    self._states[again].then.append(self._built(inner, again))
                    then = again
                else:
                    end = then
                    for _ in range(most - least):
                        then = self._added(_State(then=[self._built(inner, then), end]))
                for _ in range(least):
                    then = self._built(inner, then)
                return then

    def _added(self, state: _State) -> int:
        if len(self._states) >= MAX_STATES:
            raise PatternRefused(f"it needs more than {MAX_STATES} states")
        self._states.append(state)
        return len(self._states) - 1


class _Reader:
    """Reads a pattern into its parts."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def whole(self) -> _Part:
        if len(self._text) > LONGEST_TEXT:
            raise PatternRefused(f"it has more than {LONGEST_TEXT:,} characters")
        part = self._either(0)
        if self._at < len(self._text):
            raise PatternRefused(f"a bracket is closed at character {self._at + 1} that was not opened")
        return part

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _either(self, depth: int) -> _Part:
        if depth > MAX_DEPTH:
            raise PatternRefused(f"its groups nest deeper than {MAX_DEPTH}")
        rows = [self._row(depth)]
        while self._next() == "|":
            self._at += 1
            rows.append(self._row(depth))
        return rows[0] if len(rows) == 1 else _Either(tuple(rows))

    def _row(self, depth: int) -> _Part:
        parts: list[_Part] = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._part(depth)))
        return _Row(tuple(parts))

    def _repeated(self, part: _Part) -> _Part:
        sign = self._next()
        if sign in ("*", "+", "?") and sign:
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
            self._at += 1
        elif counted := _COUNTS.match(self._text, self._at):
            least = int(counted[1])
            most = least if counted[2] is None else int(counted[3]) if counted[3] else None
            if most is not None and most < least:
                raise PatternRefused(f"{counted[0]} repeats at most less than at least")
            self._at = counted.end()
        else:
            return part
        if self._next() == "?":  # lazy: another match of the same texts, and which one is found is not asked here
            self._at += 1
        if self._next() in ("*", "+", "?") and self._next():
            raise PatternRefused(f"character {self._at + 1} repeats a repeat")
        return _Repeat(part, least, most)

    def _part(self, depth: int) -> _Part:
        sign = self._next()
        self._at += 1
        if sign == "(":
            if self._next() == "?":
                if self._text[self._at : self._at + 2] != "?:":
                    raise PatternRefused("a group may look neither ahead nor behind, and has no name")
                self._at += 2
            part = self._either(depth + 1)
            if self._next() != ")":
                raise PatternRefused("a bracket is not closed")
            self._at += 1
            return part
        if sign in "*+?":
            raise PatternRefused(f"character {self._at} repeats nothing")
        if sign in "^$":
            return _Edge(sign == "$")
        if sign == ".":
            return _One(re.compile("."))
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escaped()
        return _One(re.compile(re.escape(sign), re.DOTALL))

    def _escaped(self) -> _Part:
        sign = self._next()
        self._at += 1
        if sign in _CLASSES and sign:
            return _One(re.compile(rf"\{sign}", re.ASCII))
        if not sign or (sign.isalnum() and sign not in _CONTROLS):
            raise PatternRefused(f"\\{sign} is not known")
        return _One(re.compile(re.escape(_CONTROLS.get(sign, sign))))

    def _class(self) -> _Part:
        begun, self._at = self._at - 1, self._at + (self._next() == "^")
        while self._next() not in ("", "]"):
            self._at += 2 if self._next() == "\\" else 1
        if self._next() != "]" or self._at == begun + 1:
            raise PatternRefused("a class of characters is empty or not closed")
        self._at += 1
        written = self._text[begun : self._at]
        try:
            return _One(re.compile("[" + _IN_CLASS.sub(_plain, written[1:]), re.ASCII | re.DOTALL))
        except re.error as reason:
            raise PatternRefused(f"{written}: {reason}") from None


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Pattern:
    """The pattern made ready; raises PatternRefused."""
    return Pattern(pattern)
