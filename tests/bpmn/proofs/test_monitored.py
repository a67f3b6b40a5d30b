"""A deployed model has a monitor before its life cycle rests, whatever is drawn round it; a retired one has none."""

from __future__ import annotations

from typing import Any

import pytest

from engine.bpmn.proofs import FAILS, HOLDS, IDLE, Verdict
from tests.bpmn import drawing as d
from tests.bpmn.proofs import proving as p

POLICIES = tuple(each for each in p.POLICIES if each.name.endswith("-monitored"))
WATCH = d.service("Watch", "start_monitors", "watched", model="model", environment='"production"')
UNWATCH = d.service("Unwatch", "stop_monitors", "stopped", model="model")
RETIRE = d.service("Retire", "retire_model", "retired", model="model")


def proven(*parts: str, called: dict[str, Any] | None = None, **given: Any) -> dict[str, Verdict]:
    """The verdicts of the two policies on a diagram that ends in End."""
    files = p.process(d.start(), d.end(), *parts, **given)
    return {each.name: each for each in p.proven(files, called, policies=POLICIES).policies}


def monitored(*parts: str, **given: Any) -> Verdict:
    return proven(*parts, **given)["deployed-is-monitored"]


def test_r7_a_monitor_behind_the_deployment_holds() -> None:
    found = proven(p.deploy(), WATCH, d.user("Wait"), d.chain("Start", "Deploy", "Watch", "Wait", "End"))
    assert found["deployed-is-monitored"].outcome == HOLDS
    assert found["retired-is-not-monitored"].outcome == IDLE


def test_r7_a_life_cycle_without_a_monitor_is_refused_and_told_where() -> None:
    found = monitored(p.deploy(), d.chain("Start", "Deploy", "End"))
    assert found.outcome == FAILS
    assert p.walk(found) == ["Start", "Deploy", "End"]
    assert found.reason == (
        "The life cycle ends after a service task deploy_model and without a service task start_monitors."
    )


#: ways round the monitor
ROUND = {
    "it waits for a person first": (
        d.user("Wait"), d.chain("Start", "Deploy", "Wait", "Watch", "End"),
    ),
    "it waits for a time first": (
        d.catch("Later", d.timer("duration", "P365D")), d.chain("Start", "Deploy", "Later", "Watch", "End"),
    ),
    "it waits for a message first": (
        d.catch("Asked", d.message("go")), d.chain("Start", "Deploy", "Asked", "Watch", "End"),
    ),
    "a gateway leads past it": (
        d.gateway("exclusive", "Which", default="past"), d.gateway("exclusive", "On"),
        d.chain("Start", "Deploy", "Which"),
        d.flow("Which", "Watch", "tier == 'high'"), d.flow("Which", "On", id="past"), d.chain("Watch", "On", "End"),
    ),
    "an error of a later step leads past it": (
        p.trial(), d.boundary("Failed", "Test", d.event("error", "no_data")), d.end("Given_up"),
        d.chain("Start", "Deploy", "Test", "Watch", "End"), d.chain("Failed", "Given_up"),
    ),
    "it stands before the deployment": (d.chain("Start", "Watch", "Deploy", "End"),),
    "a second deployment comes after it": (
        p.deploy("Again"), d.chain("Start", "Deploy", "Watch", "Again", "End"),
    ),
    "a branch of its own may come later than the wait": (
        d.gateway("parallel", "Split"), d.end("Watched"), d.user("Wait"), d.chain("Start", "Deploy", "Split"),
        d.chain("Split", "Watch", "Watched"), d.chain("Split", "Wait", "End"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", ROUND)
def test_r7_every_way_round_the_monitor_is_found(way: str) -> None:
    declared = d.declared("go", errors=("no_data",))
    found = monitored(p.deploy(), WATCH, *ROUND[way], declared=declared)
    assert found.outcome == FAILS
    assert "Deploy" in p.walk(found) or "Again" in p.walk(found)


def test_r7_an_error_of_the_deployment_itself_owes_no_monitor() -> None:
    found = monitored(
        p.deploy(), WATCH, d.boundary("Void", "Deploy", d.event("error", "approval_void")), d.user("Mend"),
        d.end("Given_up"), d.chain("Start", "Deploy", "Watch", "End"), d.chain("Void", "Mend", "Given_up"),
        declared=d.declared(errors=("approval_void",)),
    )  # fmt: skip
    assert found.outcome == HOLDS


def test_r7_a_monitor_in_a_called_process_counts_and_a_deployment_there_owes_one() -> None:
    deploys = p.process(d.start(), p.deploy(), d.end(), d.chain("Start", "Deploy", "End"), name="inner")
    rest = (d.call("Inner", "inner"), d.user("Wait"))
    held = monitored(*rest, WATCH, d.chain("Start", "Inner", "Watch", "Wait", "End"), called={"inner": deploys})
    assert held.outcome == HOLDS
    found = monitored(*rest, d.chain("Start", "Inner", "Wait", "End"), called={"inner": deploys})
    assert (found.outcome, found.element) == (FAILS, "Wait")


@pytest.mark.parametrize(
    ("chain", "outcome"),
    [
        (("Start", "Retire", "Unwatch", "End"), HOLDS),
        (("Start", "Retire", "End"), FAILS),
        (("Start", "Unwatch", "Retire", "End"), FAILS),
        (("Start", "Retire", "Wait", "Unwatch", "End"), FAILS),
    ],
)
def test_r27_a_retired_models_monitors_are_stopped(chain: tuple[str, ...], outcome: str) -> None:
    parts = {"Retire": RETIRE, "Unwatch": UNWATCH, "Wait": d.user("Wait")}
    found = proven(*(parts[each] for each in chain if each in parts), d.chain(*chain))
    assert found["retired-is-not-monitored"].outcome == outcome
