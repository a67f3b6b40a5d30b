"""What a team says of its model: read from a form, a request or a `model.yaml`, and checked field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from engine.errors import GatewrightError
from engine.identity import ROLES
from engine.inventory import business, kinds, schemas, spans, thresholds
from engine.inventory.business import Kpi, Rule
from engine.inventory.kinds import rules as tables
from engine.inventory.references import SLUG


class MetadataRefused(GatewrightError):
    """The field {field} of the model is refused: {reason}."""

    code = "model-metadata"
    hint = "Correct the field; docs/models.md tells what each one holds."
    status = 422


class ServiceLevels(BaseModel):
    """What the model is declared to need and to give once it serves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate_per_s: float | None = Field(default=None, gt=0, description="Requests a second that it must stand.")
    p95_ms: float | None = Field(default=None, gt=0, description="95 of 100 answers come within so many milliseconds.")
    memory_mb: int | None = Field(default=None, ge=64, description="Memory that its process may use, in mebibytes.")
    cpu: float | None = Field(default=None, gt=0, description="Processor cores that it may use.")


class Monitoring(BaseModel):
    """How often the model is looked at once it serves, and over which window."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    timing: str = Field(default="0 6 * * *", max_length=200, description="Cron, or an ISO 8601 repeating interval.")
    timezone: str | None = Field(default=None, max_length=100, description="The zone of the timing; else the house's.")
    window: str = Field(default="P7D", max_length=50, description="How much event time a run looks at: P7D, PT1H.")
    ends: Literal["due", "newest"] = Field(
        default="due", description="Where the window ends: when the run is due, or at the newest hour of event time."
    )
    missed: Literal["run_all", "run_once", "skip"] = Field(
        default="run_all", description="What was missed: each run caught up, one for all, or marked missed."
    )
    measures: tuple[str, ...] = Field(default=(), max_length=50, description="Measures; empty: all that there are.")
    floor: int = Field(default=200, ge=20, le=10**9, description="Rows under which nothing is said.")
    batch_rows: int = Field(default=0, ge=0, le=10**9, description="Between runs: judge after so many rows; 0: not.")
    batch_seconds: int = Field(default=0, ge=0, le=3600, description="The same after so many seconds; 0: not.")

    @field_validator("window")
    @classmethod
    def _window_has_a_length(cls, value: str) -> str:
        spans.length(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        try:
            if value:
                ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
            raise ValueError(f"there is no time zone {value!r}") from unknown
        return value or None


class Outcomes(BaseModel):
    """The words in which truths and decisions are told, where they are not those that everybody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positive_label: str | None = Field(default=None, max_length=200, description="The label of a positive case.")
    negative_label: str | None = Field(default=None, max_length=200, description="The label of a negative case.")
    positive_decision: str | None = Field(default=None, max_length=200, description="The decision that favours.")

    def truth(self, label: str) -> bool | None:
        """Whether a label tells of a positive case; None where it is neither word."""
        word = label.strip()
        if word in (self.positive_label, self.negative_label):
            return word == self.positive_label
        return _TRUTHS.get(word.lower())

    def favours(self, decision: str | None, score: float | None, cut_off: float) -> bool | None:
        """Whether a decision is the positive one; where its word does not tell, by the cut-off; None: undecided."""
        if decision is not None and self.positive_decision is not None:
            return decision == self.positive_decision
        if decision in _DECISIONS:
            return _DECISIONS[decision]
        return None if score is None else score >= cut_off


_TRUTHS = {"1": True, "1.0": True, "true": True, "yes": True, "positive": True}
_TRUTHS |= {"0": False, "0.0": False, "false": False, "no": False, "negative": False}
_DECISIONS: dict[str | None, bool] = {"positive": True, "negative": False}


