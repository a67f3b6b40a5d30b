"""The world of a proof: whatever a diagram leaves open may turn out in every way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, product
from typing import Any

from engine.bpmn import cells
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.model import Decision, Event, Node
from engine.bpmn.proofs import values
from engine.bpmn.proofs.liveness import assignments
from engine.bpmn.proofs.values import ANYTHING, FEW, MANY, Partly, Unknown
from engine.bpmn.proofs.variables import Variables, answers
from engine.bpmn.proofs.widening import Widening
from engine.bpmn.token_game import Net, Raised
from engine.bpmn.token_game.carried import Carried
from engine.bpmn.token_game.world import Trouble

#: how many copies of a repeated activity are followed
COPIES = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Anything:
    """A world in which people, workers, clocks and senders may do whatever the diagram lets them."""

    net: Net
    known: Variables
    errors: Mapping[str, tuple[str, ...]] | None  #: by handler the errors that it may raise; None: all that are drawn
    enough_copies: bool = False
    drawn: tuple[str, ...] = ()
    delivered: tuple[tuple[str, str], ...] = ()
    widening: Widening = field(default_factory=Widening)
    _numbers: Iterator[int] = field(default_factory=lambda: count(-1, -1))

    @classmethod
    def around(cls, net: Net, known: Variables, errors: Mapping[str, tuple[str, ...]] | None) -> Anything:
        """The world around a net."""
        drawn: dict[str, None] = {}
        delivered: dict[tuple[str, str], None] = {}
        for place in net.places.values():
            for node in place.scope.nodes.values():
                for event in node.events:
                    if event.kind == "error" and node.kind in {"boundaryEvent", "startEvent"}:
                        drawn[event.code or values.label("any error")] = None
                    if event.kind in {"message", "signal"} and node.kind not in {
                        "endEvent",
                        "intermediateThrowEvent",
                        "sendTask",
                    }:
                        delivered[event.kind, event.name] = None
        return cls(net, known, errors, drawn=tuple(drawn), delivered=tuple(delivered))

    def unknown(self) -> Unknown:
        """A value of which nothing is known, not even that it is another one."""
        return Unknown({"?": next(self._numbers)})

    def truths(self, condition: str, carried: Carried) -> Iterable[bool]:
        """True, false, or both where it hangs on what is not known."""
        return values.truths(condition, carried.variables)

    def met(self, condition: str, carried: Carried, unsure: frozenset[str]) -> Iterable[bool]:
        """The same of a conditional event; where branches disagree it may be either."""
        known = {name: value for name, value in carried.variables.items() if name not in unsure}
        return values.truths(condition, known)

    def assigned(self, node: Node, carried: Carried) -> Iterable[Mapping[str, Any]]:
        """Every combination of what the script's lines may come to."""
        made: list[dict[str, Any]] = [{}]
        for name, text in assignments(node):
            made = [
                {**line, name: self.widening.value(name, value, text)}
                for line in made
                for value in values.possible(text, {**carried.variables, **line})
            ]
            if len(made) > MANY:
                made = [{name: ANYTHING for line in made for name in line}]
        for line in made:
            yield self._fresh(line)

    def decided(self, decision: Decision, carried: Carried) -> Iterable[Mapping[str, Any]]:
        """The outputs of each row that may be the one."""
        if decision.hit_policy in {"COLLECT", "RULE ORDER"}:
            yield self._fresh(dict.fromkeys(decision.outputs, ANYTHING))
            return
        inputs = [values.possible(column, carried.variables) for column in decision.inputs]
        given: dict[str, dict[str, Any]] = {}
        for rule in decision.rules:
            met = frozenset({True})
            for cell, column in zip(rule.inputs, inputs, strict=True):
                one = self._met(cell.text, column, carried)
                met = frozenset({*({False} if False in met | one else ()), *({True} if True in met & one else ())})
            if True not in met:
                continue
            row = [
                (None,)
                if cell.text in {"", "-"}
                else [self.widening.value(name, v, cell.text) for v in values.possible(cell.text, carried.variables)]
                for name, cell in zip(decision.outputs, rule.outputs, strict=True)
            ]
            for chosen in product(*row):
                made = {n: v for n, v in zip(decision.outputs, chosen, strict=True) if n in self.known.followed}
                given[values.label(made)] = made
            if False not in met and decision.hit_policy == "FIRST":
                break
        if not given:
            raise Trouble("decision")
        if len(given) > MANY:
            given = {"": dict.fromkeys(decision.outputs, ANYTHING)}
        for made in given.values():
            yield self._fresh(made)

    def answers(self, node: Node, path: tuple[str, ...], carried: Carried) -> Iterable[dict[str, Any]]:
        """Every answer that the form allows, as far as it has few choices."""
        process = self._process(path)
        return answers(self.known.forms.get((process, node.id), {})) or [Partly()]

    def outcomes(self, node: Node, path: tuple[str, ...], carried: Carried) -> Iterable[Any]:
        """A value of which nothing is known, or one of the handler's errors."""
        yield self.unknown()
        handler = node.operator.handler if node.operator else ""
        for code in self.drawn if self.errors is None else self.errors.get(handler, self.drawn):
            yield Raised(code)

    def payloads(self, event: Event, carried: Carried) -> Iterable[dict[str, Any]]:
        """An object of which nothing is known."""
        yield self.unknown()

    def deliveries(self) -> Iterable[tuple[str, str, dict[str, Any]]]:
        """Everything that somebody waits for may come."""
        for kind, name in self.delivered:
            yield kind, name, self.unknown()

    def items(self, node: Node, carried: Carried) -> Iterable[tuple[Any, ...] | int]:
        """No, one and two copies; of a number that is written down, no more and no fewer."""
        loop = node.loop
        counted = values.possible(loop.cardinality, carried.variables) if loop and loop.cardinality else ()
        for total in COPIES:
            if len(counted) == 1 and type(counted[0]) is int and total != min(counted[0], COPIES[-1]):
                continue
            # Of a number too: which of many a copy is, is not told by which of two it is here.
            yield tuple(self.unknown() for _ in range(total))

    def enough(self, condition: str, carried: Carried, counts: Mapping[str, int]) -> Iterable[bool]:
        """As this world has it; the other one is explored beside it."""
        yield self.enough_copies

    def another(self, maximum: int) -> Iterable[bool]:
        """Few passes are counted; of more there may be any number."""
        return (True,) if maximum <= FEW else (True, False)

    def times(self, text: str, carried: Carried) -> Iterable[str]:
        """No time is told: a timer may occur whenever it is armed, a cycle of an expression without end."""
        return ()

    def _fresh(self, made: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.unknown() if isinstance(value, Unknown) else value for name, value in made.items()}

    def _met(self, cell: str, column: Iterable[Any], carried: Carried) -> frozenset[bool]:
        try:
            test = cells.test(cell)
        except ExpressionError:
            return frozenset({True, False})
        if test is None:
            return frozenset({True})
        found: set[bool] = set()
        for value in column:
            found |= values.truths(test, {**carried.variables, cells.INPUT: value})
        return frozenset(found)

    def _process(self, path: tuple[str, ...]) -> str:
        return process_of(self.net, path)


def process_of(net: Net, path: tuple[str, ...]) -> str:
    """The process in which something stands, by the calls and subprocesses around it."""
    process = net.main
    for element in path:
        node = net.diagrams[process].process.node(element)
        if node is not None and node.kind == "callActivity":
            process = node.called
    return process
