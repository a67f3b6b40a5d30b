"""A second version takes a share, is judged by what it did, and is promoted or rolled back, by itself or by hand."""

from __future__ import annotations

from datetime import timedelta

from engine import audit
from engine.handlers.facts import deliver_facts
from engine.identity import people
from engine.inferences.inference import Answered
from engine.inferences.log import InferenceLog
from engine.inventory import assets
from engine.inventory.references import VersionRef
from engine.runtime import delivery, instances
from engine.runtime import queries as runtime
from engine.serving import queries as serving
from engine.store import new_ids, transaction
from tests.handlers import house as h
from tests.handlers.test_life_of_a_model import APPROVE, given_a_second_version, started
from tests.web.world import PASSWORD, ROOT

BACK = {"model": "letters", "environment": "production", "reason": "It refuses too many."}


def shares(house) -> dict[int, int]:
    with transaction(house) as session:
        return {route.deployment.version: route.weight for route in serving.routes(session, model="letters")}


def given_two_versions(house) -> None:
    """The first answers all requests, a second one is tested and waits for its own approval."""
    h.given_a_rules_model(house, decisions_per_year=1_000_000)
    instance = started(house, "letters")
    h.decide(house, instance, "Approve_as_risk_manager", h.RIA, **APPROVE)
    h.go_on(house)
    given_a_second_version(house)
    deliver_facts(house)
    h.go_on(house)


def when_a_canary_runs(house):
    answer = {"model": "letters", "share": 20, "rows": 40}
    canary = instances.start(house, h.OPS, "canary", "letters", answer)
    h.decide(house, canary, "Approve_canary", h.RIA, **APPROVE)
    h.go_on(house)
    return canary


def when_a_quarter_of_an_hour_passes(house, clock, canary) -> None:
    clock.advance(timedelta(minutes=16))
    delivery.fire_due_timers(house)
    h.go_on(house)


def judged(house, canary) -> dict:
    with transaction(house) as session:
        return runtime.variables(session, canary)["canary"]


def when_both_answer(house, *, slow: float = 1.0) -> None:
    """Forty requests and more a side, as the scoring service logs them."""
    log = InferenceLog(house)
    log.start()
    with transaction(house) as session:
        routes = serving.routes(session, model="letters")
    for route in routes:
        for number in range(150):
            assert log.offer(_answered(house, route, 1_000 + number * 10, slow if route.weight < 50 else 1.0))
    log.drain()


def _answered(house, route, latency_us: int, slow: float) -> Answered:
    request, id = new_ids(2)
    deployment = route.deployment
    return Answered(
        request=request,
        logged_at=house.clock.now(),
        model=deployment.model,
        version=deployment.version,
        environment=deployment.environment,
        deployment=deployment.id,
        caller="ada",
        latency_us=int(latency_us * slow),
        ids=[id],
        event_times=[None],
        references=[None],
        inputs=[{"debt": 0.5}],
        scores=[0.9],
        decisions=["grant"],
    )


def test_a_canary_waits_is_promoted_and_one_act_brings_back_what_was_before(house, clock):
    given_two_versions(house)
    canary = when_a_canary_runs(house)
    assert shares(house) == {1: 80, 2: 20}
    when_a_quarter_of_an_hour_passes(house, clock, canary)
    assert judged(house, canary)["verdict"] == "waiting"
    when_both_answer(house)
    when_a_quarter_of_an_hour_passes(house, clock, canary)
    found = h.detail(house, canary)
    assert (found.instance.state, found.instance.outcome) == ("finished", "Canary promoted")
    assert shares(house) == {2: 100}

    asked = instances.start(house, h.OPS, "roll_back", "letters", BACK)
    h.go_on(house)
    assert h.detail(house, asked).instance.outcome == "Rolled back"
    assert shares(house) == {1: 100}
    with transaction(house) as session:
        (told,) = audit.entries(session, stream="model:letters", act="deployment.rolled_back")
        assert (told.actor, told.subject, told.facts["reason"]) == ("ops", "letters@1", BACK["reason"])
        # What was approved of the second version stands no longer: there is no way back to it.
        assets.put(
            session, VersionRef("letters", 2), {("documentation", "note.md"): house.files.put(b"new")}, actor="ada"
        )
        people.add(session, ROOT, "bob", name="Bob", email="", roles=["business_owner"], password=PASSWORD)
    for person, why in ((h.OPS, "no longer holds"), (h.BOB, "bob may not do this: deployment.request")):
        refused = instances.start(house, person, "roll_back", "letters", BACK)
        h.go_on(house)
        assert h.detail(house, refused).instance.outcome == "Nothing changed"
        with transaction(house) as session:
            (failed,) = audit.entries(session, stream=f"instance:{refused}", act="job.failed")
        assert why in failed.facts["cause"]
    assert shares(house) == {1: 100}


def test_a_canary_that_is_slower_is_rolled_back_and_one_that_runs_is_withdrawn_in_one_act(house, clock):
    given_two_versions(house)
    canary = when_a_canary_runs(house)
    when_both_answer(house, slow=4.0)
    when_a_quarter_of_an_hour_passes(house, clock, canary)
    found = h.detail(house, canary)
    assert found.instance.outcome == "Canary rolled back"
    told = judged(house, canary)
    assert [check["name"] for check in told["checks"] if check["state"] == "worse"] == ["latency"]
    assert shares(house) == {1: 100}

    again = when_a_canary_runs(house)
    assert shares(house) == {1: 80, 2: 20}
    asked = instances.start(house, h.OPS, "roll_back", "letters", BACK)
    h.go_on(house)
    assert h.detail(house, asked).instance.outcome == "Rolled back"
    assert shares(house) == {1: 100}
    when_a_quarter_of_an_hour_passes(house, clock, again)
    assert judged(house, again)["verdict"] == "ended"
