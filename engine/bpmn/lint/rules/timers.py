"""Timers as modellers write them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn import calendar, expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.lint.rules.written_expressions import problem
from engine.bpmn.model import Event, Node


@rule("timers")
def check(subject: Subject) -> Iterator[Finding]:
    """A timer is ISO 8601, cron or an expression, and takes at least a second, a minute where it repeats for ever."""
    for node in subject.nodes():
        for event in node.events:
            if event.kind != "timer":
                continue
            if not event.timer or not event.expression:
                yield Finding(
                    at=node, reason="The timer has no time.", hint="Write a duration, a date or a cycle, such as PT5M."
                )
                continue
            starts = node.kind == "startEvent" and node.scope == subject.process.id
            once = node.kind not in {"boundaryEvent", "startEvent"} or node.interrupting
            if event.timer == "cycle" and once and not starts and event.expression.startswith("R"):
                yield Finding(
                    at=node,
                    severity="warning",
                    reason="A repeating timer stands where it can fire only once: at its first time.",
                    hint="Use a duration, or an event that does not interrupt.",
                )
            if calendar.is_literal(event.timer, event.expression):
                try:
                    calendar.checked(event.timer, event.expression)
                except calendar.NotATime as error:
                    ours = calendar.crontab(event.expression) if event.timer == "cycle" else None
                    hint = f"Write it as: {ours}" if ours else error.way_on
                    yield Finding(at=node, reason=error.message, hint=hint)
                continue
            if starts:
                yield Finding(
                    at=node,
                    reason="The time at which a process starts is an expression, and there are no variables before it.",
                    hint=calendar.NotATime.hint,
                )
                continue
            finding = problem(node, event.expression, node.line)
            if finding is not None:
                ours = calendar.interval(event.timer, event.expression)
                hint = finding.hint if "another engine" in finding.reason else calendar.NotATime.hint
                hint = f"Write it as: {ours}" if ours else hint
                yield Finding(at=node, reason=finding.reason, hint=hint)
            elif not expressions.names(event.expression):
                yield from _constant(node, event)


def _constant(node: Node, event: Event) -> Iterator[Finding]:
    """An expression without variables is the same each time: where it gives no time now it never will."""
    try:
        value = expressions.evaluate(event.expression, {})
        reason = "" if isinstance(value, str) else f'The timer\'s expression "{event.expression}" gives no text.'
        if not reason:
            calendar.checked(event.timer, value)
    except (ExpressionError, calendar.NotATime) as error:
        reason = error.message
    if reason:
        yield Finding(at=node, reason=reason, hint=calendar.NotATime.hint)
