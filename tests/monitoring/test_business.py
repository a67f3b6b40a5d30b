"""What a model brings, from the log and late labels; and the rules that its rows break."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from engine.inferences import business as noted
from engine.inferences.log import InferenceLog
from engine.inferences.tables import InferenceRow, ViolationRow
from engine.inventory import models, queries
from engine.monitoring import business, measures, thresholds, verdicts
from engine.monitoring.measures import Reading, Scope
from engine.monitoring.verdicts import Taken, Verdict
from engine.statistics import Estimate
from engine.store import Store, transaction
from tests.inferences.test_outcomes import ADA, REF, START, answered, folded, given_a_version, label, logged

DAY = START.replace(hour=0)
MARGIN = {"name": "margin", "unit": "EUR", "expression": "(500 if label == 1 else -2000) if score >= 0.5 else 0"}
GRANTED = {"name": "granted", "unit": "share", "aggregate": "mean", "expression": "score >= 0.5"}
PER_GRANT = {
    "name": "margin of a grant",
    "unit": "EUR",
    "aggregate": "ratio",
    "expression": MARGIN["expression"],
    "per": "score >= 0.5",
}
KPIS = [MARGIN | {"warn": 1000, "breach": 0}, GRANTED | {"breach": 0.2}, PER_GRANT]
RULES = [
    {"name": "sure of men", "expression": "sex != 1 or score < 0.9"},
    {"name": "region is known", "expression": "not missing(region)", "severity": "warn", "max_share": 0.1},
    {"name": "income", "expression": "income > 0", "max_share": 0.01},
]


def scope(**more: object) -> Scope:
    found = Scope(version=REF, environment="production", since=DAY, until=DAY + timedelta(days=3), floor=20)
    return replace(found, **more)  # type: ignore[arg-type]


def read(store: Store, measure: str, asked: Scope) -> dict[tuple[str, str], Reading]:
    with transaction(store) as session:
        found = measures.get(measure).function(session, asked)
    return {(each.metric, each.subject): each for each in found}


def judged(store: Store, measure: str, asked: Scope) -> Verdict:
    with transaction(store) as session:
        found = tuple(measures.get(measure).function(session, asked))
        taken = Taken(measure=measure, dimension="business", readings=found)
        return verdicts.judge([taken], thresholds.in_force(session, "credit").of, floor=asked.floor)


def test_r42_kpis_join_late_labels_and_add_up_exactly(store: Store) -> None:
    """In any order, corrected, folded in between or not: what is known at the end is what counts, in its day."""
    given_a_version(store, kpis=KPIS)
    chance = random.Random(7)
    given = [(chance.randrange(72), 1 + chance.randrange(2), "north", chance.random()) for _ in range(300)]
    given = [(hour - 12, *rest) for hour, *rest in given]  # START is at noon
    sent = answered(given)  # type: ignore[arg-type]
    logged(store, sent)
    truth: dict[UUID, str] = {}
    for _ in range(4):
        told = {id: chance.choice(["0", "1"]) for id in chance.sample(list(sent.ids), 150)}
        truth |= told
        label(store, told)
        if chance.random() < 0.6:
            folded(store)
    granted = {id: row[3] >= 0.5 for id, row in zip(sent.ids, given, strict=True)}
    brought = {id: (500 if value == "1" else -2000) if granted[id] else 0 for id, value in truth.items()}
    found = read(store, "business", scope())
    margin, per_grant = found["kpi", "margin"], found["kpi", "margin of a grant"]
    assert margin.value.value == pytest.approx(sum(brought.values()) / 3, rel=1e-15)
    assert margin.value.low < margin.value.value < margin.value.high
    assert (margin.rows, margin.detail["labelled"], margin.detail["answered"]) == (len(truth), len(truth), 300)
    assert margin.bounds == (1000, 0)
    assert margin.unit == "EUR per day"
    assert found["kpi", "granted"].value.value == pytest.approx(sum(granted.values()) / 300)
    assert per_grant.value.value == pytest.approx(sum(brought.values()) / sum(granted[id] for id in truth))
    by_hour = [
        read(store, "business", scope(since=DAY + timedelta(hours=n), until=DAY + timedelta(hours=n + 12)))
        for n in range(0, 72, 12)
    ]
    assert sum(each["kpi", "margin"].value.value / 2 for each in by_hour if each["kpi", "margin"].rows) == (
        pytest.approx(sum(brought.values()))
    )


def test_r42_a_kpi_is_judged_by_its_bounds_as_any_reading(store: Store) -> None:
    given_a_version(store, kpis=[GRANTED | {"warn": 0.5, "breach": 0.2}])
    with transaction(store) as session:
        assert "kpi" in thresholds.known_metrics()
        assert read_none(session)
    logged(store, answered([(0, 1, "north", 0.9 if n % 10 == 0 else 0.1) for n in range(300)]))
    found = judged(store, "business", scope())
    assert (found.state, found.dimensions["business"]) == ("breach", "breach")
    assert found.causes[0].name == "business kpi granted"
    assert judged(store, "business", scope(floor=301)).state == "no data"
    # All rows alike: the interval has no width, and the floor holds all the same.
    assert judged(store, "business", scope(since=DAY - timedelta(days=9), until=DAY)).state == "no data"


def read_none(session: object) -> bool:
    """Before any row there is a reading without data, and no zero."""
    (only,) = measures.get("business").function(session, scope())  # type: ignore[arg-type]
    return not only.value.known and only.rows == 0


def test_r42_a_kpi_that_is_declared_anew_counts_a_label_that_is_sent_again(store: Store) -> None:
    given_a_version(store)
    sent = answered([(0, 1, "north", 0.9)] * 3)
    logged(store, sent)
    truth = dict.fromkeys(sent.ids, "1")
    label(store, truth)
    with transaction(store) as session:
        models.edit(session, ADA, "credit", {"kpis": [MARGIN]})
    label(store, truth)
    label(store, truth | {sent.ids[0]: "0"})
    label(store, truth | {sent.ids[0]: "0"})
    found = read(store, "business", scope())["kpi", "margin"]
    assert (found.rows, found.detail["total"]) == (3, 500 + 500 - 2000)


def test_r17_value_by_day_since_the_deployment_and_what_came_together(store: Store) -> None:
    given_a_version(store, kpis=[MARGIN, GRANTED])
    given = [(24 * day + hour, 1, "north", 0.9) for day in (0, 1, 3) for hour in range(2 + day)]
    sent = answered(given)
    logged(store, sent)
    label(store, {id: "0" if n == 0 else "1" for n, id in enumerate(sent.ids)})
    with transaction(store) as session:
        margin, granted = business.values(session, [queries.model(session, "credit")])
    assert [each.since for each in margin.spans] == [DAY + timedelta(days=n) for n in range(4)]
    assert [each.value.value for each in margin.spans if each.rows] == [-1500, 1500, 2500]
    assert [each.so_far for each in margin.spans] == [-1500, 0, None, 2500]  # the third day is unknown, and no zero
    assert (margin.whole.value, margin.rows, margin.environment, margin.waits) == (2500, 10, "production", True)
    assert (granted.whole.value, granted.waits, granted.spans[-1].so_far) == (1, False, 1)
    assert margin.slope is None  # of four days nothing is said


def test_r17_a_trend_of_the_value_is_seen_with_its_interval() -> None:
    def spans(per_day: float) -> list[business.Span]:
        values = [100 + per_day * n + (7 * n) % 5 for n in range(60)]
        return [
            business.Span(since=DAY + timedelta(days=n), value=Estimate(v, v, v, 0.95), so_far=None, rows=1)
            for n, v in enumerate(values)
        ]

    falling, flat = (business._slope(spans(slope), 0.95) for slope in (-1.0, 0.0))
    assert falling is not None
    assert flat is not None
    assert falling.low < -1 < falling.high < 0
    assert flat.low < 0 < flat.high


def test_r44_violating_rows_are_counted_by_the_hour_and_listed_with_the_values_that_the_rule_reads(
    store: Store,
) -> None:
    given_a_version(store, rules=RULES)
    sent = answered([(n % 48, 1 + n % 2, "north" if n % 3 else "south", n / 100) for n in range(100)])
    logged(
        store, replace(sent, inputs=[{**each, "region": None} if n < 5 else each for n, each in enumerate(sent.inputs)])
    )
    breaking = [id for n, id in enumerate(sent.ids) if n % 2 == 0 and n >= 90]
    whole = read(store, "rules", scope())
    assert whole["violations", "sure of men"].value.value == len(breaking) == 5
    assert whole["violations", "sure of men"].bounds == (1, 1)
    share = whole["violation_share", "region is known"]
    assert (share.value.value, share.rows, share.detail["on"]) == (0.05, 100, "input")
    assert share.value.low < 0.05 < share.value.high
    halves = [
        read(store, "rules", scope(since=START + timedelta(hours=at), until=START + timedelta(hours=at + 24)))
        for at in (0, 24)
    ]
    assert sum(each["violations", "sure of men"].value.value for each in halves) == 5
    with transaction(store) as session:
        rules = {each.name: each for each in queries.model(session, "credit").metadata.rules}
        listed = noted.violations(session, "credit", rules["sure of men"], limit=2)
        others = noted.violations(session, "credit", rules["region is known"])
    assert (listed.total, len(listed.items)) == (5, 2)
    assert {each.inference for each in listed.items} <= set(breaking)
    assert listed.items[0].event_time >= listed.items[1].event_time
    assert set(listed.items[0].values) == {"sex", "score"}
    assert [each.values for each in others.items] == [{"region": None}] * 5


def test_r44_a_rule_has_a_verdict_and_one_that_cannot_be_told_has_no_data(store: Store) -> None:
    given_a_version(store, rules=RULES)
    logged(store, answered([(0, 1, "north", 0.95 if n < 2 else 0.1) for n in range(100)]))
    found = judged(store, "rules", scope())
    states = {(each.reading.metric, each.reading.subject): each.state for each in found.readings}
    assert states["violations", "sure of men"] == "breach"  # it allows none
    assert states["violation_share", "region is known"] == "healthy"
    assert states["violation_share", "income"] == "no data"  # no row has an income: never healthy
    assert found.state == "breach"
    (income,) = (each.reading for each in found.readings if each.reading.subject == "income")
    assert income.detail["unknown"] == 100


def test_r44_a_share_beyond_what_is_allowed_needs_more_than_chance(store: Store) -> None:
    """Of 100 rows that may break a rule in 10 cases, 12 are chance (p = 0.30) and 25 are not."""
    given_a_version(store, rules=[{"name": "few", "expression": "score < 0.5", "max_share": 0.1}])
    logged(store, answered([(0, 1, "north", 0.9 if n < 12 else 0.1) for n in range(100)]))
    logged(store, answered([(30, 1, "north", 0.9 if n < 25 else 0.1) for n in range(100)]))
    first = judged(store, "rules", scope(until=DAY + timedelta(days=1)))
    assert first.state == "healthy"
    assert first.readings[0].p == pytest.approx(0.2970, abs=1e-4)
    assert judged(store, "rules", scope(since=DAY + timedelta(days=1))).state == "breach"


def test_r44_what_the_log_forgets_is_listed_no_more(store: Store) -> None:
    """The note of a violation holds no value, and goes with the row."""
    given_a_version(store, rules=RULES)
    sent = answered([(0, 1, "north", 0.95)] * 2)
    logged(store, sent)
    with transaction(store) as session:
        rule = queries.model(session, "credit").metadata.rules[0]
        session.execute(delete(InferenceRow).where(InferenceRow.id == sent.ids[0]))
        assert [each.inference for each in noted.violations(session, "credit", rule).items] == [sent.ids[1]]
        assert noted.forget_gone(session) == 1
        assert session.scalars(select(ViolationRow.inference)).all() == [sent.ids[1]]


def test_r44_a_group_that_had_to_be_written_again_is_noted_once(store: Store) -> None:
    given_a_version(store, rules=RULES)
    sent = answered([(0, 1, "north", 0.95)] * 2)
    logged(store, sent)
    log = InferenceLog(store)
    again = list(sent.inferences())
    with transaction(store) as session:
        log._insert_again(session, again)
    assert read(store, "rules", scope())["violations", "sure of men"].value.value == 2
    with transaction(store) as session:
        assert len(session.scalars(select(ViolationRow.inference)).all()) == 2
