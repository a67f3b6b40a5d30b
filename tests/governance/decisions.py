"""Decisions on versions, as the user task of an approval writes them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from engine.governance import approvals
from engine.identity import Person
from engine.inventory.references import VersionRef
from engine.store import new_id

RITA = Person(id="rita", name="Rita", roles=frozenset({"risk_manager"}))


def given_a_decision(
    session: Session,
    ref: VersionRef,
    decision: str,
    *,
    instance: UUID | None = None,
    digests: Mapping[str, str] | None = None,
) -> None:
    """A risk manager's yes or no to a deployment in production that ada asked for."""
    approvals.record(
        session,
        RITA,
        model=ref.model,
        version=str(ref),
        purpose="deployment",
        environment="production",
        tier="high",
        decision=decision,
        role="risk_manager",
        requester="ada",
        comment="",
        digests=digests or {},
        shown={},
        instance=instance or new_id(),
        task=new_id(),
    )
