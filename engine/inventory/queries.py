"""Reading the inventory; nothing here locks or writes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.inventory.references import VersionRef
from engine.inventory.reports import TestReport
from engine.inventory.tables import AssetRow, ModelRow, RiskRow, VersionRow
from engine.inventory.values import (
    Asset,
    Model,
    ModelSummary,
    Page,
    Risk,
    Version,
    as_asset,
    as_model,
    as_risk,
    as_version,
)
from engine.store import files

_HAS_ARTEFACT = exists().where(
    AssetRow.model == VersionRow.model,
    AssetRow.number == VersionRow.number,
    AssetRow.role == "artefact",
    AssetRow.replaced_at.is_(None),
)
ORDERS = ("id", "name", "owner", "team", "kind", "tier", "registered_at")


class ModelUnknown(GatewrightError):
    """There is no model {model!r}."""

    code = "model-unknown"
    hint = "The models are listed under Models, and by `gatewright model list`."
    status = 404


class VersionUnknown(GatewrightError):
    """There is no version {version}."""

    code = "version-unknown"
    hint = "Name one of those on the model's page."
    status = 404


class AssetMissing(GatewrightError):
    """The version {version} has no {role}."""

    code = "asset-missing"
    hint = "Attach it on the version's page; its completeness names all that is missing."
    status = 404


def model(session: Session, id: str) -> Model:
    """The model; raises ModelUnknown."""
    row = session.get(ModelRow, id) if _can_be_an_id(id) else None
    if row is None:
        raise ModelUnknown(model=id)
    return as_model(row)


def models(
    session: Session,
    *,
    search: str = "",
    kind: str | None = None,
    team: str | None = None,
    owner: str | None = None,
    tier: str | None = None,
    retired: bool | None = None,
    order: str = "id",
    limit: int = 50,
    offset: int = 0,
) -> Page[ModelSummary]:
    """The models that match, each with its counts; one statement for the page and one for the total.

    search: in id, name, owner, team, tool and purpose. order: one of ORDERS, `-` before it turns it round.
    """
    conditions: list[ColumnElement[bool]] = []
    if search:
        columns = (ModelRow.id, ModelRow.name, ModelRow.owner, ModelRow.team, ModelRow.tool, ModelRow.purpose)
        conditions.append(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    for column, value in ((ModelRow.kind, kind), (ModelRow.team, team), (ModelRow.owner, owner), (ModelRow.tier, tier)):
        if value is not None:
            conditions.append(column == value)
    if retired is not None:
        conditions.append(ModelRow.retired_at.is_not(None) if retired else ModelRow.retired_at.is_(None))
    name = order.removeprefix("-")
    if name not in ORDERS:
        raise ValueError(f"models are ordered by one of {', '.join(ORDERS)}, not by {name!r}")
    by = getattr(ModelRow, name)
    n_versions, latest = _counted(VersionRow, func.count()), _counted(VersionRow, func.max(VersionRow.number))
    open_risks = _counted(RiskRow, func.count(), RiskRow.closed_at.is_(None))
    high_risks = _counted(RiskRow, func.count(), RiskRow.closed_at.is_(None), RiskRow.level == "high")
    wanted = (
        select(ModelRow, n_versions, latest, open_risks, high_risks)
        .where(*conditions)
        .order_by(by.desc() if order.startswith("-") else by, ModelRow.id)
        .limit(limit)
        .offset(offset)
    )
    items = tuple(
        ModelSummary(
            model=as_model(row),
            n_versions=count,
            latest=VersionRef(row.id, number) if number else None,
            open_risks=risks,
            open_high_risks=high,
        )
        for row, count, number, risks, high in session.execute(wanted)
    )
    total = session.scalar(select(func.count()).select_from(ModelRow).where(*conditions)) or 0
    return Page(items=items, total=total)


def version(session: Session, ref: VersionRef) -> Version:
    """The version; raises VersionUnknown."""
    found = session.execute(_versions().where(VersionRow.model == ref.model, VersionRow.number == ref.number)).first()
    if found is None:
        raise VersionUnknown(version=ref)
    row, has_artefact, retired_at = found
    return as_version(row, has_artefact, retired_at is not None)


def versions(session: Session, model: str) -> list[Version]:
    """The versions of a model, newest first."""
    found = session.execute(_versions().where(VersionRow.model == model).order_by(VersionRow.number.desc()))
    return [as_version(row, has_artefact, retired_at is not None) for row, has_artefact, retired_at in found]


def latest(session: Session, model: str) -> Version | None:
    """The newest version of a model, None where it has none."""
    wanted = _versions().where(VersionRow.model == model).order_by(VersionRow.number.desc()).limit(1)
    found = session.execute(wanted).first()
    return as_version(found[0], found[1], found[2] is not None) if found else None


def assets(session: Session, ref: VersionRef, *, replaced: bool = False) -> list[Asset]:
    """The current assets of a version by role and name; `replaced` adds those that were replaced, newest last."""
    wanted = select(AssetRow).where(AssetRow.model == ref.model, AssetRow.number == ref.number)
    if not replaced:
        wanted = wanted.where(AssetRow.replaced_at.is_(None))
    return [as_asset(row) for row in session.scalars(wanted.order_by(AssetRow.role, AssetRow.name, AssetRow.id))]


def asset_digests(session: Session, ref: VersionRef) -> dict[str, str]:
    """Role -> digest of a version's current assets; of several documents the first by name."""
    found: dict[str, str] = {}
    for asset in assets(session, ref):
        found.setdefault(asset.role, asset.digest)
    return found


