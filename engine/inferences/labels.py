"""Labels: what became known later about an inference, such as whether the applicant was in fact employed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inferences.tables import InferenceRow, LabelRow
from engine.store import now


class LabelWithoutInference(GatewrightError):
    """There is no inference {inference} of {model} to label."""

    code = "label-without-inference"
    hint = "Send the id that came with the score; nothing of this request was recorded."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The truth about one inference, as the sender knows it."""

    inference: UUID
    value: str
    known_at: datetime


def add(session: Session, person: Person, *, model: str, labels: Sequence[Label]) -> int:
    """How many labels were new; one that is sent again replaces what was said before.

    Raises LabelWithoutInference for the first id that is not an inference of the model; then nothing is recorded.
    """
    require(person, "label.write")
    wanted = {label.inference: label for label in labels}
    if not wanted:
        return 0
    known = set(
        session.scalars(select(InferenceRow.id).where(InferenceRow.id.in_(list(wanted)), InferenceRow.model == model))
    )
    for id in wanted:
        if id not in known:
            raise LabelWithoutInference(inference=id, model=model)
    before = set(session.scalars(select(LabelRow.inference).where(LabelRow.inference.in_(list(wanted)))))
    at = now(session)
    statement = insert(LabelRow).values(
        [
            {
                "inference": label.inference,
                "model": model,
                "value": label.value,
                "known_at": label.known_at,
                "recorded_at": at,
                "recorded_by": person.id,
            }
            for _, label in sorted(wanted.items())
        ]
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["inference"],
            set_={name: statement.excluded[name] for name in ("value", "known_at", "recorded_at", "recorded_by")},
        )
    )
    new = len(wanted) - len(before)
    audit.record(session, f"model:{model}", "labels.added", actor=person.id, subject=model, labels=len(wanted), new=new)
    return new
