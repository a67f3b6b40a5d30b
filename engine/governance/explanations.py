"""Why a model answered as it did: from the id of an answer to the columns that moved it (R53)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from engine.governance import lineage
from engine.identity import Person, require
from engine.inventory import queries as inventory
from engine.inventory import thresholds
from engine.store import Store, transaction
from engine.training import explanations, interpreters
from engine.training.explanations import Explanation, NotExplained


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An answer and why it was given."""

    inference: UUID
    version: str
    decision: str | None
    favours: bool | None  #: whether the decision favours the person; None: nobody decided
    explanation: Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """All that is read of the database before the model is asked."""

    version: str
    kind: str
    assets: Mapping[str, str]
    row: Mapping[str, Any]
    output: float
    decision: str | None
    favours: bool | None
    upward: bool


def of_inference(house: Store, person: Person, id: UUID) -> Explained:
    """The explanation of a logged answer, by the model file that gave it; takes seconds, in the sandbox.

    Raises NotPermitted, InferenceUnknown or NotExplained.
    """
    require(person, "inference.view")
    with transaction(house) as session:
        answer = _read(session, id)
    found = explanations.of_answer(
        house.files,
        answer.kind,
        answer.assets,
        answer.row,
        version=answer.version,
        output=answer.output,
        adverse=answer.favours is False,
        upward=answer.upward,
        interpreter=interpreters.ready(house.settings, house.files, answer.assets),
        settings=house.settings,
    )
    return Explained(
        inference=id, version=answer.version, decision=answer.decision, favours=answer.favours, explanation=found
    )


def _read(session: Session, id: UUID) -> _Answer:
    found = lineage.of_inference(session, id)
    inference, version = found.inference, str(found.version.ref)
    if inference.score is None:
        raise NotExplained(version=version, reason="it gave no number that columns could add up to")
    declared = inventory.model(session, inference.model).metadata
    cut_off = thresholds.cut_off(declared.thresholds) if found.deployment.cut_off is None else found.deployment.cut_off
    return _Answer(
        version=version,
        kind=declared.kind,
        assets=found.inputs,
        row=inference.input,
        output=inference.score,
        decision=inference.decision,
        favours=declared.outcomes.favours(inference.decision, inference.score, cut_off) if inference.decision else None,
        upward=inference.score >= cut_off,
    )
