"""How models come into service, on times that are known: every figure by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from engine import handlers
from engine.governance import delivery
from engine.inventory.references import VersionRef
from engine.runtime import instances, wakeups
from engine.store import Store, TestClock, transaction
from tests.bpmn import drawing as d
from tests.governance.decisions import given_a_decision
from tests.runtime import worlds as w
from tests.serving import house as s

DAYS = timedelta(days=1)


@pytest.fixture
def house(store: Store) -> Iterator[Store]:
    """A life cycle with one stage, in which a risk manager is asked; an environment."""
    handlers.load()
    given = {"form": "decision.form.json", "result": "decided"}
    inner = d.files(
        "checking",
        d.lanes(risk_manager=("Start", "Ask", "End")),
        d.start(),
        d.user("Ask", "Ask", **given),
        d.end(),
        d.chain("Start", "Ask", "End"),
        decision__form__json=w.DECISION,
    )
    outer = d.files("life", d.start(), d.call("Check", "checking"), d.end(), d.chain("Start", "Check", "End"))
    w.given_a_published(store, inner)
    w.given_a_published(store, outer)
    s.given_an_environment(store)
    yield store
    wakeups.close()


def visited(house: Store, clock: TestClock, days: int) -> UUID:
    """A life cycle whose stage took so many days."""
    instance = instances.start(house, w.ADA, "life", "credit")
    clock.advance(days * DAYS)
    (task,) = w.open_tasks(house, instance)
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    return instance


def added(house: Store, model: str) -> VersionRef:
    """A version like no other."""
    s.given_a_model(house, model)
    return s.given_a_version(house, model, artefact=s.table(17) + model.encode(), input_schema=b"{}")


def live_after(house: Store, clock: TestClock, model: str, days: int) -> VersionRef:
    """A version that went live so many days after it was added."""
    ref = added(house, model)
    clock.advance(days * DAYS)
    s.when_it_goes_live(house, s.when_it_is_requested(house, ref))
    return ref


def reported(house: Store) -> delivery.Report:
    with transaction(house) as session:
        return delivery.report(session, days=90)


def test_r4_the_share_deployed_the_days_of_a_stage_and_what_is_stuck_stand_beside_the_span_before(
    house: Store, clock: TestClock
) -> None:
    live_after(house, clock, "old", 0)
    added(house, "waiting")
    visited(house, clock, 1)
    visited(house, clock, 3)
    clock.advance(90 * DAYS)  # the span before ends with these
    visited(house, clock, 2)
    visited(house, clock, 6)
    live_after(house, clock, "new", 0)
    standing = instances.start(house, w.ADA, "life", "credit")
    clock.advance(15 * DAYS)
    found = reported(house)
    assert (found.share.deployed, found.share.kept, found.share.value) == (2, 3, 2 / 3)
    assert (found.share_before.deployed, found.share_before.kept) == (1, 2)
    (stage,) = found.stages
    day = DAYS.total_seconds()
    assert (stage.process, stage.name, stage.n, stage.n_before, stage.n_open) == ("life", "Check", 2, 2, 1)
    assert (stage.median_seconds, stage.median_seconds_before) == (4 * day, 2 * day)
    assert stage.p90_seconds == pytest.approx(5.6 * day)  # 2 + 0.9 of the way to 6
    (stuck,) = found.stuck
    assert (stuck.instance, stuck.days, stuck.usual_days, stuck.known) == (standing, 15.0, 14.0, False)
    assert (stuck.roles, stuck.incident) == (("risk_manager",), False)


def test_r4_a_stage_is_stuck_once_it_takes_longer_than_nine_of_ten_did(house: Store, clock: TestClock) -> None:
    for days in (1, 1, 1, 1, 2):
        visited(house, clock, days)
    instances.start(house, w.ADA, "life", "credit")
    clock.advance(timedelta(days=1, hours=12))
    assert reported(house).stuck == ()
    clock.advance(timedelta(hours=3))
    (stuck,) = reported(house).stuck
    assert (stuck.known, stuck.usual_days) == (True, pytest.approx(1.6))


def test_r45_lead_time_and_rework_are_told_by_life_cycle_and_team(house: Store, clock: TestClock) -> None:
    before = live_after(house, clock, "before", 8)
    clock.advance(90 * DAYS)
    quick, slow = live_after(house, clock, "quick", 2), live_after(house, clock, "slow", 6)
    instance = visited(house, clock, 1)
    for ref, decision in ((before, "approve"), (slow, "reject"), (slow, "approve"), (quick, "approve")):
        with transaction(house) as session:
            given_a_decision(session, ref, decision, instance=instance)
    by_hand, drawn = reported(house).leads
    assert (by_hand.process, by_hand.team, by_hand.live) == ("", "Lending", 2)
    assert (by_hand.median_days, by_hand.median_days_before) == (4.0, 8.0)
    assert by_hand.p90_days == pytest.approx(5.6)
    assert by_hand.rework is None
    assert (drawn.process, drawn.decided, drawn.rejected, drawn.rework) == ("life", 3, 1, 1 / 3)


def test_r17_each_idle_model_says_since_when_and_why(house: Store, clock: TestClock) -> None:
    s.given_a_model(house, "empty")
    clock.advance(DAYS)
    added(house, "undeployed")
    clock.advance(DAYS)
    live_after(house, clock, "unasked", 0)
    clock.advance(1.5 * DAYS)
    live_after(house, clock, "fresh", 0)
    with transaction(house) as session:
        found = delivery.idle(session)
    assert [(each.model, each.days) for each in found] == [("empty", 3.5), ("undeployed", 2.5), ("unasked", 1.5)]
    assert [each.because for each in found] == [
        "it has no version",
        "its newest version is not deployed",
        "deployed, and never asked",
    ]
