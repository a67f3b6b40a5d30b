"""Risks: opened with a level, an owner and a due day; closed with a word on how."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import audit, events
from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inventory import models
from engine.inventory.references import stream
from engine.inventory.tables import RiskRow
from engine.inventory.values import Risk, as_risk
from engine.store import new_id, now

LEVELS = ("low", "medium", "high")


class RiskRefused(GatewrightError):
    """The risk is refused: {reason}."""

    code = "risk-refused"
    hint = "Give it a level (low, medium, high), a title, an owner and a due day."
    status = 422


class RiskUnknown(GatewrightError):
    """There is no open risk {risk}."""

    code = "risk-unknown"
    hint = "See the model's page, which lists its risks, closed ones too."
    status = 404


def open(
    session: Session, by: Person, model: str, *, level: str, title: str, owner: str, due: date, description: str = ""
) -> Risk:
    """A new risk of a model. While a high one is open, no version of the model is deployed."""
    require(by, "risk.edit")
    return _open(session, by.id, model, level=level, title=title, owner=owner, due=due, description=description)


def found(
    session: Session, model: str, *, level: str, title: str, due: date, description: str, actor: str
) -> Risk | None:
    """A risk that no person saw, but a monitor, for the model's owner; None where one of this title is open."""
    row = models.lock(session, model)
    same = select(RiskRow.id).where(RiskRow.model == model, RiskRow.title == title, RiskRow.closed_at.is_(None))
    if session.scalar(same.limit(1)) is not None:
        return None
    return _open(session, actor, model, level=level, title=title, owner=row.owner, due=due, description=description)


def _open(
    session: Session, actor: str, model: str, *, level: str, title: str, owner: str, due: date, description: str
) -> Risk:
    models.lock(session, model)
    if level not in LEVELS:
        raise RiskRefused(reason=f"its level {level!r} is none of {', '.join(LEVELS)}")
    for name, value in (("title", title), ("owner", owner)):
        if not value.strip():
            raise RiskRefused(reason=f"it has no {name}")
    row = RiskRow(
        id=new_id(),
        model=model,
        level=level,
        title=title.strip(),
        description=description,
        owner=owner.strip(),
        due=due,
        opened_at=now(session),
        opened_by=actor,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        stream(model),
        "risk.opened",
        actor=actor,
        subject=str(row.id),
        level=level,
        title=row.title,
        owner=row.owner,
        due=due.isoformat(),
    )
    events.emit(session, "risk.opened", model, level=level, risk=str(row.id))
    return as_risk(row)


def close(session: Session, by: Person, id: uuid.UUID, *, resolution: str) -> Risk:
    """The risk, closed; `resolution` says how it went. Raises NotPermitted, RiskUnknown or RiskRefused."""
    require(by, "risk.edit")
    if not resolution.strip():
        raise RiskRefused(reason="it is closed without a word on how")
    row = session.get(RiskRow, id, with_for_update=True, populate_existing=True)
    if row is None or row.closed_at is not None:
        raise RiskUnknown(risk=id)
    row.closed_at, row.closed_by, row.resolution = now(session), by.id, resolution.strip()
    audit.record(
        session, stream(row.model), "risk.closed", actor=by.id, subject=str(id), level=row.level, resolution=resolution
    )
    events.emit(session, "risk.closed", row.model, level=row.level, risk=str(id))
    session.flush()
    return as_risk(row)
