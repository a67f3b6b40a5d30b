"""What the inventory tells: frozen values, made of its rows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from engine.inventory.business import Kpi, Rule
from engine.inventory.metadata import Metadata, Monitoring, Outcomes, ServiceLevels
from engine.inventory.references import VersionRef
from engine.inventory.tables import AssetRow, ModelRow, RiskRow, VersionRow
from engine.statistics import Estimate

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A registered model."""

    id: str
    name: str
    kind: str
    owner: str
    team: str
    tool: str
    purpose: str
    affects_people: bool
    decisions_per_year: int
    environment: str
    metadata: Metadata  #: all that was declared
    tier: str | None  #: None until the risk tier was decided
    revision: int  #: grows with every edit
    registered_at: datetime
    registered_by: str
    retired_at: datetime | None

    @property
    def retired(self) -> bool:
        """Whether it may no longer run."""
        return self.retired_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """A line of the list of models."""

    model: Model
    n_versions: int
    latest: VersionRef | None
    open_risks: int
    open_high_risks: int

    @property
    def state(self) -> str:
        """registered, versioned or retired; whether it runs is told by its deployments."""
        if self.model.retired:
            return "retired"
        return "versioned" if self.n_versions else "registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of a model."""

    ref: VersionRef
    source: str  #: "trained" here from a recipe, or "uploaded"
    state: str  #: draft (no artefact yet), ready, tested, failed (its last test), retired (with its model)
    seed: int | None
    parameters: Mapping[str, Any]
    note: str
    created_at: datetime
    created_by: str
    tested_at: datetime | None
    test_passed: bool | None
    metrics: Mapping[str, Estimate]  #: of the last test


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of a version."""

    id: uuid.UUID
    ref: VersionRef
    role: str
    name: str
    digest: str
    size: int
    added_at: datetime
    added_by: str
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """A risk of a model."""

    id: uuid.UUID
    model: str
    level: str
    title: str
    description: str
    owner: str
    due: date
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    resolution: str | None

    @property
    def is_open(self) -> bool:
        """Whether nobody closed it yet."""
        return self.closed_at is None

    def overdue(self, today: date) -> bool:
        """Whether it is open past its due day."""
        return self.is_open and today > self.due


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some of the things asked for, and how many there are in all."""

    items: tuple[T, ...]
    total: int


def as_model(row: ModelRow) -> Model:
    """The value of a row."""
    return Model(
        id=row.id,
        name=row.name,
        kind=row.kind,
        owner=row.owner,
        team=row.team,
        tool=row.tool,
        purpose=row.purpose,
        affects_people=row.affects_people,
        decisions_per_year=row.decisions_per_year,
        environment=row.environment,
        # Not checked again: what was accepted once stays readable when a rule becomes stricter.
        metadata=Metadata.model_construct(**_frozen(row.metadata_json)),
        tier=row.tier,
        revision=row.revision,
        registered_at=row.registered_at,
        registered_by=row.registered_by,
        retired_at=row.retired_at,
    )


def as_version(row: VersionRow, has_artefact: bool, retired: bool) -> Version:
    """The value of a row, its state derived."""
    if retired:
        state = "retired"
    elif not has_artefact:
        state = "draft"
    elif row.test_passed is None:
        state = "ready"
    else:
        state = "tested" if row.test_passed else "failed"
    return Version(
        ref=VersionRef(row.model, row.number),
        source=row.source,
        state=state,
        seed=row.seed,
        parameters=row.parameters,
        note=row.note,
        created_at=row.created_at,
        created_by=row.created_by,
        tested_at=row.tested_at,
        test_passed=row.test_passed,
        metrics={name: Estimate.from_json(numbers) for name, numbers in row.metrics.items()},
    )


def as_asset(row: AssetRow) -> Asset:
    """The value of a row."""
    return Asset(
        id=row.id,
        ref=VersionRef(row.model, row.number),
        role=row.role,
        name=row.name,
        digest=row.digest,
        size=row.size,
        added_at=row.added_at,
        added_by=row.added_by,
        replaced_at=row.replaced_at,
    )


def as_risk(row: RiskRow) -> Risk:
    """The value of a row."""
    return Risk(
        id=row.id,
        model=row.model,
        level=row.level,
        title=row.title,
        description=row.description,
        owner=row.owner,
        due=row.due,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        resolution=row.resolution,
    )


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    levels = ServiceLevels.model_construct(**values.get("service_levels", {}))
    sequences = {name: tuple(values.get(name, ())) for name in ("features", "approvers")}
    watched = dict(values.get("monitoring", {}))
    if "measures" in watched:
        watched["measures"] = tuple(watched["measures"])
    return {
        **values,
        **sequences,
        "service_levels": levels,
        "monitoring": Monitoring.model_construct(**watched),
        "outcomes": Outcomes.model_construct(**values.get("outcomes", {})),
        "kpis": tuple(Kpi.model_construct(**each) for each in values.get("kpis", ())),
        "rules": tuple(Rule.model_construct(**each) for each in values.get("rules", ())),
    }
