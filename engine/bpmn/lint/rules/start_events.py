"""Where a scope begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import EMBEDDED


@rule("start-events")
def check(subject: Subject) -> Iterator[Finding]:
    """A scope has one plain start event, a process others by events beside it; or elements that nothing leads to."""
    for scope in subject.scopes():
        around = subject.process.node(scope.id) or subject.process
        starts = [node for node in scope.nodes.values() if node.kind == "startEvent"]
        plain = [node for node in starts if not node.events]
        if scope.kind == "adHocSubProcess" or getattr(around, "triggered_by_event", False):
            continue  # told by a rule of its own
        if not scope.nodes:
            if scope.kind == "process":
                yield Finding(at=around, reason="Nothing is drawn in the process.", hint="Draw its first element.")
        elif not starts and not scope.beginnings():
            yield Finding(
                at=around,
                reason="Nothing begins: there is no start event, and a flow leads to every element.",
                hint="Draw a start event.",
            )
        elif len(plain) > 1:
            yield Finding(
                at=plain[1],
                reason="There are several plain start events.",
                hint="Keep one, and draw a gateway behind it.",
            )
        elif starts and scope.kind in EMBEDDED and (len(starts) > 1 or not plain):
            yield Finding(
                at=starts[0],
                reason="A subprocess begins with exactly one start event without a trigger.",
                hint="Remove the trigger, or the other start events.",
            )
        told = {"message", "signal"}
        names = Counter((event.kind, event.name) for node in starts for event in node.events if event.kind in told)
        for node in starts:
            for event in node.events:
                if names[event.kind, event.name] > 1:
                    yield Finding(
                        at=node,
                        reason=f'Two start events wait for the {event.kind} "{event.name}".',
                        hint="Keep one of them.",
                    )
