"""Approvals: given by a person in a user task of the kind `approval`, and asked for by every deployment.

No form, script or variable can create one: the row is written in the transaction that completes the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from engine import audit, events
from engine.errors import GatewrightError
from engine.governance import tiers
from engine.governance.tables import ApprovalRow
from engine.identity import Person
from engine.inventory.references import stream
from engine.store import new_id, now


class ApprovalMissing(GatewrightError):
    """{version} has no valid approval for {environment}."""

    code = "approval-missing"
    hint = "It needs a yes from: {roles}. Ask for one in its life cycle."
    status = 409


class ApprovalVoid(GatewrightError):
    """The approval of {version} for {environment} no longer holds: {changed} changed after it was given."""

    code = "approval-void"
    hint = "Ask {roles} for a new yes, on what is true now."
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's decision on a version."""

    id: UUID
    model: str
    version: str
    purpose: str
    environment: str
    tier: str
    decision: str
    role: str
    actor: str
    requester: str
    comment: str
    conditions: list[str]
    digests: dict[str, str]
    shown: dict[str, str]
    instance: UUID
    task: UUID
    decided_at: datetime
    used_at: datetime | None
    used_by: str | None
    voided_at: datetime | None
    void_reason: str | None


def record(
    session: Session,
    person: Person,
    *,
    model: str,
    version: str,
    purpose: str,
    environment: str,
    tier: str | None,
    decision: str,
    role: str,
    requester: str,
    comment: str,
    digests: Mapping[str, str],
    shown: Mapping[str, str],
    instance: UUID,
    task: UUID,
    conditions: Iterable[str] = (),
) -> Approval:
    """The decision, kept for good; called by the user-task kind `approval` alone.

    A decision for the same version, purpose and role takes the place of an earlier one that was not used yet.
    """
    at = now(session)
    for earlier in session.scalars(
        _standing(version, purpose).where(ApprovalRow.role == role, ApprovalRow.used_at.is_(None)).with_for_update()
    ):
        _void(session, earlier, f"replaced by the decision of {person.id}", person.id)
    row = ApprovalRow(
        id=new_id(),
        model=model,
        version=version,
        purpose=purpose,
        environment=environment,
        tier=tier or tiers.STRICTEST,
        decision=decision,
        role=role,
        actor=person.id,
        requester=requester,
        comment=comment,
        conditions=list(conditions),
        digests=dict(digests),
        shown=dict(shown),
        instance=instance,
        task=task,
        decided_at=at,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        stream(model),
        f"approval.{'given' if decision == 'approve' else 'refused'}",
        actor=person.id,
        subject=version,
        purpose=purpose,
        environment=environment,
        role=role,
        requester=requester,
        comment=comment,
        digests=dict(digests),
        shown=dict(shown),
        instance=str(instance),
        task=str(task),
    )
    return value(row)


def require(
    session: Session,
    version: str,
    *,
    purpose: str,
    environment: str,
    roles: Iterable[str],
    digests: Mapping[str, str],
    requesters: Iterable[str],
) -> list[Approval]:
    """One valid approval for each role, by somebody who is none of the requesters; a later no of the role undoes it.

    digests: the version's assets as they are now. Raises ApprovalMissing, or ApprovalVoid where one was given on
    other digests.
    """
    wanted = list(roles)
    shut_out = set(requesters)
    given = [
        row
        for row in session.scalars(
            _standing(version, purpose)
            .where(ApprovalRow.environment == environment)
            .order_by(ApprovalRow.decided_at.desc(), ApprovalRow.id.desc())
        )
        if row.decision != "approve" or row.actor not in shut_out
    ]
    found: list[Approval] = []
    stale: set[str] = set()
    for role in wanted:
        of_role = list(takewhile(lambda row: row.decision == "approve", (row for row in given if row.role == role)))
        valid = next((row for row in of_role if row.digests == dict(digests)), None)
        if valid is not None:
            found.append(value(valid))
        elif of_role:
            stale |= _changed(of_role[0].digests, digests)
    if len(found) == len(wanted):
        return found
    facts = {"version": version, "environment": environment, "roles": ", ".join(wanted)}
    if stale:
        raise ApprovalVoid(**facts, changed=", ".join(sorted(stale)))
    raise ApprovalMissing(**facts)


