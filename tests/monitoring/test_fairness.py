"""Whether groups fare alike: exact shares from counts, a declared reference group, and a risk where they do not."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from engine.handlers.facts import deliver_facts
from engine.inferences import outcomes
from engine.inventory import metadata, queries
from engine.monitoring import fairness, findings, monitors, thresholds, verdicts
from engine.monitoring import measures as registry
from engine.monitoring.measures import Scope
from engine.monitoring.tables import MonitorRow
from engine.monitoring.verdicts import Taken
from engine.statistics.impact_ratio import impact_ratio
from engine.store import Store, transaction
from tests.inferences.test_outcomes import REF, answered, given_a_version, label, logged

SCOPE = Scope(
    version=REF,
    environment="production",
    since=datetime(2026, 1, 1, tzinfo=UTC),
    until=datetime(2026, 3, 1, tzinfo=UTC),
)


def given_decisions(store: Store) -> list[tuple[int, str, float, bool]]:
    """1,600 rows: women of the south are chosen half as often as anybody else; half of all are labelled."""
    chance = random.Random(8)
    given = []
    for _ in range(1600):
        sex, region = chance.choice([1, 2]), chance.choice(["north", "south"])
        chosen = chance.random() < (0.3 if (sex, region) == (2, "south") else 0.6)
        given.append((sex, region, 0.8 if chosen else 0.2, chance.random() < 0.5))
    sent = answered([(n % 500, sex, region, score) for n, (sex, region, score, _) in enumerate(given)])
    logged(store, sent)
    label(store, {id: str(int(row[3])) for id, row in list(zip(sent.ids, given, strict=True))[::2]})
    return given


def test_every_group_is_held_against_the_declared_one_whatever_came_first(store: Store) -> None:
    given_a_version(store)
    given = given_decisions(store)
    with transaction(store) as session:
        counts = outcomes.window(session, REF)
    found = {each.subject: each for each in fairness.groups(counts, {"sex": "1", "region": "north"})}
    assert set(found) == {
        *("sex=1", "sex=2", "region=north", "region=south"),
        *(f"region={region} and sex={sex}" for region in ("north", "south") for sex in (1, 2)),
    }
    crossed = found["region=south and sex=2"]
    assert crossed.reference == "region=north and sex=1"

    def chosen(sex: int, region: str) -> tuple[int, int]:
        here = [row for row in given if row[:2] == (sex, region)]
        return sum(row[2] > 0.5 for row in here), len(here)

    (x, m), (y, n) = chosen(2, "south"), chosen(1, "north")
    assert crossed.metrics["impact_ratio"] == (impact_ratio((x, y), (m, n)), min(m, n))
    assert "impact_ratio" not in found["sex=1"].metrics
    women = [row for row in given[::2] if row[0] == 2 and row[3]]
    assert found["sex=2"].metrics["tpr"][0].value == pytest.approx(sum(row[2] > 0.5 for row in women) / len(women))
    assert found["sex=2"].metrics["tpr"][1] == len(women)


def test_r43_a_group_under_four_fifths_is_a_finding_and_opens_a_risk_once(store: Store) -> None:
    """The findings name the group; the model's owner gets one high risk for each; seen again it opens none."""
    given_a_version(store)
    given_decisions(store)
    with transaction(store) as session:
        measure = registry.get("fairness")
        taken = Taken(measure="fairness", dimension=measure.dimension, readings=tuple(measure.function(session, SCOPE)))
        verdict = verdicts.judge([taken], thresholds.in_force(session, "credit").of)
        breached = {each.reading.subject for each in verdict.readings if each.state == "breach"}
        assert breached == {"region=south", "region=south and sex=2", "sex=2"}
        assert next(iter(verdict.causes)).head.reading.subject == "region=south and sex=2"
        for name in ("standard", "another"):
            wanted = metadata.Monitoring(measures=("fairness",), window="P59D")
            made = monitors.start(session, "worker", "credit", "production", timezone="UTC", name=name, wanted=wanted)
            row = session.get(MonitorRow, made.id)
            assert row is not None
            assert len(findings.follow(session, row, verdict, version=1, spoke=["fairness"]).opened) == 3
    while deliver_facts(store):
        pass
    with transaction(store) as session:
        opened = queries.risks(session, "credit", is_open=True)
    assert {risk.title for risk in opened} == {f"Bias in production: impact ratio of {group}" for group in breached}
    assert len(opened) == 3
    assert {(risk.level, risk.owner) for risk in opened} == {("high", "ada")}
