"""A share of the requests: who gets it, and what is said of it once there is enough to say."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from engine.inferences import refusals
from engine.inferences.inference import Answered
from engine.inferences.log import InferenceLog
from engine.inventory.references import VersionRef
from engine.serving import canaries, deployments, queries
from engine.serving.canaries import Bounds, NoCanary, Side, judge
from engine.serving.deployment import Deployment
from engine.serving.scoring import batch
from engine.serving.scoring.directory import Directory, Endpoint
from engine.store import Store, new_ids, transaction
from tests.serving.house import (
    ADA,
    address,
    given_an_environment,
    given_rules,
    when_it_goes_live,
    when_it_is_requested,
)


def a_side(
    seed: int, *, n: int = 1_500, failed: int = 3, slow: float = 1.0, shift: float = 0.0, good: float = 1.0
) -> Side:
    """What a version did in n requests: scores around a half, decided at a half, with labels that they tell."""
    dice = random.Random(seed)
    scores = [min(1.0, max(0.0, dice.gauss(0.5 + shift, 0.2))) for _ in range(n)]
    return Side(
        answered=n,
        failed=failed,
        latencies_ms=[slow * dice.lognormvariate(0, 0.3) for _ in range(n)],
        decisions=Counter("positive" if score >= 0.5 else "negative" for score in scores),
        scores=scores,
        labelled=[(int(dice.gauss(0.5 + good * (score - 0.5), 0.15) > 0.5), score) for score in scores],
    )


def told(canary: Side) -> tuple[str, list[str]]:
    verdict = judge(canary, a_side(1), Bounds())
    return verdict.verdict, [check.name for check in verdict.checks if check.state == "worse"]


def test_a_canary_that_is_no_worse_is_promoted() -> None:
    assert told(a_side(2)) == ("promote", [])


@pytest.mark.parametrize(
    ("worse", "named"),
    [
        ({"failed": 90}, ["errors"]),
        ({"slow": 3.0}, ["latency"]),
        ({"shift": 0.2}, ["decisions", "scores"]),
        ({"good": 0.0}, ["performance"]),
    ],
)
def test_r40_a_canary_that_is_worse_is_held_back_and_told_in_what(worse: dict[str, Any], named: list[str]) -> None:
    assert told(a_side(2, **worse)) == ("roll_back", named)


def test_what_is_small_or_uncertain_holds_nobody_back() -> None:
    assert told(a_side(2, failed=8, slow=1.1, shift=0.01)) == ("promote", [])
    assert told(a_side(2, n=995, failed=5, slow=1.0, shift=0.05))[0] == "promote"


def test_of_canaries_that_are_no_worse_hardly_one_is_held_back() -> None:
    """Over 100 that differ by chance alone; the shared level allows 5, and the bounds keep nearly all of these out."""
    assert sum(told(a_side(seed, n=1_000))[0] != "promote" for seed in range(10, 110)) <= 5


def test_no_verdict_before_both_have_had_enough_requests() -> None:
    assert judge(a_side(2, n=400), a_side(1), Bounds()).verdict == "waiting"
    assert judge(a_side(2), a_side(1, n=400), Bounds()).verdict == "waiting"


def test_what_there_is_no_data_for_is_not_passed() -> None:
    side = Side(answered=1_000, latencies_ms=[1.0] * 1_000)
    states = {check.name: check.state for check in judge(side, side, Bounds()).checks}
    assert states == {
        "errors": "passed",
        "latency": "passed",
        "decisions": "no data",
        "scores": "no data",
        "performance": "no data",
    }


# --- who gets the share


def a_directory(weight: int) -> Directory:
    ids = [UUID(int=n) for n in (1, 2)]
    old, new = (cast(Endpoint, SimpleNamespace(deployment=SimpleNamespace(id=id, version=id.int))) for id in ids)
    return Directory(routes={"credit": {"production": [(old, 100 - weight), (new, weight)]}})


def test_the_same_key_always_goes_to_the_same_version_and_stays_while_the_share_grows() -> None:
    keys = [f"order {n}" for n in range(4_000)]

    def in_share(weight: int) -> set[str]:
        directory = a_directory(weight)
        return {key for key in keys if directory.find("credit", "production", key=key).deployment.id.int == 2}

    few, many = in_share(10), in_share(40)
    assert few == in_share(10)
    assert few < many
    assert abs(len(few) - 400) < 80
    assert abs(len(many) - 1_600) < 130
    chance = Counter(a_directory(10).find("credit", "production").deployment.id.int for _ in range(2_000))
    assert 120 < chance[2] < 290


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ([{"x": 1, "reference": "a"}, {"x": 2, "reference": "b"}], "a"),
        ({"rows": [{"x": 1}], "reference": "c"}, "c"),
        ({"rows": [{"x": 1}], "reference": ["d"]}, "d"),
        ({"rows": [{"x": 1}]}, None),
        ([], None),
        ("text", None),
        ({"rows": 7, "reference": []}, []),
    ],
)
def test_the_key_is_what_the_caller_calls_the_first_row(content: Any, key: Any) -> None:
    assert batch.reference_in(content) == key


# --- routes, and what was done since


def shares(store: Store) -> dict[int, int]:
    with transaction(store) as session:
        return {route.deployment.version: route.weight for route in queries.routes(session, model="credit")}


def given_a_canary(store: Store) -> tuple[Deployment, Deployment]:
    given_an_environment(store)
    one, two = given_rules(store, n_versions=2)
    standing = when_it_goes_live(store, when_it_is_requested(store, one))
    canary = when_it_is_requested(store, two)
    with transaction(store) as session:
        return standing, deployments.take_share(
            session, canary.id, share=20, address=address("credit"), person=ADA, instance="i", task="t"
        )


def test_a_share_is_taken_given_back_and_taken_whole(store: Store) -> None:
    standing, canary = given_a_canary(store)
    assert shares(store) == {1: 80, 2: 20}
    with transaction(store) as session:
        ours, other = canaries.routes(session, "credit@2", "production")
        assert (ours.deployment.id, other.deployment.id) == (canary.id, standing.id)
        deployments.withdraw(session, canary.id, person=ADA, reason="worse")
    assert shares(store) == {1: 100}
    with transaction(store) as session, pytest.raises(NoCanary):
        canaries.routes(session, "credit@2", "production")
    again = when_it_is_requested(store, canary_version(canary), key="again")
    with transaction(store) as session:
        deployments.take_share(session, again.id, share=50, address="a", person=ADA)
        deployments.went_live(session, again.id, address="a", person=ADA)
    assert shares(store) == {2: 100}
    with transaction(store) as session:
        assert queries.deployment(session, standing.id).desired == "stopped"


def canary_version(canary: Deployment) -> VersionRef:
    return VersionRef(canary.model, canary.version)


def test_what_each_of_the_two_did_is_counted_apart(store: Store) -> None:
    standing, canary = given_a_canary(store)
    log = InferenceLog(store)
    log.start()
    at = datetime.now(UTC)
    for deployment, n in ((standing, 3), (canary, 2)):
        for number in range(n):
            assert log.offer(_answer(deployment, at, latency_us=1_000 * (number + 1)))
    for deployment, code, status in ((canary, "scoring-failed", 500), (canary, "input-invalid", 422)):
        log.refused(
            refusals.at(
                at, model="credit", environment="production", code=code, status=status, deployment=deployment.id
            )
        )
    log.drain()
    with transaction(store) as session:
        ours, other = canaries.routes(session, "credit@2", "production")
        found = [canaries.side(session, route, at - timedelta(minutes=1)) for route in (ours, other)]
    assert [(side.answered, side.failed) for side in found] == [(2, 1), (3, 0)]
    assert found[0].decisions == {"grant": 4}
    assert sorted(found[1].latencies_ms) == [1.0, 2.0, 3.0]


def _answer(deployment: Deployment, at: datetime, *, latency_us: int) -> Answered:
    request, *ids = new_ids(3)
    return Answered(
        request=request,
        logged_at=at,
        model=deployment.model,
        version=deployment.version,
        environment=deployment.environment,
        deployment=deployment.id,
        caller="ada",
        latency_us=latency_us,
        ids=ids,
        event_times=[None, None],
        references=[None, None],
        inputs=[{"age": 40}, {"age": 41}],
        scores=[0.9, 0.9],
        decisions=["grant", "grant"],
    )
