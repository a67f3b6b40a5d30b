"""Deployments: wish and sight, the route, the trail, and the end."""

from __future__ import annotations

import json
import threading
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from engine import events
from engine.inventory import assets, models
from engine.inventory.references import VersionRef
from engine.serving import deployments, queries
from engine.serving.deployment import Deployment
from engine.serving.deployments import DeploymentsEnded, DeploymentStopped, DeploymentUnknown, InputsIncomplete
from engine.store import Store, transaction
from tests.serving.house import (
    ADA,
    SCHEMA,
    address,
    given_a_version,
    given_an_environment,
    given_rules,
    when_it_goes_live,
    when_it_is_requested,
    when_it_is_retired,
)


@pytest.fixture
def house(store: Store) -> Store:
    """A store with the environments test and production, and four versions of credit."""
    given_an_environment(store, "test", position=10)
    given_an_environment(store, "production", position=20)
    given_rules(store, n_versions=4)
    return store


def request(house: Store, number: int = 1, environment: str = "production") -> Deployment:
    return when_it_is_requested(house, VersionRef("credit", number), environment)


def observe(house: Store, id: UUID, state: str, detail: str = "") -> Deployment:
    with transaction(house) as session:
        return deployments.observed(session, id, state, detail)


def seen(house: Store, id: UUID) -> Deployment:
    with transaction(house) as session:
        return queries.deployment(session, id)


def test_asking_twice_with_one_key_is_one_deployment(house: Store) -> None:
    first, again = request(house), request(house)
    assert first == again
    assert (first.desired, first.observed, first.outcome) == ("running", "waiting", "on its way")


def test_the_first_live_deployment_gets_all_requests(house: Store) -> None:
    one = request(house)
    observe(house, one.id, "running")
    live = when_it_goes_live(house, one)
    assert (live.address, live.outcome) == (address("credit"), "live")
    with transaction(house) as session:
        (route,) = queries.routes(session, model="credit")
        assert queries.live(session, "credit", "production") == route.deployment
        assert queries.live(session, "credit", "test") is None
    assert (route.deployment.id, route.weight) == (one.id, 100)


def test_the_next_live_deployment_winds_the_former_down(house: Store) -> None:
    one, two = request(house, 1), request(house, 2)
    for each in (one, two):
        observe(house, each.id, "running")
        when_it_goes_live(house, each)
    with transaction(house) as session:
        (route,) = queries.routes(session)
    assert route.deployment.version == 2
    assert (seen(house, one.id).desired, seen(house, one.id).ended_at) == ("stopped", None)
    assert observe(house, one.id, "stopped").ended_at is not None
    assert seen(house, one.id).outcome == "ended"


def test_another_environment_keeps_its_own_route(house: Store) -> None:
    one, two = request(house, 1, "test"), request(house, 2, "production")
    when_it_goes_live(house, one)
    when_it_goes_live(house, two)
    with transaction(house) as session:
        assert [(route.environment, route.deployment.version) for route in queries.routes(session, model="credit")] == [
            ("test", 1),
            ("production", 2),
        ]


