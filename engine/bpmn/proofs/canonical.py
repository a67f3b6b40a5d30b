"""One form for all configurations that nothing tells apart: what is not followed is dropped, numbers are given anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.bpmn.proofs.telling import Key, own, remembered, tree
from engine.bpmn.proofs.values import ANYTHING, FEW, Partly, Unknown, whole
from engine.bpmn.proofs.variables import Variables
from engine.bpmn.token_game import Configuration, Net, Token
from engine.bpmn.token_game.carried import Carried, joined
from engine.bpmn.token_game.configuration import (
    ARMED,
    COMING,
    ENDED,
    LEAVING,
    STANDING,
    Brought,
    Record,
    Undo,
)
from engine.bpmn.token_game.net import CONTAINERS

NOTHING = Carried()
FINISHED: Key = ("finished",)
#: of tokens alike beside an activity two stand for two or more
ALIKE = 2


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
            return FINISHED, replace(configuration, carried=NOTHING, next=0, records=())
        tokens = [self._pruned(token) for token in configuration.tokens]
        tokens = self._settled(tokens)
        beneath, told = tree(tokens)
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
        renamed, numbers, last, ids = self._renumbered(order)
        records = self._records(configuration.records, ids)
        key = (shape, numbers, tuple(map(remembered, records))) if records else (shape, numbers)
        last = max([last, *(record.number for record in records)])
        form = replace(configuration, tokens=tuple(renamed), next=last, carried=NOTHING, records=records)
        return key, form

    def alike(self, configuration: Configuration, token: Token) -> int:
        """How many tokens stand where this one does and differ in nothing that they tell, nor in what is beneath."""
        said = own(token)
        found = [each for each in configuration.tokens if each.within == token.within and own(each) == said]
        if len(found) < ALIKE or not self._contains(token):
            return len(found)
        _, told = tree(configuration.tokens)
        return sum(told(each) == told(token) for each in found)

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
        if token.caught:
            token = replace(token, caught=self._brought(token.caught) if token.phase == COMING else ())
        if token.occurred:
            # In which order they did tells nothing.
            occurred = sorted((place, self._brought(brought)) for place, brought in token.occurred)
            token = replace(token, occurred=tuple(occurred))
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
                results=tuple(self.fresh() for _ in repetition.results),
            )
            if repetition.over and copies:
                together, conflicts = joined([carried, *copies], -1)
                if conflicts:
                    together = Carried(
                        {**together.held, **{n: (self.fresh(), -1 - i) for i, n in enumerate(conflicts)}}, together.seen
                    )
                    repetition = replace(repetition, copies=(), current=together)
        if token.undo is not None:
            undone = replace(token.undo, carried=self._short(token.undo.carried, kept))
            token = replace(token, undo=undone)
        index = token.index
        if index is not None and index > ALIKE and self.net.node(token.process, token.scope, token.node).loop:
            index = self._passes(token) if self._loops(token) else index
        if carried is token.carried and repetition is token.repetition and index == token.index:
            return token
        return replace(token, carried=carried, repetition=repetition, index=index)

    def _brought(self, brought: Brought) -> Brought:
        return tuple((name, self.fresh()) for name, _ in brought)

    def _loops(self, token: Token) -> bool:
        loop = self.net.node(token.process, token.scope, token.node).loop
        return loop is not None and loop.kind == "standard"

    def _passes(self, token: Token) -> int:
        """How many passes a loop has behind it, as far as that is told apart: two stand for two or more."""
        loop = self.net.node(token.process, token.scope, token.node).loop
        repetition = token.repetition
        done = (token.index or 0) if repetition is None else repetition.done
        few = loop is not None and loop.maximum and int(loop.maximum) <= FEW
        return done if loop is None or loop.kind != "standard" or few else min(done, ALIKE)

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

    def _records(self, records: tuple[Record, ...], ids: Mapping[int, int]) -> tuple[Record, ...]:
        """What can be undone, in its order; of what has completed again and again the last two times."""
        kept: list[Record] = []
        for record in sorted(records, key=lambda each: each.number, reverse=True):
            within = tuple(ids[each] for each in record.within if each in ids)
            made = replace(
                record,
                within=within,
                restored=self._restored(record.restored),
                inner=self._records(record.inner, ids),
            )
            if sum((each.node, each.within) == (made.node, within) for each in kept) < ALIKE:
                kept.append(made)
        return tuple(replace(record, number=number) for number, record in enumerate(reversed(kept), 1))

    def _restored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        followed = self.known.followed
        return {name: value if whole(value) else ANYTHING for name, value in values.items() if name in followed}

    def _undo(self, undo: Undo | None, ids: Mapping[int, int]) -> Undo | None:
        if undo is None:
            return None
        current = None if undo.current is None else self._records((undo.current,), ids)[0]
        return replace(undo, pending=self._records(undo.pending, ids), current=current)

    def _renumbered(self, order: list[Token]) -> tuple[list[Token], Key, int, Mapping[int, int]]:
        """(the tokens numbered by their order and their writes by variable, what that tells apart, the last, the ids).

        A configuration without a followed write is told by where its tokens stand alone.
        """
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
            if writes:
                changed = _with(token, lambda carried: _rewritten(carried, writes, held, told))
            else:
                # What a token has seen tells nothing where nobody holds a write.
                changed = _with(token, lambda carried: NOTHING)
            repetition = changed.repetition
            if repetition is not None and repetition.records:
                repetition = replace(repetition, records=self._records(repetition.records, ids))
            undo = self._undo(changed.undo, ids)
            if undo is not None or token.undoes or (repetition is not None and repetition.records):
                pending = [*(undo.pending if undo else ()), *(repetition.records if repetition else ())]
                current = remembered(undo.current) if undo is not None and undo.current is not None else ()
                told.append((ids.get(token.undoes, 0), tuple(map(remembered, pending)), current))
            renamed.append(
                replace(
                    changed,
                    id=ids[token.id],
                    within=tuple(ids[each] for each in token.within),
                    of=ids.get(token.of, 0),
                    repetition=repetition,
                    undo=undo,
                    undoes=ids.get(token.undoes, 0),
                )
            )
        return renamed, tuple(told), first + len(writes), ids


def _all(token: Token) -> Iterator[Carried]:
    yield token.carried
    if token.repetition is not None:
        yield from token.repetition.copies
        if token.repetition.current is not None:
            yield token.repetition.current
    if token.undo is not None:
        yield token.undo.carried


def _with(token: Token, change: Callable[[Carried], Carried]) -> Token:
    """The token with all that it carries changed, in the order of `_all`."""
    carried, repetition, undo = change(token.carried), token.repetition, token.undo
    if repetition is not None:
        copies = tuple(change(each) for each in repetition.copies)
        current = None if repetition.current is None else change(repetition.current)
        repetition = replace(repetition, copies=copies, current=current)
    if undo is not None:
        undo = replace(undo, carried=change(undo.carried))
    return replace(token, carried=carried, repetition=repetition, undo=undo)


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
