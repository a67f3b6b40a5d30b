"""What a diagram leaves open: data, and the choices of those outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.model import Decision, Event, Node
from engine.bpmn.token_game import tables
from engine.bpmn.token_game.carried import Carried


class Trouble(Exception):
    """The element cannot go on; `kind` says why."""

    def __init__(self, kind: str, names: tuple[str, ...] = ()) -> None:
        self.kind, self.names = kind, names
        super().__init__(kind)


class Raised(str):
    """The code of a named error, as a service task's outcome."""

    __slots__ = ()


class World(Protocol):
    """Every way in which data and people may turn out; each method gives all that may be the case."""

    def truths(self, condition: str, carried: Carried) -> Iterable[bool]:
        """What a condition may be."""

    def met(self, condition: str, carried: Carried, unsure: frozenset[str]) -> Iterable[bool]:
        """Whether a conditional event's condition may be true, where branches disagree on some variables."""

    def assigned(self, node: Node, carried: Carried) -> Iterable[Mapping[str, Any]]:
        """What a script may write."""

    def decided(self, decision: Decision, carried: Carried) -> Iterable[Mapping[str, Any]]:
        """What a decision may give."""

    def answers(self, node: Node, path: tuple[str, ...], carried: Carried) -> Iterable[dict[str, Any]]:
        """What a person may answer."""

    def outcomes(self, node: Node, path: tuple[str, ...], carried: Carried) -> Iterable[Any]:
        """What a handler may return now; a Raised is an error."""

    def payloads(self, event: Event, carried: Carried) -> Iterable[dict[str, Any]]:
        """What a thrown event may carry."""

    def deliveries(self) -> Iterable[tuple[str, str, dict[str, Any]]]:
        """The messages and signals that may come from outside: (kind, name, payload)."""

    def items(self, node: Node, carried: Carried) -> Iterable[tuple[Any, ...] | int]:
        """What a multi-instance activity may go through."""

    def enough(self, condition: str, carried: Carried, counts: Mapping[str, int]) -> Iterable[bool]:
        """Whether a repeated activity's own condition may hold, given the counters that the standard has there."""

    def another(self, maximum: int) -> Iterable[bool]:
        """Whether there may be another pass of a loop that nothing but its maximum ends, before it is reached."""

    def times(self, text: str, carried: Carried) -> Iterable[str]:
        """What a timer's expression may give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concrete:
    """The world of one run: data are values, and those outside do what they are told to."""

    answer: Callable[[Node, tuple[str, ...], dict[str, Any]], Iterable[dict[str, Any]]] = lambda node, path, data: ()
    outcome: Callable[[Node, tuple[str, ...], dict[str, Any]], Iterable[Any]] = lambda node, path, parameters: ()
    delivered: tuple[tuple[str, str, dict[str, Any]], ...] = ()

    def truths(self, condition: str, carried: Carried) -> Iterable[bool]:
        """The condition's value."""
        value = _evaluated(condition, carried)
        if not isinstance(value, bool):
            raise Trouble("expression")
        yield value

    def met(self, condition: str, carried: Carried, unsure: frozenset[str]) -> Iterable[bool]:
        """The condition's value; false while a variable is missing, or has no one value."""
        read = expressions.names(condition)
        if read & unsure or not read <= carried.held.keys():
            yield False
        else:
            yield from self.truths(condition, carried)

    def assigned(self, node: Node, carried: Carried) -> Iterable[Mapping[str, Any]]:
        """What the script writes."""
        try:
            yield expressions.execute(node.script, carried.variables)
        except ExpressionError as error:
            raise Trouble("expression") from error

    def decided(self, decision: Decision, carried: Carried) -> Iterable[Mapping[str, Any]]:
        """What the table gives."""
        try:
            yield tables.decided(decision, carried.variables)
        except tables.Undecided as error:
            raise Trouble("decision") from error
        except ExpressionError as error:
            raise Trouble("expression") from error

    def answers(self, node: Node, path: tuple[str, ...], carried: Carried) -> Iterable[dict[str, Any]]:
        """The answer that is told."""
        return self.answer(node, path, carried.variables)

    def outcomes(self, node: Node, path: tuple[str, ...], carried: Carried) -> Iterable[Any]:
        """The outcome that is told, of the evaluated parameters."""
        operator = node.operator
        given = operator.parameters if operator else ()
        return self.outcome(node, path, {each.id: _evaluated(each.value, carried) for each in given})

    def payloads(self, event: Event, carried: Carried) -> Iterable[dict[str, Any]]:
        """The payload's value."""
        value = _evaluated(event.expression, carried) if event.expression else {}
        if not isinstance(value, dict):
            raise Trouble("expression")
        yield value

    def deliveries(self) -> Iterable[tuple[str, str, dict[str, Any]]]:
        """What is told to come."""
        return self.delivered

    def items(self, node: Node, carried: Carried) -> Iterable[tuple[Any, ...] | int]:
        """The items, or their number."""
        loop = node.loop
        assert loop is not None  # noqa: S101 - asked of repeated activities only
        if loop.cardinality:
            count = _evaluated(loop.cardinality, carried)
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise Trouble("loop")
            yield count
            return
        items = carried.variables.get(loop.input)
        if not isinstance(items, list):
            raise Trouble("loop")
        yield tuple(items)

    def enough(self, condition: str, carried: Carried, counts: Mapping[str, int]) -> Iterable[bool]:
        """Whether the condition is true."""
        try:
            value = expressions.evaluate(condition, carried.variables, counts)
        except ExpressionError as error:
            raise Trouble("loop") from error
        if not isinstance(value, bool):
            raise Trouble("loop")
        yield value

    def another(self, maximum: int) -> Iterable[bool]:
        """There is."""
        return (True,)

    def times(self, text: str, carried: Carried) -> Iterable[str]:
        """The text that the expression gives."""
        try:
            value = expressions.evaluate(text, carried.variables)
        except ExpressionError as error:
            raise Trouble("timer") from error
        if not isinstance(value, str):
            raise Trouble("timer")
        yield value


def _evaluated(expression: str, carried: Carried) -> Any:
    try:
        return expressions.evaluate(expression, carried.variables)
    except ExpressionError as error:
        raise Trouble("expression") from error