def asset(session: Session, ref: VersionRef, role: str, name: str | None = None) -> Asset:
    """The current asset in a role; raises AssetMissing."""
    for found in assets(session, ref):
        if found.role == role and name in (None, found.name):
            return found
    raise AssetMissing(version=ref, role=role if name is None else f"{role} named {name}")


def kept_at(session: Session, at: datetime) -> int:
    """How many models were registered by then, and not retired yet."""
    lasted = or_(ModelRow.retired_at.is_(None), ModelRow.retired_at > at)
    counted = select(func.count()).select_from(ModelRow).where(ModelRow.registered_at <= at, lasted)
    return session.scalar(counted) or 0


def added(session: Session) -> dict[VersionRef, tuple[datetime, str]]:
    """Every version -> when it was added, and its model's team."""
    rows = session.execute(
        select(VersionRow.model, VersionRow.number, VersionRow.created_at, ModelRow.team).join(
            ModelRow, ModelRow.id == VersionRow.model
        )
    )
    return {VersionRef(row.model, row.number): (row.created_at, row.team) for row in rows}


def versions_with(session: Session, digest: str) -> list[VersionRef]:
    """The versions that have, now, an asset with this digest."""
    wanted = (
        select(AssetRow.model, AssetRow.number)
        .where(AssetRow.digest == digest, AssetRow.replaced_at.is_(None))
        .distinct()
        .order_by(AssetRow.model, AssetRow.number)
    )
    return [VersionRef(name, number) for name, number in session.execute(wanted)]


def test_reports(session: Session, ref: VersionRef) -> dict[str, TestReport]:
    """Suite -> the report of the version's last test by it; empty where it was not tested."""
    return {
        asset.name: TestReport.from_bytes(files(session).read(asset.digest))
        for asset in assets(session, ref)
        if asset.role == "tests"
    }


def risks(session: Session, model: str | None = None, *, is_open: bool | None = None) -> list[Risk]:
    """The risks of a model, or of all: open ones first, by due day."""
    wanted = select(RiskRow).order_by(RiskRow.closed_at.is_not(None), RiskRow.due, RiskRow.id)
    if model is not None:
        wanted = wanted.where(RiskRow.model == model)
    if is_open is not None:
        wanted = wanted.where(RiskRow.closed_at.is_(None) if is_open else RiskRow.closed_at.is_not(None))
    return [as_risk(row) for row in session.scalars(wanted)]


def open_high_risks(session: Session, model: str) -> list[Risk]:
    """The open high risks of a model: while there is one, no version of it is deployed."""
    return [risk for risk in risks(session, model, is_open=True) if risk.level == "high"]


def overdue_risks(session: Session, today: date) -> list[Risk]:
    """The open risks past their due day, of all models."""
    return [risk for risk in risks(session, is_open=True) if risk.overdue(today)]


def _versions() -> Select[VersionRow, bool, datetime | None]:
    return select(VersionRow, _HAS_ARTEFACT, ModelRow.retired_at).join(ModelRow, ModelRow.id == VersionRow.model)


def _counted(table: Any, count: Any, *conditions: ColumnElement[bool]) -> Any:
    return select(count).where(and_(table.model == ModelRow.id, *conditions)).correlate(ModelRow).scalar_subquery()


def _can_be_an_id(id: str) -> bool:
    return "\x00" not in id
