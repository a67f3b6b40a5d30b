"""Models: registered, edited, given a tier, retired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import audit, events
from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inventory import metadata
from engine.inventory.metadata import Metadata
from engine.inventory.queries import ModelUnknown
from engine.inventory.references import stream
from engine.inventory.tables import ModelRow
from engine.inventory.values import Model, as_model
from engine.store import now

#: what the inventory keeps in a column of its own, to search and to order by
_COLUMNS = (
    "name",
    "kind",
    "owner",
    "team",
    "tool",
    "purpose",
    "affects_people",
    "decisions_per_year",
    "environment",
)


class ModelExists(GatewrightError):
    """There is a model {model!r} already."""

    code = "model-exists"
    hint = "Add a version to it, or choose another id."
    status = 409


class ModelRetired(GatewrightError):
    """The model {model} was retired on {day}."""

    code = "model-retired"
    hint = "A retired model stays as it is; register its successor under an id of its own."
    status = 409


class ModelChanged(GatewrightError):
    """The model {model} was edited meanwhile: its revision is {found}, not {expected}."""

    code = "model-changed"
    hint = "Read it again, and make the change on what is there now."
    status = 409


class KindStays(GatewrightError):
    """The kind of {model} is {kind} and stays so."""

    code = "model-kind"
    hint = "Register a model of another kind under an id of its own."
    status = 409


def register(session: Session, by: Person, declared: Metadata) -> Model:
    """A new model; raises NotPermitted or ModelExists."""
    require(by, "model.register")
    instant = now(session)
    values = declared.model_dump(mode="json")
    made = session.execute(
        insert(ModelRow)
        .values(
            {
                **{name: values[name] for name in ("id", *_COLUMNS)},
                "metadata": values,
                "revision": 1,
                "registered_at": instant,
                "registered_by": by.id,
            }
        )
        .on_conflict_do_nothing()
        .returning(ModelRow)
    ).scalar_one_or_none()
    if made is None:
        raise ModelExists(model=declared.id)
    audit.record(session, stream(declared.id), "model.registered", actor=by.id, subject=declared.id, metadata=values)
    events.emit(session, "model.registered", declared.id)
    return as_model(made)


def edit(session: Session, by: Person, id: str, changes: Mapping[str, Any], *, revision: int | None = None) -> Model:
    """The model with some fields declared anew; what was decided on the old ones is told of the change.

    revision: the one that the editor saw; ModelChanged where another came between. Raises NotPermitted, ModelUnknown,
    ModelRetired, KindStays, and as `metadata.read` does.
    """
    require(by, "model.edit")
    row = lock(session, id)
    if revision is not None and row.revision != revision:
        raise ModelChanged(model=id, found=row.revision, expected=revision)
    if changes.get("kind", row.kind) != row.kind:
        raise KindStays(model=id, kind=row.kind)
    declared = metadata.read({**row.metadata_json, **changes, "id": id})
    values = declared.model_dump(mode="json")
    before = row.metadata_json
    changed = {
        name: {"from": before.get(name), "to": value} for name, value in values.items() if value != before.get(name)
    }
    if not changed:
        return as_model(row)
    for name in _COLUMNS:
        setattr(row, name, values[name])
    row.metadata_json = values
    row.revision += 1
    audit.record(session, stream(id), "model.edited", actor=by.id, subject=id, changes=changed, revision=row.revision)
    events.emit(session, "model.edited", id, changed=sorted(changed))
    session.flush()
    return as_model(row)


def give_tier(session: Session, id: str, tier: str, *, actor: str, **facts: Any) -> Model:
    """The model with its risk tier as a decision table or a person decided it; facts: what it was decided on."""
    row = lock(session, id)
    before, row.tier = row.tier, tier
    audit.record(session, stream(id), "model.tiered", actor=actor, subject=id, tier=tier, before=before, **facts)
    if before != tier:
        events.emit(session, "model.tiered", id, tier=tier, before=before)
    session.flush()
    return as_model(row)


def retire(session: Session, id: str, *, actor: str, reason: str = "") -> Model:
    """The model, retired: nothing of it may run or change from now on. Ending what runs is the caller's."""
    row = lock(session, id)
    row.retired_at = now(session)
    audit.record(session, stream(id), "model.retired", actor=actor, subject=id, reason=reason)
    events.emit(session, "model.retired", id)
    session.flush()
    return as_model(row)


def ask_for_retirement(session: Session, by: Person, id: str, *, reason: str) -> Model:
    """Tell that the model shall be retired; whether it is, is decided by who hears of it. Raises NotPermitted."""
    require(by, "model.edit")
    row = lock(session, id)
    audit.record(session, stream(id), "model.retirement_requested", actor=by.id, subject=id, reason=reason)
    events.emit(session, "retirement.requested", id, reason=reason, by=by.id)
    return as_model(row)


def lock(session: Session, id: str) -> ModelRow:
    """The row of a model that is not retired, locked until the transaction ends."""
    row = session.get(ModelRow, id, with_for_update=True, populate_existing=True)
    if row is None:
        raise ModelUnknown(model=id)
    if row.retired_at is not None:
        raise ModelRetired(model=id, day=row.retired_at.date())
    return row
