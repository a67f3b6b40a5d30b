"""An operator moves a token: it is cancelled where it stands and put at another element of the same scope."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.bpmn.instances import Instance
from engine.bpmn.model import Node
from engine.bpmn.spec.element import BoundarySplit
from engine.bpmn.spec.events import BoundaryEvent
from engine.bpmn.spec.gateways import EventBasedGateway
from engine.bpmn.spec.joins import Joining
from engine.bpmn.tokens import FINISHED, FUTURE, WAITING, Token
from engine.bpmn.values import NotWaiting, Standing
from engine.errors import GatewrightError


class NotMovable(GatewrightError):
    """The token at {source} cannot be moved to {target}: {reason}."""

    code = "not-movable"
    hint = "Choose another element of the same process or subprocess; the page Move of the instance lists them."
    status = 409


def standing(instance: Instance) -> list[Standing]:
    """The tokens that can be moved, in the order in which they came."""
    return [
        Standing(
            task_id=str(token.id),
            element=token.task_spec.node.id,
            name=token.task_spec.node.name,
            kind=token.task_spec.node.kind,
            process=token.task_spec.node.process,
            scope=token.scope,
        )
        for token in instance.tokens()
        if _movable(token)
    ]


def targets(instance: Instance, task_id: str) -> list[str]:
    """The elements at which the token may be put; raises NotWaiting."""
    token = _token(instance, task_id)
    return [node.id for node, _ in _places(token)]


def move(instance: Instance, task_id: str, element: str) -> None:
    """Cancel a token with all beneath it, and put one with its variables at another element of its scope.

    Events armed for it are disarmed. Raises NotWaiting, NotMovable.
    """
    token = _token(instance, task_id)
    entry = next((entry for node, entry in _places(token) if node.id == element), None)
    if entry is None:
        known = token.workflow.spec.task_specs.get(element)
        reason = (
            "it is no element of the same process or subprocess"
            if known is None or getattr(known, "node", None) is None
            else "no token can be put there: it begins a scope, is armed by another element, or joins several flows"
        )
        raise NotMovable(source=token.task_spec.node.id, target=element, reason=reason)
    split = token.parent
    if isinstance(split.task_spec, BoundarySplit):
        for sibling in split.children:
            if sibling is not token and sibling._state == WAITING:
                sibling.cancel()
    if not token.task_spec.joins:
        token.stamp_changes()  # of a repeated activity: what its copies have written so far
    token.cancel()
    placed = token._add_child(entry, FUTURE)
    if isinstance(entry, Joining):
        placed.internal_data["source"] = entry.inputs[0].name
    placed.task_spec._update(placed)
    token.workflow.update_waiting_tasks()


def _token(instance: Instance, task_id: str) -> Token:
    token = instance.find(task_id)
    if token is None or token.has_state(FINISHED) or not _movable(token):
        raise NotWaiting(task=task_id)
    return token


def _movable(token: Token) -> bool:
    """No copy of a repeated activity, which its activity counts, no event that is merely armed, nothing that undoes."""
    spec = token.task_spec
    if spec.node is None or token.triggered or isinstance(spec, BoundaryEvent) or _apart(spec.node):
        return False
    if spec.node.id.startswith("("):
        return False  # what a pass made explicit: the token has not left the element before, as it is drawn
    if "undo" in token.internal_data or "undoes" in token.internal_data:
        return False  # it waits for compensation that is under way, or does it
    return not (token._state == WAITING and isinstance(token.parent.task_spec, EventBasedGateway))


def _places(token: Token) -> Iterator[tuple[Node, Any]]:
    """Each element of the scope that takes a token by itself, with the specification by which it is entered."""
    specs = token.workflow.spec.task_specs
    for spec in specs.values():
        node = getattr(spec, "node", None)
        if node is None or node.id != spec.name or node.kind == "boundaryEvent" or _apart(node) or not spec.inputs:
            continue
        if node.id.startswith("("):
            continue  # what a pass made explicit: nobody drew it, so nobody can name it
        if isinstance(spec, Joining) and len(spec.inputs) > 1:
            continue
        if any(isinstance(before, EventBasedGateway) and before.chooses for before in spec.inputs):
            continue
        yield node, specs.get(f"(beside {node.id})") or specs.get(f"(boundary of {node.id})", spec)


def _apart(node: Node) -> bool:
    """Whether it is outside of the flow: what begins a scope, what an event begins, what undoes another activity."""
    return node.kind == "startEvent" or node.triggered_by_event or node.compensation
