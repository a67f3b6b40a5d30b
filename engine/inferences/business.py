"""What rows bring and what rules they break, as the model declares it: asked of each row when it is written.

A KPI that reads the truth is counted when the label comes; all else with the answer. A row that breaks a rule is noted
by its id: its values stay in the log alone, under the log's permission and for as long as the log keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select, tuple_
from sqlalchemy.orm import Session

from engine.inferences.inference import Inference
from engine.inferences.tables import InferenceRow, ViolationRow
from engine.inventory import business
from engine.inventory.business import Counted, Held, Rule
from engine.inventory.expressions import Row
from engine.inventory.metadata import Metadata
from engine.inventory.values import Page
from engine.statistics.contributions import of_row
from engine.statistics.outcomes import Sums

FORGOTTEN_AT_ONCE = 5_000
#: what a rule says of a row, by whether it holds
_SAID = {True: "held", False: "broken", None: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is asked of each row of a model."""

    at_once: tuple[Counted, ...] = ()
    late: tuple[Counted, ...] = ()
    rules: tuple[Held, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether anything is asked when a row is written."""
        return bool(self.at_once or self.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A row that breaks a rule, with the values that the rule reads."""

    inference: UUID
    event_time: datetime
    logged_at: datetime
    version: int
    environment: str
    rule: str  #: its name
    values: Mapping[str, Any]


def terms(declared: Metadata) -> Terms:
    """What a model asks; an expression that is there twice is counted once."""
    kpis = {each.digest: each for each in map(business.counted, declared.kpis)}.values()
    rules = {each.digest: each for each in map(business.held, declared.rules)}.values()
    return Terms(
        at_once=tuple(each for each in kpis if not each.late),
        late=tuple(each for each in kpis if each.late),
        rules=tuple(rules),
    )


def key(digest: str) -> str:
    """Under what a KPI, or a rule, is counted."""
    return f"business {digest}"


def brought(kpi: Counted, row: Row) -> list[float | None]:
    """What a row brings: its value, and of a ratio what that is divided by."""
    return [kpi.value.number(row), *([kpi.per.number(row)] if kpi.per is not None else [])]


def sums(digest: str, values: Sequence[float | None]) -> Sums:
    """The same as what it adds."""
    return of_row(key(digest), *values, ratio=len(values) > 1)


def asked(found: Terms, row: Row) -> tuple[list[tuple[str, int]], list[str]]:
    """What a row adds to which sum, and the digests of the rules that it breaks."""
    adds = [each for kpi in found.at_once for each in sums(kpi.digest, brought(kpi, row))]
    broken = []
    for rule in found.rules:
        holds = rule.holds.holds(row)
        adds.append((f"{key(rule.digest)} {_SAID[holds]}", 1))
        if holds is False:
            broken.append(rule.digest)
    return adds, broken


def note(session: Session, broken: Iterable[tuple[Inference, str]]) -> None:
    """Remember which rows broke which rule, in the transaction that writes them."""
    values = [
        {
            "inference": each.id,
            "rule": rule,
            "model": each.model,
            "version": each.version,
            "environment": each.environment,
            "event_time": each.event_time,
            "logged_at": each.logged_at,
        }
        for each, rule in broken
    ]
    if values:
        session.execute(insert(ViolationRow), values)


def forget_gone(session: Session) -> int:
    """Delete notes of rows that the log keeps no longer, the oldest first; returns how many, up to 5,000 at a time."""
    oldest = select(ViolationRow.inference, ViolationRow.rule, ViolationRow.logged_at).order_by(ViolationRow.logged_at)
    looked_at = oldest.limit(FORGOTTEN_AT_ONCE).subquery()
    in_log = (InferenceRow.id == looked_at.c.inference) & (InferenceRow.logged_at == looked_at.c.logged_at)
    gone = select(looked_at.c.inference, looked_at.c.rule).where(~exists().where(in_log))
    key = tuple_(ViolationRow.inference, ViolationRow.rule)
    return len(session.execute(delete(ViolationRow).where(key.in_(gone)).returning(ViolationRow.rule)).all())


def violations(
    session: Session, model: str, rule: Rule, *, environment: str | None = None, limit: int = 50, offset: int = 0
) -> Page[Violation]:
    """The rows that break a rule and are still in the log, the newest first."""
    found = business.held(rule)
    wanted = [ViolationRow.model == model, ViolationRow.rule == found.digest]
    if environment is not None:
        wanted.append(ViolationRow.environment == environment)
    noted = select(ViolationRow).where(*wanted).subquery()
    # By both halves of the log's key: one look-up in the one partition that the row lies in.
    joined = (InferenceRow.id == noted.c.inference) & (InferenceRow.logged_at == noted.c.logged_at)
    rows = session.scalars(
        select(InferenceRow)
        .join(noted, joined)
        .order_by(noted.c.event_time.desc(), noted.c.inference)
        .limit(limit)
        .offset(offset)
    )
    n = session.scalar(select(func.count()).select_from(noted).join(InferenceRow, joined)) or 0
    return Page(items=tuple(_violations(rows, rule.name, found)), total=n)


def _violations(rows: Iterable[InferenceRow], name: str, rule: Held) -> Iterator[Violation]:
    for row in rows:
        yield Violation(
            inference=row.id,
            event_time=row.event_time,
            logged_at=row.logged_at,
            version=row.version,
            environment=row.environment,
            rule=name,
            values=rule.holds.read(Row(input=row.input, score=row.score, decision=row.decision, output=row.output)),
        )
