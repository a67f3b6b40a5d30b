"""Versions: added, given what a training or a test brought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import audit, events
from engine.identity import Person, require
from engine.inventory import assets as inventory_assets
from engine.inventory import duplicates, models, queries
from engine.inventory.references import VersionRef, stream
from engine.inventory.reports import TestReport
from engine.inventory.tables import VersionRow
from engine.inventory.values import Version
from engine.store import files, now


def add(
    session: Session,
    by: Person,
    model: str,
    assets: Mapping[str, str],
    *,
    source: str = "uploaded",
    seed: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    documents: Mapping[str, str] | None = None,
    note: str = "",
) -> Version:
    """The model's next version with its files.

    assets: role -> digest, files of the store. documents: file name -> digest. source: "trained" here, or "uploaded".
    Raises NotPermitted, ModelUnknown, ModelRetired, DuplicateVersion, RoleUnknown or FileMissing.
    """
    require(by, "model.register")
    return _add(session, by.id, model, assets, source, seed, parameters or {}, documents or {}, note)


def record_test(session: Session, ref: VersionRef, report: TestReport, *, suite: str, actor: str) -> Version:
    """The version with the report of a suite among its assets `tests`, and the verdict of all suites beside it.

    suite: what was tested for; a second run of a suite replaces its report.
    """
    digest = files(session).put(report.as_bytes())
    added: dict[tuple[str, str | None], str] = {("tests", suite): digest}
    if "test_data" in report.inputs:
        added["test_data", None] = report.inputs["test_data"]
    inventory_assets.put(session, ref, added, actor=actor)
    row = session.get(VersionRow, (ref.model, ref.number))
    assert row is not None  # noqa: S101 - put has refused an unknown one
    row.tested_at = now(session)
    row.test_passed = all(each.passed for each in queries.test_reports(session, ref).values())
    row.metrics = {**row.metrics, **{name: estimate.as_json() for name, estimate in report.metrics.items()}}
    audit.record(
        session,
        stream(ref.model),
        "version.tested",
        actor=actor,
        subject=str(ref),
        suite=suite,
        passed=report.passed,
        failed=[str(verdict) for verdict in report.failed],
        report=digest,
    )
    events.emit(session, "version.tested", str(ref), {"tests": digest}, suite=suite, passed=report.passed)
    session.flush()
    return queries.version(session, ref)


def complete_training(session: Session, ref: VersionRef, assets: Mapping[str, str], *, actor: str) -> Version:
    """A draft version with what its training here brought (`engine.training.Training`: its assets by role).

    Called where a job's result is taken; who may have asked for it was checked when it was asked. Raises
    DuplicateVersion where another version came out the same.
    """
    duplicates.refuse(session, assets, but=ref)
    inventory_assets.put(session, ref, {(role, None): digest for role, digest in assets.items()}, actor=actor)
    audit.record(session, stream(ref.model), "version.trained", actor=actor, subject=str(ref), assets=dict(assets))
    events.emit(session, "version.trained", str(ref), dict(assets))
    return queries.version(session, ref)


def evidence_digests(session: Session, ref: VersionRef) -> dict[str, str]:
    """Name -> digest of all that an approval of the version covers: each of its assets, the test report among them."""
    return {
        inventory_assets.evidence_name(asset.role, asset.name): asset.digest for asset in queries.assets(session, ref)
    }


def _add(
    session: Session,
    actor: str,
    model: str,
    assets: Mapping[str, str],
    source: str,
    seed: int | None,
    parameters: Mapping[str, Any],
    documents: Mapping[str, str],
    note: str,
) -> Version:
    models.lock(session, model)  # two that add at once get two numbers
    duplicates.refuse(session, assets)
    number = (session.scalar(select(func.max(VersionRow.number)).where(VersionRow.model == model)) or 0) + 1
    ref = VersionRef(model, number)
    session.add(
        VersionRow(
            model=model,
            number=number,
            source=source,
            seed=seed,
            parameters=dict(parameters),
            note=note,
            created_at=now(session),
            created_by=actor,
            metrics={},
        )
    )
    session.flush()
    audit.record(
        session,
        stream(model),
        "version.added",
        actor=actor,
        subject=str(ref),
        source=source,
        seed=seed,
        assets=dict(assets),
        documents=dict(documents),
    )
    added: dict[tuple[str, str | None], str] = {(role, None): digest for role, digest in assets.items()}
    added.update({("documentation", name): digest for name, digest in documents.items()})
    inventory_assets.put(session, ref, added, actor=actor)
    events.emit(session, "version.added", str(ref), dict(assets), source=source, by=actor)
    return queries.version(session, ref)