def use(session: Session, approvals: Iterable[Approval], *, by: str, actor: str) -> None:
    """Mark approvals as used, by an act such as `deployment <id>` of the actor; the first use counts."""
    ids = [approval.id for approval in approvals]
    for row in session.scalars(
        select(ApprovalRow).where(ApprovalRow.id.in_(ids)).order_by(ApprovalRow.id).with_for_update()
    ):
        if row.used_at is None:
            row.used_at, row.used_by = now(session), by
            audit.record(
                session,
                stream(row.model),
                "approval.used",
                actor=actor,
                subject=row.version,
                approval=str(row.id),
                used_by=by,
            )


def assets_changed(session: Session, version: str, digests: Mapping[str, str], by: str) -> int:
    """Void what was approved on other digests and not used; what was used already is told as a finding."""
    voided = 0
    for row in session.scalars(_standing(version, "deployment").order_by(ApprovalRow.id).with_for_update()):
        changed = _changed(row.digests, digests)
        if not changed:
            continue
        reason = f"{', '.join(sorted(changed))} changed"
        if row.used_at is None:
            _void(session, row, reason, by)
            voided += 1
        else:
            _tell_of_use(session, row, reason, by)
    return voided


def doubt(session: Session, task: UUID, reason: str, by: str) -> None:
    """Void the yes that was given in a user task: what was shown there is no longer so. A no stays a no.

    Where it was used already that is a finding, too; it is void then as well, since its digests still fit.
    """
    row = session.scalar(select(ApprovalRow).where(ApprovalRow.task == task).with_for_update())
    if row is None or row.voided_at is not None or row.decision != "approve":
        return
    if row.used_at is not None:
        _tell_of_use(session, row, reason, by)
    _void(session, row, reason, by)


def of_model(session: Session, model: str) -> list[Approval]:
    """All decisions on a model's versions, the newest first."""
    rows = session.scalars(
        select(ApprovalRow).where(ApprovalRow.model == model).order_by(ApprovalRow.decided_at.desc(), ApprovalRow.id)
    )
    return [value(row) for row in rows]


def of_version(session: Session, version: str) -> list[Approval]:
    """All decisions on a version, the newest first."""
    rows = session.scalars(
        select(ApprovalRow)
        .where(ApprovalRow.version == version)
        .order_by(ApprovalRow.decided_at.desc(), ApprovalRow.id)
    )
    return [value(row) for row in rows]


def value(row: ApprovalRow) -> Approval:
    """The row as a value."""
    return Approval(**{name: getattr(row, name) for name in Approval.__slots__})


def _standing(version: str, purpose: str) -> Select[ApprovalRow]:
    return select(ApprovalRow).where(
        ApprovalRow.version == version, ApprovalRow.purpose == purpose, ApprovalRow.voided_at.is_(None)
    )


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def _void(session: Session, row: ApprovalRow, reason: str, by: str) -> None:
    row.voided_at, row.void_reason = now(session), reason
    audit.record(
        session,
        stream(row.model),
        "approval.voided",
        actor=by,
        subject=row.version,
        approval=str(row.id),
        reason=reason,
    )


def _tell_of_use(session: Session, row: ApprovalRow, reason: str, by: str) -> None:
    events.emit(session, "approval.outdated_after_use", row.version, approval=str(row.id), reason=reason)
    audit.record(
        session,
        stream(row.model),
        "approval.outdated_after_use",
        actor=by,
        subject=row.version,
        approval=str(row.id),
        reason=reason,
    )
