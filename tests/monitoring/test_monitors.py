"""A monitor's life: what it runs on, what it finds, what becomes of runs that do not come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine import audit, events, handlers
from engine.handlers.facts import deliver_facts
from engine.identity import NotPermitted
from engine.inventory.metadata import MetadataRefused
from engine.monitoring import monitors, queries, runs, thresholds
from engine.monitoring.alerts import queries as alerted
from engine.monitoring.findings import Seen
from engine.monitoring.measures import MeasureUnknown, Reading
from engine.monitoring.monitors import Monitor, MonitorRefused, MonitorStopped
from engine.monitoring.thresholds import BoundsRefused, OwnProposal, ProposalUnknown
from engine.monitoring.verdicts import Bounds
from engine.serving import deployments
from engine.serving import queries as serving
from engine.statistics import Estimate
from engine.statistics.tallies import Reference
from engine.store import Store, TestClock, transaction
from tests.monitoring.census import people
from tests.monitoring.world import ADA, REF, RIA, ROSA, counted, given_it_is_live, when_it_is_measured
from tests.serving import house

DAY = timedelta(days=1)
MONDAY = datetime(2026, 1, 5, 6, tzinfo=UTC)


@pytest.fixture
def monitor(store: Store, reference: Reference) -> Monitor:
    """Of the census model in production: drift, over seven days."""
    given_it_is_live(store, reference, monitoring={"window": "P7D", "measures": ["drift"]})
    return started(store)


def started(store: Store, **given: Any) -> Monitor:
    with transaction(store) as session:
        return monitors.start(session, "worker", "employment", "production", timezone="UTC", **given)


def seen(store: Store, monitor: Monitor) -> Monitor:
    with transaction(store) as session:
        return monitors.get(session, monitor.id)


def facts(store: Store) -> list[str]:
    with transaction(store) as session:
        return [fact.name for fact in events.pending(session) if fact.name.startswith(("finding.", "monitor."))]


def test_r31_a_quiet_week_is_healthy_and_another_population_a_finding_that_lasts_until_it_is_over(
    store: Store, reference: Reference, monitor: Monitor
) -> None:
    quiet, other = people(2016, 16, 49), people(2017, 16)
    counted(store, reference, REF, quiet, MONDAY - DAY)
    assert when_it_is_measured(store, monitor, MONDAY).opened == ()
    assert seen(store, monitor).verdict == "healthy"

    counted(store, reference, REF, other, MONDAY + 8 * DAY)
    found = when_it_is_measured(store, monitor, MONDAY + 9 * DAY).opened
    assert {each.subject: each.state for each in found} == {"AGEP": "breach", "MAR": "breach", "RELP": "warn"}
    assert {each.cause for each in found} == {"drift psi AGEP"}
    with transaction(store) as session:
        first, *_ = queries.findings(session, model="employment").items
        assert (first.title, first.moving_with) == ("psi of AGEP", ("MAR", "RELP"))
        assert (first.version, first.warn, first.breach) == (1, 0.1, 0.25)
        (group,) = queries.causes(session)
        assert (group.cause, group.models, group.findings, group.by_chance) == (
            "drift psi AGEP", ("employment",), 3, 0,
        )  # fmt: skip
        (health,) = queries.health(session, "employment")
        assert [(each.name, each.state) for each in health.dimensions] == [
            ("statistical", "breach"), ("technical", "no data"), ("business", "no data"),
        ]  # fmt: skip
        assert health.dimensions[0].readings[0]["subject"] == "AGEP"
        (line,) = queries.monitors(session).items
        assert (line.open_findings, line.lead) == (3, "drift psi AGEP")

    again = when_it_is_measured(store, monitor, MONDAY + 10 * DAY)
    assert (again.opened, again.lasting) == ((), 3)  # opened once while it lasts

    counted(store, reference, REF, quiet, MONDAY + 20 * DAY)
    over = when_it_is_measured(store, monitor, MONDAY + 21 * DAY).closed
    assert {each.closed_because for each in over} == {"a healthy reading"}
    assert seen(store, monitor).verdict == "healthy"
    assert facts(store) == ["monitor.started"] + ["finding.opened"] * 3 + ["finding.closed"] * 3
    with transaction(store) as session:
        line = queries.series(session, monitor.id, "psi", subject="AGEP")
        assert [each.state for each in line] == ["healthy", "breach", "breach", "healthy"]
        assert line[1].value == pytest.approx(5.3, abs=0.05)
        assert queries.runs(session, monitor.id).total == 4


def test_a_run_is_taken_once_for_each_due_time(store: Store, reference: Reference, monitor: Monitor) -> None:
    counted(store, reference, REF, people(2017, 16), MONDAY - DAY)
    assert len(when_it_is_measured(store, monitor, MONDAY).opened) == 3
    assert when_it_is_measured(store, monitor, MONDAY) == Seen()
    with transaction(store) as session:
        assert queries.runs(session, monitor.id).total == 1
        assert {each.times for each in queries.findings(session).items} == {1}


def test_a_finding_that_grows_worse_says_so(store: Store, reference: Reference, monitor: Monitor) -> None:
    quiet, other = people(2016, 16, 49), people(2017, 16)
    some = {name: [*quiet[name], *other[name][:1500]] for name in quiet}
    counted(store, reference, REF, some, MONDAY - DAY)
    assert {each.state for each in when_it_is_measured(store, monitor, MONDAY).opened} == {"warn"}
    counted(store, reference, REF, other, MONDAY + 7 * DAY)
    worse = when_it_is_measured(store, monitor, MONDAY + 8 * DAY)
    assert [each.subject for each in worse.worsened] == ["AGEP"]
    assert "finding.worsened" in facts(store)


def test_r33_silence_is_a_finding_and_never_green(store: Store, reference: Reference, monitor: Monitor) -> None:
    (silence,) = when_it_is_measured(store, monitor, MONDAY).opened
    assert (silence.measure, silence.state, silence.cause) == ("silence", "no data", "silence in production")
    assert "0 rows say nothing" in silence.detail
    assert seen(store, monitor).verdict == "no data"
    counted(store, reference, REF, people(2016, 16, 49), MONDAY)
    assert [each.measure for each in when_it_is_measured(store, monitor, MONDAY + DAY).closed] == ["silence"]


def test_r33_a_missed_run_is_marked_found_and_may_be_caught_up(
    store: Store, reference: Reference, monitor: Monitor, clock: TestClock
) -> None:
    counted(store, reference, REF, people(2016, 16, 49), MONDAY - DAY)
    clock.set(MONDAY)
    when_it_is_measured(store, monitor, MONDAY)
    with transaction(store) as session:
        monitors.expect(session, monitor.id, MONDAY + DAY)
    clock.set(MONDAY + DAY + timedelta(minutes=4))
    with transaction(store) as session:
        assert monitors.overdue(session, timedelta(minutes=5)) == []
    clock.set(MONDAY + DAY + timedelta(hours=3))
    with transaction(store) as session:
        assert [each.id for each in monitors.overdue(session, timedelta(minutes=5))] == [monitor.id]
        assert runs.missed(session, monitor.id, MONDAY + DAY, why="the schedule is paused", then=MONDAY + 2 * DAY)
        assert not runs.missed(session, monitor.id, MONDAY, why="late", then=MONDAY + 2 * DAY)
    assert seen(store, monitor).verdict == "no data"
    assert [each.measure for each in when_it_is_measured(store, monitor, MONDAY + DAY).closed] == ["silence"]
    assert seen(store, monitor).verdict == "healthy"
    with transaction(store) as session:
        assert queries.run(session, monitor.id, MONDAY + DAY).caught_up
        assert not queries.run(session, monitor.id, MONDAY).caught_up
        assert "monitor.missed" in [each.act for each in audit.entries(session, stream="model:employment")]


def test_what_is_caught_up_later_than_a_newer_run_judges_the_present_no_more(
    store: Store, reference: Reference, monitor: Monitor
) -> None:
    counted(store, reference, REF, people(2017, 16), MONDAY - 10 * DAY)
    counted(store, reference, REF, people(2016, 16, 49), MONDAY - DAY)
    when_it_is_measured(store, monitor, MONDAY)
    assert when_it_is_measured(store, monitor, MONDAY - 8 * DAY) == Seen()
    assert seen(store, monitor).verdict == "healthy"
    with transaction(store) as session:
        assert queries.run(session, monitor.id, MONDAY - 8 * DAY).verdict == "breach"
        assert queries.findings(session).total == 0


def test_a_window_may_end_at_the_newest_event_and_the_same_window_twice_is_silence(
    store: Store, reference: Reference
) -> None:
    ref = given_it_is_live(store, reference, monitoring={"window": "P7D", "measures": ["drift"], "ends": "newest"})
    monitor = started(store)
    counted(store, reference, ref, people(2016, 16, 49), datetime(2016, 5, 1, tzinfo=UTC))
    when_it_is_measured(store, monitor, MONDAY)
    assert seen(store, monitor).verdict == "healthy"
    (silence,) = when_it_is_measured(store, monitor, MONDAY + DAY).opened
    assert "no inference is newer than 2016-05-01 01:00" in silence.detail
    counted(store, reference, ref, people(2017, 16), datetime(2017, 5, 1, tzinfo=UTC))
    assert len(when_it_is_measured(store, monitor, MONDAY + 2 * DAY).opened) == 3
    with transaction(store) as session:
        assert queries.run(session, monitor.id, MONDAY + 2 * DAY).until == datetime(2017, 5, 1, 1, tzinfo=UTC)


def test_r27_a_stopped_monitor_keeps_its_history_and_can_be_started_again(
    store: Store, reference: Reference, monitor: Monitor
) -> None:
    counted(store, reference, REF, people(2017, 16), MONDAY - DAY)
    when_it_is_measured(store, monitor, MONDAY)
    with transaction(store) as session:
        (stopped,) = monitors.stop(session, "worker", "employment", reason="retired")
        assert monitors.stop(session, "worker", "employment", reason="retired") == []
    assert (stopped.state, stopped.stopped_by, stopped.reason) == ("stopped", "worker", "retired")
    with pytest.raises(MonitorStopped):
        when_it_is_measured(store, monitor, MONDAY + DAY)
    with transaction(store) as session:
        assert queries.runs(session, monitor.id).items[0].verdict == "breach"
        assert {each.closed_because for each in queries.findings(session).items} == {"the monitor was stopped"}
    again = started(store)
    assert (again.id, again.state, again.verdict) == (monitor.id, "running", "no data")


def test_who_may_change_a_monitor_and_what_is_refused(store: Store, monitor: Monitor) -> None:
    with transaction(store) as session:
        changed = monitors.edit(session, RIA, monitor.id, {"timing": "0 * * * *", "window": "PT1H"})
    assert (changed.timing, changed.window, changed.timezone) == ("0 * * * *", "PT1H", "UTC")
    with transaction(store) as session, pytest.raises(NotPermitted):
        monitors.edit(session, ROSA, monitor.id, {"window": "P1D"})
    for changes in ({"window": "P1M"}, {"floor": 1}, {"ends": "never"}, {"timezone": "Mars/Olympus"}):
        with transaction(store) as session, pytest.raises(MonitorRefused):
            monitors.edit(session, RIA, monitor.id, changes)
    with transaction(store) as session, pytest.raises(MeasureUnknown):
        monitors.edit(session, RIA, monitor.id, {"measures": ["drfit"]})


def test_a_model_cannot_declare_a_window_that_has_no_length(store: Store) -> None:
    with pytest.raises(MetadataRefused, match="P1M"):
        house.given_a_model(store, monitoring={"window": "P1M"})


def test_r32_bounds_take_four_eyes_have_versions_and_are_kept_with_the_run(
    store: Store, reference: Reference, monitor: Monitor
) -> None:
    counted(store, reference, REF, people(2017, 16), MONDAY - DAY)

    def propose(by: Any, **given: Any) -> thresholds.Threshold:
        bounds: dict[str, Any] = {"warn": 6, "breach": 9, "reason": "Age is meant to move."}
        with transaction(store) as session:
            return thresholds.propose(session, by, "employment", "psi", **(bounds | given))

    own = propose(RIA, subject="AGEP")
    with transaction(store) as session, pytest.raises(OwnProposal):
        thresholds.approve(session, RIA, own.id)
    with transaction(store) as session, pytest.raises(NotPermitted):
        thresholds.approve(session, ADA, own.id)
    second = propose(ADA, subject="AGEP", breach=10)
    assert second.version == 2
    with transaction(store) as session, pytest.raises(ProposalUnknown):
        thresholds.approve(session, ROSA, own.id)  # a later proposal took its place
    assert len(when_it_is_measured(store, monitor, MONDAY).opened) == 3  # what is only proposed is not in force
    with transaction(store) as session:
        thresholds.approve(session, ROSA, second.id, comment="Agreed.")
        assert [(each.version, each.state) for each in thresholds.history(session, "employment")] == [
            (2, "approved"), (1, "withdrawn"),
        ]  # fmt: skip
    assert [each.subject for each in when_it_is_measured(store, monitor, MONDAY + DAY).closed] == ["AGEP"]
    with transaction(store) as session:
        before, after = (queries.run(session, monitor.id, due) for due in (MONDAY, MONDAY + DAY))
        bounds = [next(each["bounds"] for each in run.readings if each["subject"] == "AGEP") for run in (before, after)]
        assert bounds == ["measure", "approved 2"]
        assert [each.act for each in audit.entries(session, stream="model:employment", act="threshold.approved")]


@pytest.mark.parametrize(
    ("metric", "warn", "breach", "reason"),
    [
        ("psy", 0.1, 0.2, "so"),
        ("psi", 0.2, 0.1, "so"),
        ("auc", 0.7, 0.8, "so"),
        ("psi", float("nan"), 0.2, "so"),
        ("psi", 0.1, 0.2, " "),
    ],
)
def test_bounds_that_make_no_sense_are_refused(
    store: Store, metric: str, warn: float, breach: float, reason: str
) -> None:
    house.given_a_model(store)
    with transaction(store) as session, pytest.raises(BoundsRefused):
        thresholds.propose(session, ADA, "credit", metric, warn=warn, breach=breach, reason=reason)


def test_r9_a_models_own_bounds_come_before_those_of_the_measure(store: Store) -> None:
    house.given_a_model(store, "one", thresholds={"min_auc": 0.9}, service_levels={"p95_ms": 50})
    house.given_a_model(store, "two", thresholds={"min_auc": 0.6})
    house.given_a_model(store, "three")

    def bounds(model: str, **given: Any) -> tuple[float, float, str] | None:
        reading = Reading(value=Estimate(1, 1, 1, 0.95), rows=1, unit="", better="high", **given)
        with transaction(store) as session:
            found = thresholds.in_force(session, model).of("drift", reading)
        return (found.warn, found.breach, found.source) if found else None

    assert bounds("one", metric="auc") == (0.9, 0.9, "metadata")
    assert bounds("two", metric="auc") == (0.6, 0.6, "metadata")
    assert bounds("one", metric="p95_ms") == (50, 50, "service levels")
    assert bounds("two", metric="p95_ms") is None
    assert bounds("one", metric="psi") == (0.1, 0.25, "measure")
    with transaction(store) as session:
        in_force = thresholds.in_force(session, "three")
    tested = Reading(metric="auc", value=Estimate(1, 1, 1, 0.95), rows=1, unit="", better="high", reference=0.625)
    # What the last test gave tells a drop; a task that is hard by itself is no breach from its first day.
    assert in_force.of("performance", tested) == Bounds(warn=0.595, breach=0.575, source="test")
    untested = in_force.of("performance", replace(tested, reference=None))
    assert untested == Bounds(warn=0.7, breach=0.6, source="measure")
    assert bounds("one", metric="value_per_day", bounds=(10, 5)) == (10, 5, "reading")


def test_r49_one_cause_is_one_group_over_the_models_and_chance_is_counted_over_all_of_them(
    store: Store, reference: Reference
) -> None:
    window = people(2017, 16)
    for model in ("first", "second"):
        ref = given_it_is_live(store, reference, model, monitoring={"measures": ["drift"]})
        counted(store, reference, ref, window, MONDAY - DAY)
        with transaction(store) as session:
            monitor = monitors.start(session, "worker", model, "production", timezone="UTC")
        when_it_is_measured(store, monitor, MONDAY)
    with transaction(store) as session:
        (group,) = queries.causes(session)
    assert (group.models, group.findings, group.state) == (("first", "second"), 6, "breach")


def test_r51_what_a_monitor_finds_is_one_alert_that_closes_with_the_last_of_it(
    store: Store, reference: Reference, monitor: Monitor
) -> None:
    """The facts that a run tells, taken as the clock takes them."""
    handlers.load()
    counted(store, reference, REF, people(2017, 16), MONDAY - DAY)
    when_it_is_measured(store, monitor, MONDAY)
    deliver_facts(store)
    with transaction(store) as session:
        (alert,) = alerted.alerts(session).rows
    assert (alert.title, alert.severity, alert.state, alert.cause) == (
        "psi of AGEP",
        "breach",
        "open",
        "drift psi AGEP",
    )
    assert [each.title for each in alert.findings] == ["psi of AGEP", "psi of MAR", "psi of RELP"]
    counted(store, reference, REF, people(2016, 16, 49), MONDAY + 8 * DAY)
    when_it_is_measured(store, monitor, MONDAY + 9 * DAY)
    deliver_facts(store)
    with transaction(store) as session:
        assert alerted.alert(session, alert.id).state == "closed"


def test_a_process_that_keeps_dying_is_found_at_once_and_over_when_it_stays_alive(
    store: Store, reference: Reference, clock: TestClock
) -> None:
    """The third death within ten minutes is a finding before any run; a day without one closes it."""
    given_it_is_live(store, reference, monitoring={"window": "P1D", "measures": ["deployment"]})
    monitor = started(store)
    with transaction(store) as session:
        deployment = serving.live(session, "employment", "production")
    assert deployment is not None
    for state in ("failing", "running") * 3:
        clock.advance(timedelta(seconds=30))
        with transaction(store) as session:
            deployments.observed(session, deployment.id, state, "killed by signal 9" if state == "failing" else "")
    handlers.load()
    deliver_facts(store)
    with transaction(store) as session:
        (found,) = queries.findings(session, model="employment").items
        assert (found.title, found.state, found.value, found.closed) == ("deaths", "breach", 3, False)
        assert [each.severity for each in alerted.alerts(session).rows] == []
    deliver_facts(store)
    with transaction(store) as session:
        assert [each.severity for each in alerted.alerts(session).rows] == ["breach"]
    assert when_it_is_measured(store, monitor, clock.now()).lasting == 1
    clock.advance(timedelta(days=1, minutes=3))
    assert [each.title for each in when_it_is_measured(store, monitor, clock.now()).closed] == ["deaths"]
