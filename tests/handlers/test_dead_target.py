"""A target's server that is away: the step is tried again, then it is an incident, and nothing goes live."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from engine.runtime import instances, wakeups
from engine.serving import environments
from engine.serving import queries as serving
from engine.store import Store, TestClock, transaction
from tests.bpmn import drawing as d
from tests.handlers import house as h
from tests.handlers.test_life_of_a_model import given_published_without_a_proof
from tests.runtime import worlds as w


def deploying() -> dict[str, bytes]:
    """An approval, and the deployment that it lets through."""
    given = {"form": "decision.form.json", "kind": "approval", "result": "approval", "evidence": "model_card"}
    return d.files(
        "deploying",
        d.lanes(risk_manager=("Start", "Approve", "Deploy", "End")),
        d.start(),
        d.user("Approve", shut_out="starter", **given),
        d.service("Deploy", "deploy_model", "live", version="'letters@1'", environment="'production'"),
        d.end(),
        d.chain("Start", "Approve", "Deploy", "End"),
        decision__form__json=w.DECISION,
    )


def test_r23_an_mlflow_server_that_is_away_is_asked_again_then_it_is_an_incident(
    store: Store, clock: TestClock
) -> None:
    house = dataclasses.replace(
        store, settings=store.settings.model_copy(update={"mlflow_url": "http://127.0.0.1:1/behind"})
    )
    h.given_a_house(house)
    h.given_a_rules_model(house)
    given_published_without_a_proof(house, deploying())
    with transaction(house) as session:
        place = environments.get(session, "production")
        environments.define(
            session,
            h.OPS,
            name=place.name,
            title=place.title,
            target="mlflow",
            position=place.position,
            promoters=place.promoters,
        )
    instance = instances.start(house, h.ADA, "deploying", "letters")
    h.decide(house, instance, "Approve", h.RIA, decision="approve")
    h.go_on(house)
    for _ in range(2):
        assert h.detail(house, instance).incidents == []
        clock.advance(timedelta(minutes=1))
        h.go_on(house)
    (incident,) = h.detail(house, instance).incidents
    assert incident.element == "Deploy"
    assert "The target mlflow does not answer at http://127.0.0.1:1: " in incident.cause
    with transaction(house) as session:
        assert serving.live(session, "letters", "production") is None
    wakeups.close()