def test_two_that_go_live_at_once_leave_one_route(house: Store) -> None:
    wanted = [request(house, version) for version in range(1, 5)]
    for each in wanted:
        observe(house, each.id, "running")
    threads = [threading.Thread(target=when_it_goes_live, args=(house, each)) for each in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with transaction(house) as session:
        (route,) = queries.routes(session)
    running = [each.id for each in wanted if seen(house, each.id).desired == "running"]
    assert running == [route.deployment.id]


def test_one_that_was_withdrawn_cannot_go_live(house: Store) -> None:
    one = request(house)
    with transaction(house) as session:
        gone = deployments.withdraw(session, one.id, person=ADA, reason="the approval is void")
    assert (gone.desired, gone.observed, gone.outcome) == ("stopped", "stopped", "never live")
    with pytest.raises(DeploymentStopped, match="credit@1"):
        when_it_goes_live(house, one)


def test_a_retired_model_stops_everywhere_and_stays_retired(house: Store) -> None:
    one, two = request(house, 1, "test"), request(house, 2, "production")
    for each in (one, two):
        observe(house, each.id, "running")
        when_it_goes_live(house, each)
    assert {each.id for each in when_it_is_retired(house)} == {one.id, two.id}
    assert when_it_is_retired(house, reason="again") == []
    with transaction(house) as session:
        assert queries.routes(session) == []
        retirement = queries.retirement(session, "credit")
    assert retirement is not None
    assert (retirement.reason, retirement.instance, retirement.retired_by) == ("superseded", "i-9", "ada")
    with pytest.raises(DeploymentsEnded, match="i-9"):
        request(house, 3)


def test_the_trail_tells_who_what_when_on_which_inputs_and_the_outcome(house: Store) -> None:
    one, two = request(house, 1), request(house, 2)
    observe(house, one.id, "starting")
    observe(house, one.id, "running")
    observe(house, one.id, "running")  # seen before: no second row
    when_it_goes_live(house, one)
    when_it_goes_live(house, two)
    observe(house, one.id, "stopped")
    with transaction(house) as session:
        trail = queries.trail(session, one.id)
    assert [(step.actor, step.act) for step in trail] == [
        ("ada", "deployment.requested"),
        ("target local", "deployment.observed"),
        ("target local", "deployment.observed"),
        ("ada", "deployment.went_live"),
        ("ada", "deployment.wound_down"),
        ("target local", "deployment.observed"),
    ]
    assert set(trail[0].facts["inputs"]) == {"artefact", "input_schema"}
    assert trail[0].facts["inputs"] == dict(one.inputs)
    assert trail[0].facts["instance"] == "i-1"
    assert trail[4].facts["reason"] == "replaced by credit@2"
    assert [step.facts["state"] for step in trail if "state" in step.facts] == ["starting", "running", "stopped"]


def test_what_the_service_asks_twice_a_second_is_one_statement(house: Store) -> None:
    when_it_goes_live(house, request(house, 1))
    request(house, 2, "test")
    statements: list[str] = []
    event.listen(house.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    with transaction(house) as session:
        found = queries.active(session, "local")
    assert len(statements) == 1
    assert [(each.deployment.version, each.weight, each.position) for each in found] == [(1, 100, 20), (2, 0, 10)]


def test_an_unknown_deployment_is_named(house: Store) -> None:
    with pytest.raises(DeploymentUnknown):
        observe(house, uuid4(), "running")


def test_a_version_without_its_schema_is_not_deployed(house: Store) -> None:
    bare = given_a_version(house, artefact=b'{"rules": []}')
    with pytest.raises(InputsIncomplete, match="input_schema"):
        when_it_is_requested(house, bare)


def test_what_was_approved_stays_what_runs_whatever_is_edited_afterwards(house: Store) -> None:
    one = request(house)
    with transaction(house) as session:
        models.edit(session, ADA, "credit", {"thresholds": {"cut_off": 0.9}})
        attached = house.files.put(b"another schema")
        assets.attach(session, ADA, VersionRef("credit", 1), "input_schema", attached)
    assert seen(house, one.id).cut_off == 0.5
    assert seen(house, one.id).inputs["input_schema"] == house.files.put(json.dumps(SCHEMA).encode())


def test_three_deaths_within_ten_minutes_are_told_once(house: Store) -> None:
    deployment = request(house)
    for state in ("running", "failing", "running", "failing", "running", "failing", "running", "failing"):
        with transaction(house) as session:
            deployments.observed(session, deployment.id, state, "signal 9" if state == "failing" else "")
    with transaction(house) as session:
        (told,) = [fact for fact in events.pending(session) if fact.name == "deployment.died"]
    assert (told.subject, told.facts["deaths"], told.facts["detail"]) == (deployment.reference, 3, "signal 9")
