"""The history of an instance: one row for each element it went through, by whom, from when to when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import bpmn

if TYPE_CHECKING:
    from engine.runtime.transaction import Moving

#: elements whose completion is somebody's act, not the engine's
_BY_ACTOR = frozenset({"userTask", "manualTask"})


def write(moving: Moving, rest: bpmn.Rest) -> None:
    """Note what happened since the last rest."""
    rows: dict[str, dict[str, Any]] = {}
    for step in rest.trace:
        row = rows.setdefault(
            step.task_id,
            {
                "instance": moving.row.id,
                "task": step.task_id,
                "element": step.element,
                "name": step.name,
                "kind": step.kind,
                "process": step.process,
                "scope": "/".join(step.scope),
                "entered_at": moving.now,
                "left_at": None,
                "outcome": None,
                "actor": None,
            },
        )
        if step.happened != "entered":
            row["left_at"], row["outcome"] = moving.now, step.happened
            row["actor"] = moving.actor.id if step.kind in _BY_ACTOR and step.happened == "completed" else None
    if not rows:
        return
    moving.changes.rows["steps"] = list(rows.values())
    moving.record(
        "instance.moved",
        revision=moving.row.revision + 1,
        steps=[f"{step.happened} {step.element}" for step in rest.trace if step.happened != "entered"],
    )
