"""An instance as bytes, without its specification: a few kilobytes that restore on any worker.

The order of the tokens is part of the state (as they were made, so parents before children), so they are kept as a
list. A token's data is kept as what it changed against its parent's.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from engine.bpmn.bundle import Bundle
from engine.bpmn.completed import Completed
from engine.bpmn.instances import Instance, Scope
from engine.bpmn.tokens import READY, Token
from engine.bpmn.values import Step, Thrown
from engine.errors import GatewrightError

#: ours and SpiffWorkflow's version; raise the first number when the layout changes
STATE_FORMAT = (2, "3.2.0")


class StateUnknown(GatewrightError):
    """The instance's state has format {found}; this version of Gatewright reads up to {known}."""

    code = "state-unknown"
    hint = "Let a worker of the newer version go on with it, or finish the upgrade."


class StateOfAnotherBundle(GatewrightError):
    """The instance's state belongs to definition {found}, not to {given}."""

    code = "state-of-another-definition"
    hint = "Restore it with the definition that the instance was started on."


class StateDamaged(GatewrightError):
    """The instance's state cannot be read: {reason}."""

    code = "state-damaged"
    hint = "Restore the instance from a backup, or cancel it and start anew."


def dump(instance: Instance, bundle: Bundle, facts: dict[str, Any]) -> bytes:
    """The state as bytes; `facts` are the execution's own."""
    body = {
        "state_format": list(STATE_FORMAT),
        "bundle": bundle.digest,
        "facts": facts,
        "started_by": instance.started_by,
        "writes": instance.writes,
        # A token that was cancelled while it stood in the queue may be of a scope that is gone with it.
        "queue": [str(token.id) for token in instance.queue if token._state == READY],
        "trace": [[s.task_id, s.element, s.name, s.kind, s.process, list(s.scope), s.happened] for s in instance.trace],
        "thrown": [[t.name, t.payload, t.correlation, t.kind, t.element, t.process] for t in instance.thrown],
        "scopes": [_scope(scope) for scope in instance.scopes()],
    }
    return orjson.dumps(body)


def _scope(scope: Any) -> dict[str, Any]:
    order = list(scope.tasks.values())
    places = {token.id: place for place, token in enumerate(order)}
    # No new format: an older version does not execute the diagrams that have these.
    undo = {"records": [each.as_json() for each in scope.records], "forgotten": scope.forgotten}
    return {
        "spec": scope.spec.name,
        "around": None if scope.parent_task_id is None else str(scope.parent_task_id),
        "completed": scope.completed,
        "data": scope.data,
        "last": None if scope.last_task is None else places.get(scope.last_task.id),
        "tokens": [_token(token, places) for token in order],
        **(undo if scope.records or scope.forgotten else {}),
    }


def _token(token: Token, places: dict[UUID, int]) -> list[Any]:
    parent = token.parent
    above = {} if parent is None else parent.data
    changed = {name: value for name, value in token.data.items() if not (name in above and above[name] is value)}
    gone = [name for name in above if name not in token.data]
    stamped = [token.stamps, sorted(token.seen)] if token.seen else []
    return [
        str(token.id),
        None if parent is None else places[parent.id],
        token.task_spec.name,
        token._state,
        token.triggered,
        token.internal_data,
        changed,
        gone,
        *stamped,
    ]


def load(content: bytes, bundle: Bundle) -> tuple[Instance, dict[str, Any]]:
    """The instance and the execution's facts, on the bundle's specifications."""
    try:
        body = orjson.loads(content)
        found = body["state_format"]
        number = found[0]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError) as error:
        raise StateDamaged(reason=str(error) or "it is no state") from error
    if not isinstance(number, int) or number > STATE_FORMAT[0] or _version(found[1]) > _version(STATE_FORMAT[1]):
        raise StateUnknown(found=_shown(found), known=_shown(STATE_FORMAT))
    if body["bundle"] != bundle.digest:
        raise StateOfAnotherBundle(found=body["bundle"], given=bundle.digest)
    try:
        return _load(body, bundle)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise StateDamaged(reason=f"{type(error).__name__}: {error}") from error


def _load(body: dict[str, Any], bundle: Bundle) -> tuple[Instance, dict[str, Any]]:
    specs = bundle.specs()
    instance = Instance(specs[bundle.process], specs)
    instance.started_by = body["started_by"]
    instance.writes = body.get("writes", 0)
    for kept in body["scopes"]:
        if kept["around"] is None:
            scope: Any = instance
        else:
            around = UUID(kept["around"])
            scope = Scope(specs[kept["spec"]], around, instance)
            instance.subprocesses[around] = scope
        _fill(scope, kept, numbered=body["state_format"][0] > 1)
    by_id = {str(token.id): token for scope in instance.scopes() for token in scope.tasks.values()}
    instance.queue.extend(by_id[identifier] for identifier in body["queue"])
    instance.trace = [
        Step(task_id=t, element=e, name=n, kind=k, process=p, scope=tuple(s), happened=h)
        for t, e, n, k, p, s, h in body["trace"]
    ]
    instance.thrown = [
        Thrown(name=n, payload=p, correlation=c, kind=k, element=e, process=o) for n, p, c, k, e, o in body["thrown"]
    ]
    return instance, body["facts"]


def _fill(scope: Any, kept: dict[str, Any], *, numbered: bool) -> None:
    tokens: list[Token] = []
    for identifier, place, name, state, triggered, internal, changed, gone, *stamped in kept["tokens"]:
        parent = None if place is None else tokens[place]
        token = Token(scope, scope.spec.task_specs[name], parent, state, UUID(identifier))
        token.triggered = triggered
        token.internal_data = internal
        token.data = {**({} if parent is None else parent.data), **changed}
        for lost in gone:
            token.data.pop(lost, None)
        if stamped:
            token.stamps, token.seen = stamped[0], frozenset(stamped[1])
        elif parent is not None and not numbered:
            # Format 1 kept the points where branches parted instead: what changed since then is a write.
            token.stamps, token.seen = parent.stamps, parent.seen
            token.stamp(changed)
        tokens.append(token)
    scope.task_tree = tokens[0]
    scope.records = [Completed.from_json(each) for each in kept.get("records", [])]
    scope.forgotten = kept.get("forgotten", 0)
    scope.completed = kept["completed"]
    scope.data = kept["data"]
    scope.last_task = None if kept["last"] is None else tokens[kept["last"]]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in str(text).split(".") if part.isdigit())


def _shown(found: Any) -> str:
    return " with SpiffWorkflow ".join(str(part) for part in found)
