"""Alerts: one for each cause, told once and again where it became worse, and nothing lost behind a silence."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from engine.identity import NotPermitted, Person
from engine.monitoring import alerts
from engine.monitoring.alerts import AlertClosed, AlertUnknown, Concern, SilenceRefused, SilenceUnknown, queries
from engine.store import Store, TestClock, new_id, transaction

OPS = Person(id="ops", name="Olga", roles=frozenset({"model_operator"}))
RIA = Person(id="ria", name="Ria", roles=frozenset({"risk_manager"}))


def taken(store: Store, cause: str = "drift:credit", severity: str = "warn", model: str = "credit", **given) -> UUID:
    """The alert that took a finding."""
    finding = given.get("finding") or new_id()
    with transaction(store) as session:
        return alerts.take(
            session,
            Concern(finding=finding, model=model, cause=cause, severity=severity, title=f"{cause} is a {severity}"),
        )


def told(store: Store) -> list[tuple[UUID, str]]:
    """What is handed over now."""
    found = []
    with transaction(store) as session:
        for id in alerts.due(session):
            severity = alerts.hand_over(session, id)
            assert severity is not None
            found.append((id, severity))
    return found


def seen(store: Store, alert: UUID) -> queries.Alert:
    with transaction(store) as session:
        return queries.alert(session, alert)


def test_findings_of_one_cause_are_one_alert_and_told_once(store: Store) -> None:
    first = taken(store)
    assert taken(store, model="letters") == first
    assert taken(store, cause="feed:census") != first
    assert [id for id, _ in told(store)] == [first, told_other(store, first)]
    assert told(store) == []
    assert seen(store, first).models == ("credit", "letters")


def told_other(store: Store, first: UUID) -> UUID:
    with transaction(store) as session:
        (other,) = [each.id for each in queries.alerts(session).rows if each.id != first]
    return other


def test_what_became_worse_is_told_again_though_it_was_acknowledged(store: Store) -> None:
    alert = taken(store)
    assert told(store) == [(alert, "warn")]
    with transaction(store) as session:
        alerts.acknowledge(session, OPS, alert, "looking into it")
    assert seen(store, alert).state == "acknowledged"
    assert taken(store) == alert
    assert told(store) == []
    taken(store, severity="breach")
    assert told(store) == [(alert, "breach")]
    assert (seen(store, alert).state, seen(store, alert).title) == ("open", "drift:credit is a breach")
    taken(store, severity="warn")
    assert told(store) == []


def test_an_alert_closes_with_its_last_finding_and_the_cause_opens_another_one(store: Store) -> None:
    one, two = new_id(), new_id()
    alert = taken(store, finding=one)
    taken(store, finding=two)
    for finding, state in ((one, "open"), (two, "closed")):
        with transaction(store) as session:
            alerts.leave(session, finding)
        assert seen(store, alert).state == state
    assert told(store) == []
    assert taken(store) != alert


def test_a_silenced_model_is_told_of_when_the_silence_ends(store: Store, clock: TestClock) -> None:
    with transaction(store) as session:
        alerts.silence(
            session, OPS, model="credit", cause=None, until=clock.now() + timedelta(days=2), reason="planned work"
        )
    alert = taken(store)
    assert told(store) == []
    assert seen(store, alert).silenced_until == clock.now() + timedelta(days=2)
    taken(store, cause="feed:census", model="credit")
    other = taken(store, cause="feed:census", model="letters")
    assert told(store) == [(other, "warn")], "a finding of another model is heard"
    clock.advance(timedelta(days=2))
    assert told(store) == [(alert, "warn")]


def test_a_silence_is_ended_by_hand_and_only_once(store: Store, clock: TestClock) -> None:
    with transaction(store) as session:
        silence = alerts.silence(
            session, OPS, model=None, cause="drift:credit", until=clock.now() + timedelta(days=2), reason="known"
        )
    alert = taken(store)
    assert told(store) == []
    with transaction(store) as session:
        alerts.end_silence(session, OPS, silence)
    assert told(store) == [(alert, "warn")]
    with transaction(store) as session, pytest.raises(SilenceUnknown):
        alerts.end_silence(session, OPS, silence)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"model": None}, "everything"),
        ({"days": 0}, "ahead"),
        ({"days": 400}, "year"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_silence_has_an_object_an_end_and_a_reason(
    store: Store, clock: TestClock, changed: dict, reason: str
) -> None:
    given = {"model": "credit", "days": 1, "reason": "planned"} | changed
    until = clock.now() + timedelta(days=given.pop("days"))
    with transaction(store) as session, pytest.raises(SilenceRefused, match=reason):
        alerts.silence(session, OPS, cause=None, until=until, **given)


def test_only_who_operates_models_or_feeds_takes_alerts_in_hand_and_each_once(store: Store) -> None:
    alert = taken(store)
    with transaction(store) as session, pytest.raises(NotPermitted):
        alerts.acknowledge(session, RIA, alert)
    with transaction(store) as session, pytest.raises(AlertUnknown):
        alerts.acknowledge(session, OPS, new_id())
    with transaction(store) as session:
        alerts.acknowledge(session, OPS, alert)
    with transaction(store) as session, pytest.raises(AlertClosed, match="acknowledged"):
        alerts.acknowledge(session, OPS, alert)


def test_the_list_has_what_waits_first_and_tells_how_fast_people_were(store: Store, clock: TestClock) -> None:
    mild, bad, old = taken(store, "a"), taken(store, "b", "breach"), taken(store, "c", "breach")
    begun = clock.now()
    clock.advance(timedelta(minutes=10))
    with transaction(store) as session:
        alerts.acknowledge(session, OPS, old)
    with transaction(store) as session:
        found = queries.alerts(session)
        assert [each.id for each in found.rows] == [bad, mild, old]
        assert queries.alerts(session, state="acknowledged").total == 1
        assert queries.alerts(session, model="letters").total == 0
        assert queries.waiting(session) == 2
        reaction = queries.reaction(session, begun)
    assert (reaction.opened, reaction.acknowledged, reaction.median_seconds) == (3, 1, 600.0)
