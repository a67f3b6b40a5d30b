"""Finding answers of models by whatever id somebody holds: ours, that of the request, or the caller's own reference."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from engine.inferences.inference import Inference
from engine.inferences.queries import value
from engine.inferences.tables import InferenceRow

#: the ids of a request's rows are made in one go; a second around its own is a span of the log's key
_AROUND_MS = 1_000


def newest(session: Session, *, model: str = "", limit: int = 50, offset: int = 0) -> list[Inference]:
    """The inferences of one model or of all, as they were answered, the newest first."""
    wanted = select(InferenceRow).order_by(InferenceRow.id.desc())
    if model:
        wanted = wanted.where(InferenceRow.model == model)
    return [value(row) for row in session.scalars(wanted.limit(limit).offset(offset))]


def by_any_id(session: Session, id: str, *, limit: int = 50) -> list[Inference]:
    """The inferences that an id names, the newest first; empty where nothing has it.

    id: of the inference, of its request (all rows of it), or the caller's reference, which several may share.
    """
    found = list(session.scalars(select(InferenceRow).where(InferenceRow.caller_reference == id).limit(limit)))
    try:
        known = UUID(id)
    except ValueError:
        known = None
    if known is not None:
        found += session.scalars(select(InferenceRow).where(InferenceRow.id == known))
        found += session.scalars(of_request(known).limit(limit))
    rows = {row.id: row for row in found}
    return [value(row) for _, row in sorted(rows.items(), reverse=True)][:limit]


def of_request(id: UUID) -> Select[InferenceRow]:
    """The rows of a request, whose id was made with theirs."""
    milliseconds, end = id.int >> 80, (1 << 48) - 1
    first = UUID(int=max(0, milliseconds - _AROUND_MS) << 80)
    last = UUID(int=min(end, milliseconds + _AROUND_MS) << 80)
    near = InferenceRow.id.between(first, last)
    return select(InferenceRow).where(near, InferenceRow.request == id).order_by(InferenceRow.position)
