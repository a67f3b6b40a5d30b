"""One form for all configurations that nothing tells apart: what is not followed is dropped, numbers are given anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.bpmn.proofs.values import Partly, Unknown, label, whole
from engine.bpmn.proofs.variables import Variables
from engine.bpmn.token_game import Configuration, Net, Token
from engine.bpmn.token_game.carried import Carried, joined
from engine.bpmn.token_game.configuration import ARMED, COMING, ENDED, LEAVING, STANDING, Repetition
from engine.bpmn.token_game.net import CONTAINERS

Key = tuple[Any, ...]
NOTHING = Carried()
FINISHED: Key = ("finished",)
#: of tokens alike beside an activity two stand for two or more
ALIKE = 2
#: up to so many passes of a loop that has a maximum are followed one by one
FEW = 10


class Canon:
    """Brings the configurations of one net into one form."""

    def __init__(
        self, net: Net, known: Variables, fresh: Callable[[], Unknown], beside: frozenset[str] = frozenset()
    ) -> None:
        self.net, self.known, self.fresh = net, known, fresh
        self.beside = beside  #: elements at which of tokens alike two stand for two or more
        self._kept: dict[tuple[str, str, str, bool], frozenset[str]] = {}

    def form(self, configuration: Configuration) -> tuple[Key, Configuration]:
        """(what tells it from others, the configuration in its one form)."""
        if configuration.finished:
            return FINISHED, replace(configuration, carried=NOTHING, next=0)
        tokens = [self._pruned(token) for token in configuration.tokens]
        tokens = self._settled(tokens)
        beneath: dict[int, list[Token]] = {}
        for token in tokens:
            beneath.setdefault(token.of or (token.within[-1] if token.within else 0), []).append(token)
        known: dict[int, Key] = {}

        def told(token: Token) -> Key:
            found = known.get(token.id)
            if found is None:
                inner = beneath.get(token.id)
                below = tuple(sorted(told(each) for each in inner)) if inner else ()
                found = known[token.id] = (*_own(token), below)
            return found

        order: list[Token] = []

        def walk(at: int) -> list[Key]:
            kept: list[Key] = []
            for token in sorted(beneath.get(at, ()), key=told):
                own = told(token)
                if token.node in self.beside and token.phase not in {ENDED, ARMED} and kept[-ALIKE:] == [own] * ALIKE:
                    continue
                kept.append(own)
                order.append(token)
                walk(token.id)
            return kept

        shape = tuple(walk(0))
        renamed, numbers, last = self._renumbered(order)
        return (shape, numbers), replace(configuration, tokens=tuple(renamed), next=last, carried=NOTHING)

    def alike(self, configuration: Configuration, token: Token) -> int:
        """How many tokens stand where this one does and differ in nothing that they tell of themselves."""
        own = (token.within, *_own(token))
        return sum((other.within, *_own(other)) == own for other in configuration.tokens)

    def kept(self, token: Token) -> frozenset[str]:
        """The variables of a token that somebody may still read."""
        if token.phase == LEAVING:
            return self.known.after[token.process, token.node]
        key = (token.process, token.node, token.scope, token.phase == ENDED)
        if token.phase == STANDING and self._contains(token):
            key = (token.process, token.node, "inside", False)
        found = self._kept.get(key)
        if found is None:
            place = (token.process, token.node)
            if key[3]:
                found = self.known.after.get((token.process, token.scope), frozenset())
            elif key[2] == "inside":
                found = self.known.after[place]
                for event in self.net.places[token.process, token.scope].boundary[token.node]:
                    found |= self.known.live[token.process, event.id]
                loop = self.net.node(token.process, token.scope, token.node).loop
                found = found if loop is None else found | self.known.live[place]
            else:
                found = self.known.live[place]
            self._kept[key] = found
        return found

    def _contains(self, token: Token) -> bool:
        return self.net.node(token.process, token.scope, token.node).kind in CONTAINERS and token.repetition is None

    def _pruned(self, token: Token) -> Token:
        """Without what nobody reads, and without disagreement: an operator settles it as may be."""
        kept = self.kept(token)
        carried = self._short(token.carried, kept)
        if token.caught is not None:
            token = replace(token, caught=self.fresh() if token.phase == COMING else None)
        if token.conflicts:
            held = {**carried.held, **{n: (self.fresh(), -1 - i) for i, n in enumerate(token.conflicts) if n in kept}}
            carried = Carried(held, carried.seen | {number for _, number in held.values()})
            token = replace(token, conflicts=())
        repetition = token.repetition
        if repetition is not None:
            kept = kept | self.known.after[token.process, token.node]
            copies = tuple(self._short(each, kept) for each in repetition.copies)
            passes = self._passes(token)
            repetition = replace(
                repetition,
                started=passes + repetition.started - repetition.done,
                done=passes,
                copies=copies,
                current=None if repetition.current is None else self._short(repetition.current, kept),
                items=repetition.items if isinstance(repetition.items, int) else (self.fresh(),) * repetition.total,
                results=(None,) * len(repetition.results),
            )
            if repetition.over and copies:
                together, conflicts = joined([carried, *copies], -1)
                if conflicts:
                    together = Carried(
                        {**together.held, **{n: (self.fresh(), -1 - i) for i, n in enumerate(conflicts)}}, together.seen
                    )
                    repetition = replace(repetition, copies=(), current=together)
        index = token.index
        if index is not None and index > ALIKE and self.net.node(token.process, token.scope, token.node).loop:
            index = self._passes(token) if self._loops(token) else index
        if carried is token.carried and repetition is token.repetition and index == token.index:
            return token
        return replace(token, carried=carried, repetition=repetition, index=index)

    def _loops(self, token: Token) -> bool:
        loop = self.net.node(token.process, token.scope, token.node).loop
        return loop is not None and loop.kind == "standard"

    def _passes(self, token: Token) -> int:
        """How many passes a loop has behind it, as far as that is told apart: two stand for two or more.

        A loop that nothing but a high maximum ends goes from the first pass to its last one.
        """
        loop = self.net.node(token.process, token.scope, token.node).loop
        repetition = token.repetition
        done = (token.index or 0) if repetition is None else repetition.done
        if loop is None or loop.kind != "standard" or done < 1:
            return done
        if loop.maximum and int(loop.maximum) <= FEW:
            return done
        return min(done, ALIKE) if loop.condition or not loop.maximum else max(done, int(loop.maximum) - 1)

    def _short(self, carried: Carried, kept: frozenset[str]) -> Carried:
        if not carried.held:
            return carried
        held = {
            name: (value if whole(value) or isinstance(value, Unknown | Partly) else self.fresh(), number)
            for name, (value, number) in carried.held.items()
            if name in kept
        }
        return Carried(held, carried.seen)

    def _settled(self, tokens: list[Token]) -> list[Token]:
        """What ended in one scope and disagrees is settled by an operator, in one way or the other."""
        ended: dict[tuple[int, ...], list[Token]] = {}
        for token in tokens:
            if token.phase == ENDED:
                ended.setdefault(token.within, []).append(token)
        for several in ended.values():
            if len(several) > 1:
                together, conflicts = joined([token.carried for token in several], -1)
                held = {**together.held, **{name: (self.fresh(), -2 - i) for i, name in enumerate(conflicts)}}
                one = replace(several[0], carried=Carried(held, together.seen | {n for _, n in held.values()}))
                gone = {token.id for token in several[1:]}
                tokens = [one if token.id == one.id else token for token in tokens if token.id not in gone]
        return tokens

    def _renumbered(self, order: list[Token]) -> tuple[list[Token], Key, int]:
        """(the tokens numbered by their order and their writes by variable, what the writes tell apart, the last)."""
        ids = {token.id: number for number, token in enumerate(order, 1)}
        ids[0] = 0
        held: dict[str, dict[int, int]] = {}
        for token in order:
            for carried in _all(token):
                for name, (_, number) in carried.held.items():
                    held.setdefault(name, {}).setdefault(number, len(held[name]))
        first = len(order) + 1
        writes: dict[tuple[str, int], int] = {}
        for name in sorted(held):
            for number in held[name]:
                writes[name, number] = first + len(writes)
        told: list[Any] = []
        renamed = []
        for token in order:
            within, of = token.within, token.of
            changed = token.carried
            repetition = token.repetition
            if not writes:
                changed = NOTHING  # what a token has seen tells nothing where nobody holds a write
                if repetition is not None:
                    current = None if repetition.current is None else NOTHING
                    repetition = replace(repetition, copies=(NOTHING,) * len(repetition.copies), current=current)
            else:
                changed = _rewritten(changed, writes, held, told)
                if repetition is not None:
                    copies = [_rewritten(each, writes, held, told) for each in repetition.copies]
                    current = repetition.current
                    current = None if current is None else _rewritten(current, writes, held, told)
                    repetition = replace(repetition, copies=tuple(copies), current=current)
            renamed.append(
                replace(
                    token,
                    id=ids[token.id],
                    within=tuple(ids[each] for each in within),
                    of=ids.get(of, 0),
                    carried=changed,
                    repetition=repetition,
                )
            )
        return renamed, tuple(told), first + len(writes)


def _own(token: Token) -> Key:
    """What there is to tell of a token but for what stands beneath it; texts only, so that keys can be put in order."""
    held = token.carried.held
    data = tuple((name, label(held[name][0])) for name in sorted(held)) if held else ()
    left = "" if token.left == 1 else str(token.left)
    index = "" if token.index is None else str(token.index)
    repetition = "" if token.repetition is None else _repeated(token.repetition)
    # By which end a branch ended tells nothing.
    node = "" if token.phase == ENDED else token.node
    phase = f"{token.phase} met" if token.met else token.phase
    return (node, phase, token.flow, left, index, repetition, data)


def _repeated(repetition: Repetition) -> str:
    carried = [*repetition.copies, *([repetition.current] if repetition.current else [])]
    data = [sorted((name, label(value)) for name, (value, _) in each.held.items()) for each in carried]
    counts = (repetition.total, repetition.started, repetition.done, repetition.enough, bool(repetition.broken))
    return f"{counts}{sorted(data)}"


def _all(token: Token) -> Iterator[Carried]:
    yield token.carried
    if token.repetition is not None:
        yield from token.repetition.copies
        if token.repetition.current is not None:
            yield token.repetition.current


def _rewritten(
    carried: Carried, writes: Mapping[tuple[str, int], int], held: Mapping[str, Mapping[int, int]], told: list[Any]
) -> Carried:
    """With new numbers: a write that nobody holds any more tells nothing."""
    made = {}
    for name, (value, number) in carried.held.items():
        new = writes[name, number]
        made[name] = (Unknown({"?": new}) if isinstance(value, Unknown) else value, new)
    seen = frozenset(
        new
        for (name, number), new in writes.items()
        if number in carried.seen or carried.held.get(name, (0, None))[1] == number
    )
    # Where all hold one write of a variable and know it, there is nothing to tell.
    several = [name for name in sorted(held) if len(held[name]) > 1]
    own = tuple((name, held[name][carried.held[name][1]]) for name in several if name in carried.held)
    told.append((own, tuple(sorted(new for new in writes.values() if new not in seen))))
    return Carried(made, seen)
