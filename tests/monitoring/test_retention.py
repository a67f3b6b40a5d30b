"""Runs that are too old are forgotten; what is open and what was last stays."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from engine import audit
from engine.monitoring import retention
from engine.monitoring.tables import FindingRow, MonitorRow, RunRow
from engine.store import Store, TestClock, new_id, transaction

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def aged(store: Store) -> Store:
    """A store in June that keeps 90 days of runs."""
    assert isinstance(store.clock, TestClock)
    store.clock.set(NOW)
    return dataclasses.replace(store, settings=store.settings.model_copy(update={"monitor_runs_kept_days": 90}))


def given_a_monitor(store: Store, name: str, ages: list[int], *, finding: int | None = None) -> UUID:
    """A monitor with a run so many days ago each; with a finding that is open since so many days."""
    id = new_id()
    health = dict.fromkeys(("verdict", "statistical", "technical", "business"), "healthy")
    known: dict[str, Any] = {"model": "credit", "environment": "production"}
    with transaction(store) as session:
        session.add(
            MonitorRow(
                id=id,
                name=name,
                measures=[],
                window="P1D",
                ends="due",
                timing="0 6 * * *",
                timezone="UTC",
                missed="skip",
                floor=100,
                state="running",
                started_at=NOW,
                started_by="ada",
                reason="",
                **known,
                **health,
            )
        )
        session.flush()
        for age in ages:
            session.add(
                RunRow(
                    monitor=id,
                    due_at=NOW - age * DAY,
                    state="measured",
                    recorded_at=NOW - age * DAY,
                    instance="",
                    rows=5,
                    readings=[],
                    silent={},
                    p=[0.5],
                    detail="",
                    **health,
                )
            )
        if finding is not None:
            session.add(
                FindingRow(
                    id=new_id(),
                    monitor=id,
                    dimension="statistical",
                    measure="drift",
                    metric="psi",
                    subject="age",
                    cause="drift psi age",
                    state="breach",
                    unit="",
                    detail="",
                    moving_with=[],
                    first_seen=NOW - finding * DAY,
                    last_seen=NOW,
                    times=3,
                    closed_because="",
                    **known,
                )
            )
    return id


def ages_of(store: Store, monitor: UUID) -> list[int]:
    with transaction(store) as session:
        found = session.scalars(select(RunRow.due_at).where(RunRow.monitor == monitor))
        return sorted((NOW - due_at).days for due_at in found)


def test_old_runs_go_but_for_the_last_and_those_of_an_open_finding(aged: Store) -> None:
    plain = given_a_monitor(aged, "plain", [10, 89, 91, 200])
    silent = given_a_monitor(aged, "silent", [150, 300])
    troubled = given_a_monitor(aged, "troubled", [5, 100, 120, 200], finding=130)
    with transaction(aged) as session:
        due = retention.due(session, 90)
    assert (due.rows, due.first, due.last) == (4, NOW - 300 * DAY, NOW - 91 * DAY)
    (done,) = retention.apply(aged)
    assert (done.rows, len(done.digest)) == (4, 64)
    assert [ages_of(aged, each) for each in (plain, silent, troubled)] == [[10, 89], [150], [5, 100, 120]]
    with transaction(aged) as session:
        (told,) = audit.entries(session, act="monitor_runs.dropped")
        assert session.scalars(select(FindingRow)).one().times == 3
    assert (told.facts["rows"], told.facts["monitors"], told.facts["sha256"]) == (4, 3, done.digest)
    assert retention.apply(aged) == []


def test_without_a_declared_time_everything_is_kept(store: Store) -> None:
    monitor = given_a_monitor(store, "plain", [10, 5_000])
    assert retention.apply(store) == []
    assert ages_of(store, monitor) == [10, 5_000]
