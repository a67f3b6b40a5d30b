"""What a model is declared to bring, and what must hold of each of its rows: KPIs and business rules."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.inventory import expressions
from engine.inventory.expressions import Expression

MOST = 20  #: KPIs, and rules, of one model


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=100, description="Its name, for people; stays with its history.")

    @field_validator("name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("a name is one line of printable characters")
        return value


class Kpi(_Named):
    """What each row brings, and how rows are put together."""

    unit: str = Field(min_length=1, max_length=50, description="Its unit, such as EUR; a sum is read per day.")
    aggregate: Literal["sum", "mean", "ratio"] = Field(
        default="sum", description="The sum per day, the mean per row, or the ratio of two sums."
    )
    expression: str = Field(max_length=expressions.LONGEST, description="What a row brings.")
    per: str | None = Field(
        default=None, max_length=expressions.LONGEST, description="Of a ratio: what its sum is divided by."
    )
    better: Literal["high", "low"] = Field(default="high", description="Where the good values lie.")
    warn: float | None = Field(default=None, description="From where on it warns.")
    breach: float | None = Field(default=None, description="From where on it is a breach.")

    @model_validator(mode="after")
    def _fits(self) -> Kpi:
        if (self.per is None) == (self.aggregate == "ratio"):
            raise ValueError("`per` belongs to a ratio, and a ratio needs it")
        given = [each for each in (self.warn, self.breach) if each is not None]
        if not all(map(math.isfinite, given)):
            raise ValueError("a bound is no finite number")
        if len(given) == 2 and (given[0] < given[1] if self.better == "high" else given[0] > given[1]):
            raise ValueError("the breach is no worse than the warning")
        return self

    @property
    def bounds(self) -> tuple[float, float] | None:
        """(warn, breach); with one of them alone a breach at once, or a warning only; None without any."""
        if self.warn is None and self.breach is None:
            return None
        never = -math.inf if self.better == "high" else math.inf
        warn = self.breach if self.warn is None else self.warn
        return (0.0 if warn is None else warn), never if self.breach is None else self.breach

    @property
    def title(self) -> str:
        """Its unit as it is read: a sum per day."""
        return f"{self.unit} per day" if self.aggregate == "sum" else self.unit


class Rule(_Named):
    """What must hold of each row."""

    expression: str = Field(max_length=expressions.LONGEST, description="What must hold.")
    severity: Literal["warn", "breach"] = Field(default="breach", description="What it is where it does not.")
    max_share: float = Field(default=0.0, ge=0, lt=1, description="The share of rows that may break it.")


@dataclass(frozen=True, slots=True)
class Counted:
    """A KPI, ready to be asked of rows, under the name of its counts."""

    digest: str
    value: Expression
    per: Expression | None

    @property
    def late(self) -> bool:
        """Whether it waits for the truth."""
        return any(expressions.LABEL in each.answered for each in (self.value, self.per) if each is not None)


@dataclass(frozen=True, slots=True)
class Held:
    """A rule, ready to be asked of rows, under the name of its counts."""

    digest: str
    holds: Expression

    @property
    def on(self) -> str:
        """input or output: what it is a rule on."""
        return "output" if self.holds.answered else "input"


def counted(kpi: Kpi) -> Counted:
    """What a KPI's rows are counted by: the same expressions, whatever its name, unit and bounds, the same counts."""
    return _counted(kpi.name, kpi.expression, kpi.per)


def held(rule: Rule) -> Held:
    """The same of a rule."""
    return _held(rule.name, rule.expression)


@lru_cache(maxsize=1024)
def _counted(name: str, expression: str, per: str | None) -> Counted:
    of = f"the KPI {name!r}"
    return Counted(
        _digest(expression, per or ""),
        expressions.parse(expression, of=of, label=True),
        None if per is None else expressions.parse(per, of=f"{of} (per)", label=True),
    )


@lru_cache(maxsize=1024)
def _held(name: str, expression: str) -> Held:
    return Held(_digest(expression), expressions.parse(expression, of=f"the rule {name!r}"))


def check(kpis: Sequence[Kpi], rules: Sequence[Rule], columns: Collection[str] | None) -> None:
    """Raise ExpressionRefused for the first expression that is wrong. columns: of the input, where they are known."""
    for kpi in kpis:
        of = f"the KPI {kpi.name!r}"
        expressions.parse(kpi.expression, of=of, columns=columns, label=True)
        if kpi.per is not None:
            expressions.parse(kpi.per, of=f"{of} (per)", columns=columns, label=True)
    for rule in rules:
        expressions.parse(rule.expression, of=f"the rule {rule.name!r}", columns=columns)


def once_each(found: Sequence[Kpi] | Sequence[Rule]) -> None:
    """Raise ValueError for a name that is there twice."""
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} is there twice")


def _digest(*expressions_of_it: str) -> str:
    return hashlib.sha256("\0".join(expressions_of_it).encode()).hexdigest()[:16]
