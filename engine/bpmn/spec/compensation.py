"""Compensation: what has completed is undone by its handlers, one after the other, the latest first.

A token that asks for it (a throw event, a cancel end event, a subprocess that is undone by what is in it) keeps the
records still to be undone in its `internal_data`, so that it goes on after any restore. A handler's token carries whom
it works for; when it is over, what it changed goes to that token, and the next handler begins.
"""

from __future__ import annotations

from typing import Any

from engine.bpmn.completed import MAX_COMPLETED, Completed, in_order
from engine.bpmn.merging import same
from engine.bpmn.model import EMBEDDED
from engine.bpmn.spec.errors import ElementError
from engine.bpmn.tokens import FINISHED, FUTURE, Token


def keep(token: Token) -> None:
    """Remember an activity that has just completed, where there is something to undo."""
    workflow, record = token.workflow, _record(token)
    if record is None:
        return
    if token.triggered:
        token.parent.internal_data.setdefault("copies", []).append(record.as_json())
        return
    workflow.records.append(record)
    if len(workflow.records) > MAX_COMPLETED:
        del workflow.records[0]
        workflow.forgotten += 1


def _record(token: Token) -> Completed | None:
    spec, top = token.task_spec, token.workflow.top_workflow
    number, element = top.number(), spec.node.id
    if spec.repeats:
        copies = tuple(map(Completed.from_json, token.internal_data.pop("copies", [])))
        return Completed(element, number, {}, copies, copies=True) if copies else None
    inner: tuple[Completed, ...] = ()
    if not spec.undone_by:
        scope = top.subprocesses.get(token.id)
        inner = tuple(scope.records) if scope is not None else ()
        if not inner:
            return None
    before = {} if token.parent is None else token.parent.data
    names = [
        name for name, value in token.data.items()
        if name in spec.reads or name not in before or not same(before[name], value)
    ]  # fmt: skip
    return Completed(element, number, {name: token.data[name] for name in names}, inner)


def take(token: Token, elements: set[str]) -> None:
    """Hand a throw event what had completed in its scope when it came: all, or named activities however often they ran.

    elements: their ids; an empty one stands for all.
    """
    workflow = token.workflow
    records = workflow.records
    taken = [record for record in records if {"", record.element} & elements]
    workflow.records = [record for record in records if not {"", record.element} & elements]
    token.internal_data["undo"] = [record.as_json() for record in taken]
    if workflow.forgotten:
        token.internal_data["forgotten"], workflow.forgotten = workflow.forgotten, 0


def cut(token: Token) -> None:
    """Hand a cancel end event all that has completed in its transaction; what is still active there is cancelled."""
    workflow = token.workflow
    token.internal_data["undo"] = [record.as_json() for record in in_order(_completed(workflow, token))]
    workflow.records = []
    for other in workflow.unfinished():
        if other is not token and other.task_spec is not workflow.spec.end:
            other.cancel()


def _completed(workflow: Any, asking: Token | None = None) -> list[Completed]:
    """What has completed in a scope, in what is still active in it, and what others there had yet to undo."""
    found = list(workflow.records)
    for token in workflow.unfinished():
        spec, inside = token.task_spec, token.internal_data
        if token is asking or "undoes" in inside:
            continue
        found += map(Completed.from_json, inside.get("copies", []))
        if "undo" in inside:
            found += _left(token)
        elif not spec.repeats and spec.node is not None and spec.node.kind in EMBEDDED:
            scope = workflow.top_workflow.subprocesses.get(token.id)
            inner = in_order(_completed(scope)) if scope is not None else []
            if inner:
                found.append(Completed(spec.node.id, inner[-1].number, {}, tuple(inner), whole=False))
    return found


def _left(token: Token) -> list[Completed]:
    """What a token has yet to undo; a handler that is under way begins anew."""
    found = [Completed.from_json(kept) for kept in token.internal_data["undo"]]
    current = token.internal_data.get("undoing")
    if current is not None:
        record = Completed.from_json(current)
        for handler in token.workflow.top_workflow.tokens():
            if handler.internal_data.get("undoes") == str(token.id) and "undo" in handler.internal_data:
                inner = tuple(_left(handler))
                record = Completed(record.element, record.number, record.variables, inner, whole=False)
        found.append(record)
    return found


def go_on(token: Token, workflow: Any) -> bool | None:
    """Begin the next handler in a scope, and give None; True where nothing is left to undo."""
    inside = token.internal_data
    if "undoing" in inside:
        return None
    forgotten = inside.pop("forgotten", 0)
    if forgotten:
        raise ElementError(
            "compensation",
            f"More than {MAX_COMPLETED:,} activities of the scope had completed; the first {forgotten:,} are no longer "
            "known. Try again to undo the others.",
        )
    while inside["undo"]:
        record = Completed.from_json(inside["undo"].pop())
        if record.copies:
            inside["undo"] += [copy.as_json() for copy in record.inner]
            continue
        specs = workflow.spec.task_specs
        handler = specs[record.element].undone_by if record.whole else ""
        undoing = specs[handler or f"(undo of {record.element})"]
        inside["undoing"] = record.as_json()
        child = workflow.task_tree._add_child(undoing, FUTURE)
        child.data = {**token.data, **record.variables}
        child.internal_data["undoes"] = str(token.id)
        if not handler:
            child.internal_data["undo"] = [inner.as_json() for inner in record.inner]
        child.task_spec._update(child)
        return None
    del inside["undo"]
    return True


def undone(handler: Token) -> None:
    """A handler is over: what it changed of what it saw goes to the token that it worked for, which goes on."""
    token = handler.workflow.top_workflow.find(handler.internal_data["undoes"])
    if token is None or token.has_state(FINISHED):
        return
    record = Completed.from_json(token.internal_data.pop("undoing"))
    saw = {**token.data, **record.variables}
    token.data = {
        **token.data,
        **{name: value for name, value in handler.data.items() if name not in saw or not same(saw[name], value)},
    }
    token._ready()
