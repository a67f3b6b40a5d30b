"""Expressions on flows, parameters, events and loops."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import Flow, Node


@rule("expressions")
def check(subject: Subject) -> Iterator[Finding]:
    """Every expression is one of the safe subset of Python."""
    for at, expression, line in written(subject):
        finding = problem(at, expression, line)
        if finding is not None:
            yield finding


def written(subject: Subject) -> Iterator[tuple[Node | Flow, str, int | None]]:
    """Every expression of the diagram but those of scripts, timers and decisions, with where it stands."""
    for scope in subject.scopes():
        for flow in scope.flows:
            if flow.condition:
                yield flow, flow.condition, flow.line
        for node in scope.nodes.values():
            if node.operator is not None:
                for parameter in node.operator.parameters:
                    yield node, parameter.value, parameter.line
            for event in node.events:
                if event.kind in {"message", "signal", "conditional"} and event.expression:
                    yield node, event.expression, node.line
            if node.loop is not None:
                for text in (node.loop.cardinality, node.loop.condition):
                    if text:
                        yield node, text, node.line


def problem(at: Node | Flow, expression: str, line: int | None) -> Finding | None:
    """What is wrong with one expression, with its translation where it is in another engine's notation."""
    if expressions.is_foreign(expression):
        ours = expressions.translated(expression)
        return Finding(
            at=at,
            line=line,
            reason=f'The expression "{expression}" is written for another engine.',
            hint=f"Write it as: {ours}" if ours else "Write it in Python's notation: amount > 3 and approved == true.",
        )
    try:
        expressions.parse(expression)
    except ExpressionError as error:
        return Finding(at=at, line=line, reason=error.message, hint=error.way_on)
    return None
