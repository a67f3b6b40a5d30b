"""Which event may stand where."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn import multiple
from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import EVENTS, Node
from engine.bpmn.supported import EVENT_DEFINITIONS, HANDLER_STARTS

HINTS = {
    (
        "startEvent",
        "conditional",
    ): "A process has no variables before it begins: begin it by the message or signal that "
    "tells of the change, or draw a plain start event, and a catching event with the condition behind it.",
    (
        "startEvent",
        "compensate",
    ): "Attach a compensation event to the subprocess around it, and draw an association to a "
    "subprocess that undoes it.",
    ("startEvent", "error"): "An error begins event subprocesses only: draw one around this start event.",
    ("startEvent", "escalation"): "An escalation begins event subprocesses only: draw one around this start event.",
    ("startEvent", ""): "Draw a start event.",
}


@rule("event-definitions")
def check(subject: Subject) -> Iterator[Finding]:
    """An event's definitions are of kinds that are executed where it stands, and may stand together."""
    for node in subject.nodes():
        if node.kind not in EVENTS and node.kind not in EVENT_DEFINITIONS:
            continue
        around = subject.process.node(node.scope)
        begins = node.kind == "startEvent" and around is not None and around.triggered_by_event
        if begins and not node.events:
            continue  # told by the rule for event subprocesses
        allowed = HANDLER_STARTS if begins else EVENT_DEFINITIONS[node.kind]
        refused = [kind for kind in (*(event.kind for event in node.events),) or ("",) if kind not in allowed]
        if refused:
            kind = refused[0]
            spoken = f'A {node.kind} of kind "{kind}"' if kind else f"A {node.kind} without a definition"
            listed = ", ".join(name or "none" for name in allowed)
            yield Finding(
                at=node,
                reason=f"{spoken} is not executed.",
                hint=HINTS.get((node.kind, kind), f"Executed there: {listed}."),
            )
            continue
        found = multiple.refusal(node, starts=node.kind == "startEvent" and around is None, raced=_raced(subject, node))
        if found is not None:
            yield Finding(at=node, reason=found[0], hint=found[1])


def _raced(subject: Subject, node: Node) -> bool:
    scope = subject.process.scopes[node.scope]
    sources = (scope.nodes.get(flow.source) for flow in scope.incoming(node.id))
    return any(source is not None and source.kind == "eventBasedGateway" for source in sources)
