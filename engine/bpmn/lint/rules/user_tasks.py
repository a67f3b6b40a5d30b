"""User tasks: who, what, with which evidence, and who may not."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn import calendar
from engine.bpmn.lint.registry import Finding, Subject, nearest, rule
from engine.bpmn.model import Node
from engine.bpmn.rests import listed


@rule("user-tasks")
def check(subject: Subject) -> Iterator[Finding]:
    """A user task lies in the lane of a role and names a known kind, form, evidence and shut-out elements."""
    words = subject.vocabulary
    for node in subject.nodes("userTask"):
        kind = node.properties.get("kind") or "form"
        if not node.lane:
            yield Finding(
                at=node, reason="The user task lies in no lane.", hint="Draw it in the lane of the role that does it."
            )
        elif node.lane not in words.roles:
            yield Finding(
                at=node,
                reason=f'The lane "{node.lane}" is no role.',
                hint=nearest(node.lane, words.roles, "roles"),
            )
        if kind not in words.task_kinds:
            yield Finding(
                at=node,
                reason=f'There is no kind of task "{kind}".',
                hint=nearest(kind, words.task_kinds, "kinds of task"),
            )
        if kind == "form" and not node.properties.get("form"):
            yield Finding(
                at=node, reason="The user task names no form.", hint="Set its property form to a *.form.json."
            )
        for name in listed(node.properties.get("evidence", "")):
            if name not in words.evidence:
                yield Finding(
                    at=node,
                    reason=f'There is no evidence "{name}".',
                    hint=nearest(name, words.evidence, "evidence"),
                )
        yield from _shut_out(subject, node)
        yield from _due(node)


def _shut_out(subject: Subject, node: Node) -> Iterator[Finding]:
    for name in listed(node.properties.get("shut_out", "")):
        process, _, element = name.rpartition("/")
        if name == "starter":
            continue
        if process:
            known = subject.vocabulary.processes
            if known and process not in known:
                yield Finding(
                    at=node,
                    reason=f'The shut-out "{name}" names the process "{process}", which is not known.',
                    hint=nearest(process, known, "processes"),
                )
            continue
        found = subject.process.node(element)
        if found is None or found.kind != "userTask":
            tasks = {other.id for other in subject.nodes("userTask")} | {"starter"}
            yield Finding(
                at=node,
                reason=f'The shut-out "{element}" is no user task of this process.',
                hint=f"{nearest(element, tasks, 'user tasks')} One of another process is written process/Element.",
            )


def _due(node: Node) -> Iterator[Finding]:
    due = node.properties.get("due")
    if due:
        try:
            calendar.checked("duration", due)
        except calendar.NotATime as error:
            yield Finding(at=node, reason=f"The property due: {error.message}", hint=error.way_on)
