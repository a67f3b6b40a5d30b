"""Compensation on PostgreSQL: a deployment that fails half-way is undone in reverse order, by jobs and inside."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

from engine import audit
from engine.bpmn import BpmnError
from engine.runtime import instances, registry
from engine.runtime.context import Context
from tests.bpmn import drawing as d
from tests.runtime import worlds as w


class Place(BaseModel):
    environment: str
    deployment: str = ""


@registry.service_task("deploy_to_for_tests", kind="job", attempts=1, errors=("deployment_refused",))
def deploy(parameters: Place, ctx: Context) -> dict:
    """Starts something somewhere; production has no room."""
    w.RECORDER.asked(f"deploy to {parameters.environment}")
    if parameters.environment == "production":
        raise BpmnError("deployment_refused")
    return {"deployment": f"in {parameters.environment}"}


@registry.service_task("stop_for_tests", kind="job", attempts=2, backoff_seconds=1)
def stop(parameters: Place, ctx: Context) -> dict:
    """Stops what was started there."""
    w.RECORDER.asked(f"stop {parameters.deployment} of {parameters.environment}")
    return {"stopped": parameters.deployment}


@registry.service_task("unroute_for_tests", kind="transactional")
def unroute(session, parameters: Place, ctx: Context) -> dict:
    """Takes a route away, inside the transaction."""
    w.RECORDER.asked(f"unroute {parameters.environment}")
    return {}


def deployed(name, environment, undo, **given):
    """A step that deploys, and the one that undoes it."""
    step = d.service(name, "deploy_to_for_tests", "made", environment=f"'{environment}'")
    handler = d.service(f"Undo{name}", undo, "", environment=f"'{environment}'", **given)
    return step + d.undoing(name, f"Undo{name}") + d.for_compensation(handler)


def half_way(name: str = "half_way") -> dict[str, bytes]:
    """Test, canary, then production, which is refused: all is taken back, and a person is told."""
    return d.files(
        name,
        d.lanes(risk_manager=("Start", "Rollout", "Off", "Look", "End", "Given_up")),
        d.start(),
        d.transaction(
            "Rollout", d.start("S1"), deployed("Test", "test", "unroute_for_tests"),
            deployed("Canary", "canary", "stop_for_tests", deployment="made.deployment"),
            deployed("Production", "production", "stop_for_tests", deployment="made.deployment"), d.end("E1"),
            d.boundary("Refused", "Production", d.event("error", "deployment_refused")),
            d.end("Back", d.event("cancel")), d.chain("S1", "Test", "Canary", "Production", "E1"),
            d.flow("Refused", "Back"),
        ),
        d.boundary("Off", "Rollout", d.event("cancel")),
        d.user("Look", form="decision.form.json", result="look"),
        d.end(),
        d.end("Given_up"),
        d.chain("Start", "Rollout", "End"),
        d.chain("Off", "Look", "Given_up"),
        declared=d.declared(errors=("deployment_refused",)),
        decision__form__json=w.DECISION,
    )  # fmt: skip


UNDONE = [
    "deploy to test",
    "deploy to canary",
    "deploy to production",
    "stop in canary of canary",
    "unroute test",
]


def test_a_deployment_that_fails_half_way_is_undone_in_reverse_order(house):
    w.given_a_published(house, half_way())
    instance = instances.start(house, w.ADA, "half_way", "credit")
    w.work_off(house)
    assert w.RECORDER.calls == UNDONE
    (task,) = w.open_tasks(house, instance)
    assert task.element == "Look"
    steps = [step.element for step in w.detail(house, instance).steps]
    assert [element for element in steps if element.startswith("Undo")] == ["UndoCanary", "UndoTest"]
    assert audit.verify(house).intact


def test_a_handler_that_fails_is_an_incident_and_the_rest_is_undone_after_the_retry(house, clock):
    w.given_a_published(house, half_way())
    w.RECORDER.failures["stop in canary of canary"] = [w.Broken(how="badly")] * 2
    instance = instances.start(house, w.ADA, "half_way", "credit")
    for _ in range(2):
        w.work_off(house)
        clock.advance(timedelta(seconds=5))
    (incident,) = w.detail(house, instance).incidents
    assert incident.element == "UndoCanary"
    assert "unroute test" not in w.RECORDER.calls
    instances.retry(house, w.BEN, instance)
    w.work_off(house)
    assert w.RECORDER.calls[-2:] == UNDONE[-2:]
    assert [task.element for task in w.open_tasks(house, instance)] == ["Look"]


def test_a_life_cycle_goes_on_while_what_it_does_not_wait_for_is_undone(house):
    files = d.files(
        "beside", d.lanes(risk_manager=("Start", "Test", "Off", "Look", "End")), d.start(),
        d.user("Test", form="decision.form.json", result="tested"), d.undoing("Test", "UndoTest"),
        d.for_compensation(d.service("UndoTest", "stop_for_tests", "", environment="'test'")),
        d.throw("Off", d.compensate("Test", waits=False)),
        d.user("Look", form="decision.form.json", result="seen"), d.end(),
        d.chain("Start", "Test", "Off", "Look", "End"), decision__form__json=w.DECISION,
    )  # fmt: skip
    w.given_a_published(house, files)
    instance = instances.start(house, w.ADA, "beside", "credit")
    (task,) = w.open_tasks(house, instance)
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    (task,) = w.open_tasks(house, instance)
    assert [(each.kind, each.element) for each in w.detail(house, instance).waiting if each.kind == "job"] == [
        ("job", "UndoTest")
    ]
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    assert w.detail(house, instance).instance.state == "running"
    w.work_off(house)
    assert w.detail(house, instance).instance.state == "finished"
