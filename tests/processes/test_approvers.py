"""The diagram asks exactly those for approval whose approval `deploy_model` will demand."""

from __future__ import annotations

import pytest

from engine.bpmn import Execution, ServiceCall, bundle
from engine.governance import tiers
from tests.processes.library import files
from tests.processes.scenario import START


@pytest.mark.parametrize("further", [[], ["business_owner"]], ids=["tier alone", "with the business owner"])
@pytest.mark.parametrize("tier", tiers.names())
def test_a_deployment_asks_the_roles_that_tier_and_metadata_demand(tier: str, further: list[str]) -> None:
    facts = {"version": "credit@1", "kind": "sklearn", "environment": "production", "approver_roles": further}
    asked, shut_out = approvers_until_deployed({"model": "credit", "facts": facts, "tier": tier})
    assert asked == tiers.approvers(tier, further)
    assert all("starter" in elements for elements in shut_out)


@pytest.mark.parametrize("further", [[], ["business_owner"]], ids=["tier alone", "with the business owner"])
def test_an_unknown_tier_asks_as_the_strictest_does(further: list[str]) -> None:
    facts = {"version": "credit@1", "kind": "rules", "environment": "production", "approver_roles": further}
    asked, _ = approvers_until_deployed({"model": "credit", "facts": facts, "tier": "unheard-of"})
    assert asked == tiers.approvers(None, further)


def approvers_until_deployed(variables: dict[str, object]) -> tuple[list[str], list[tuple[str, ...]]]:
    """The lanes of the approvals in the order in which they were asked, and whom each shuts out."""
    execution = Execution.start(bundle(files("deployment")), variables, now=START)
    asked: list[str] = []
    shut_out: list[tuple[str, ...]] = []
    while not (rest := execution.run(answer)).finished:
        assert rest.failures == []
        (task,) = rest.user_tasks
        assert task.kind == "approval"
        asked.append(task.lane)
        shut_out.append(task.shut_out)
        execution.complete_user_task(task.task_id, {"decision": "approve"})
    assert execution.variables()["outcome"] == "deployed"
    return asked, shut_out


def answer(call: ServiceCall) -> object:
    """What each service task of a smooth deployment gives back."""
    return {
        "test_model": {"passed": True, "suite": "smoke", "failed": [], "digest": ""},
        "deploy_model": {"deployment": "1", "address": "http://127.0.0.1:8080/"},
        "start_monitors": {"monitor": "standard", "timing": "0 6 * * *", "window": "P7D"},
    }[call.handler]