class Metadata(BaseModel):
    """All that a team declares of a model; the inventory adds who registered it, when, and its risk tier."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: str = Field(description="Its short name: small letters, digits and hyphens; stays for good.")
    name: str = Field(min_length=1, max_length=200, description="Its name, for people.")
    kind: str = Field(description="The kind of model: one of the files in engine/inventory/kinds.")
    owner: str = Field(min_length=1, max_length=100, description="Who answers for it: a login name or a name.")
    team: str = Field(min_length=1, max_length=200, description="The team that built it.")
    tool: str = Field(default="", max_length=200, description="What it was built with.")
    purpose: str = Field(min_length=1, max_length=4000, description="What it decides or estimates, and what for.")
    affects_people: bool = Field(description="Whether its answers decide about people.")
    decisions_per_year: int = Field(ge=0, le=10**12, description="How many answers a year are expected.")
    environment: str = Field(default="production", min_length=1, max_length=100, description="Where it shall run.")
    served_by: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9_]{0,39})?$",
        description="What shall run it there, such as batch; empty: as the environment has it.",
    )
    target: str | None = Field(default=None, description="The column that it predicts; tests need it.")
    id_column: str | None = Field(default=None, description="The column that numbers the rows.")
    features: tuple[str, ...] = Field(default=(), description="The columns that it is given, in order.")
    protected: dict[str, str] = Field(default_factory=dict, description="Protected column to its reference group.")
    thresholds: dict[str, float] = Field(default_factory=dict, description="min_ or max_ of a metric; cut_off.")
    approvers: tuple[str, ...] = Field(default=(), description="Roles that approve besides those of its tier.")
    service_levels: ServiceLevels = Field(default_factory=ServiceLevels, description="Rate, latency, memory, cores.")
    monitoring: Monitoring = Field(default_factory=Monitoring, description="How often it is looked at, over what.")
    outcomes: Outcomes = Field(default_factory=Outcomes, description="The words of labels and decisions.")
    kpis: tuple[Kpi, ...] = Field(default=(), max_length=business.MOST, description="What it is to bring.")
    rules: tuple[Rule, ...] = Field(default=(), max_length=business.MOST, description="What must hold of each row.")
    input_schema: dict[str, Any] | None = Field(default=None, description="The declared JSON Schema of a row.")

    @property
    def columns(self) -> frozenset[str] | None:
        """The columns of an input row, as far as they are declared; None where they are not."""
        known = schemas.columns(self.input_schema) if self.input_schema is not None else ()
        return frozenset((*known, *self.features, *self.protected)) if known or self.features else None

    @field_validator("id")
    @classmethod
    def _slug(cls, value: str) -> str:
        if not SLUG.fullmatch(value) or "--" in value:
            raise ValueError("2 to 64 small letters, digits and single hyphens, a letter first")
        return value

    @field_validator("name", "owner", "team", "tool", "purpose", "environment")
    @classmethod
    def _no_control_characters(cls, value: str) -> str:
        if re.search(r"[\x00-\x08\x0b-\x1f]", value):
            raise ValueError("it holds control characters")
        return value

    @field_validator("protected", mode="before")
    @classmethod
    def _groups_are_texts(cls, value: Any) -> Any:
        return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else value

    @field_validator("approvers")
    @classmethod
    def _roles_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for role in value:
            if role not in ROLES:
                raise ValueError(f"there is no role {role!r}; there are {', '.join(ROLES)}")
        return value

    @field_validator("kpis", "rules")
    @classmethod
    def _once_each(cls, value: Any) -> Any:
        business.once_each(value)
        return value

    @model_validator(mode="after")
    def _features_are_inputs(self) -> Metadata:
        if self.target is not None and self.target in self.features:
            raise ValueError(f"the target {self.target} is among the features")
        if len(set(self.features)) != len(self.features):
            raise ValueError("a feature is named twice")
        if self.input_schema is not None and self.features:
            known = schemas.columns(self.input_schema)
            lacking = [name for name in self.features if name not in known]
            if lacking:
                raise ValueError(f"the input schema lacks the feature {lacking[0]}")
        return self


def read(values: Mapping[str, Any]) -> Metadata:
    """The checked metadata; MetadataRefused, UnknownKind, ThresholdRefused or SchemaRefused name the first fault."""
    try:
        metadata = Metadata.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise MetadataRefused(field=field, reason=first["msg"].removeprefix("Value error, ")) from error
    kinds.get(metadata.kind)
    thresholds.check(metadata.thresholds)
    if metadata.input_schema is not None:
        schemas.check(metadata.input_schema)
    business.check(metadata.kpis, metadata.rules, metadata.columns)
    return metadata


def read_yaml(content: bytes) -> dict[str, Any]:
    """The mapping in a YAML file; MetadataRefused where it is none. As wary as for decision tables."""
    try:
        values = tables.read_yaml(content.decode("utf-8"))
    except ValueError as error:  # a UnicodeDecodeError is one
        raise MetadataRefused(field="the file", reason=str(error)[:300]) from error
    if not isinstance(values, dict):
        raise MetadataRefused(field="the file", reason="it holds no mapping of names to values")
    return values


def read_list(field: str, text: str) -> list[Any]:
    """The list in a text of YAML, empty where the text is; MetadataRefused names the field where it is none."""
    try:
        values = tables.read_yaml(text) if text.strip() else []
    except ValueError as error:
        raise MetadataRefused(field=field, reason=str(error)[:300]) from error
    if not isinstance(values, list):
        raise MetadataRefused(field=field, reason="it is no list: each entry begins with a dash")
    return values


def write_list(values: Sequence[Mapping[str, Any]]) -> str:
    """The same as a text, without what is not set; empty for none."""
    import yaml

    kept = [{name: value for name, value in each.items() if value is not None} for each in values]
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=1_000) if kept else ""
