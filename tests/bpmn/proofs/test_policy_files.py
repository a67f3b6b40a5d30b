"""A policy file is read strictly, and a bad one says what is wrong with it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bpmn.proofs import PolicyUnreadable, read
from tests.bpmn.proofs.proving import POLICIES, TIERS

GOOD = """
policy: approved
version: 1
title: A deployment is approved
source: House rule 1
tiers: [high]
form: always-before
target: {service_task: deploy_model}
required: [{approval: deployment, roles: [risk_manager]}]
hint: Draw an approval.
"""


def refused(text: str) -> str:
    with pytest.raises(PolicyUnreadable) as refusal:
        read({"rule.yaml": text.encode()}, TIERS)
    return str(refusal.value)


def test_a_file_holds_one_policy():
    (policy,) = read({"rule.yaml": GOOD.encode()}, TIERS)
    assert (policy.name, policy.version, policy.tiers) == ("approved", 1, frozenset({"high"}))
    assert str(policy.required[0]) == "an approval of the deployment by risk_manager"


def test_the_policies_that_ship_have_a_source_and_are_numbered():
    assert len(POLICIES) >= 8
    assert all(policy.source and policy.hint and policy.version for policy in POLICIES)
    assert {tier for policy in POLICIES for tier in policy.tiers or TIERS} == set(TIERS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("policy: approved\n", ""), "policy: Field required"),
        (("version: 1", "version: one"), "version: Input should be a valid integer"),
        (("tiers: [high]", "tiers: [highest]"), "there is no tier highest; known are high, low, medium"),
        (("always-before", "sometimes"), "form: Input should be 'always-before'"),
        (("required:", "requires:"), "requires: Extra inputs are not permitted"),
        (("always-before", "after-last"), "a policy of the form after-last needs since"),
        (("always-before", "shut-out"), "a policy of the form shut-out needs people"),
        (("{service_task: deploy_model}", "{}"), "target: a step names exactly one of service_task, approval"),
        (("deploy_model}", "deploy_model, approval: deployment}"), "a step names exactly one of"),
        (("deploy_model}", "deploy_model, roles: [risk_manager]}"), "roles belongs to an approval or a user task"),
        (("{service_task: deploy_model}", "{end: true}"), "a rest and the end are targets of never-without alone"),
        (("House rule 1", "&a House rule 1"), "it has anchors or aliases"),
        (("title: A", "title: [A"), "it is no YAML in line"),
        ((GOOD, "- 1"), "it is no object of named values"),
        ((GOOD, "\x00"), "it is no YAML"),
        ((GOOD, "a" * 200_000), "it has more than 100,000 bytes"),
    ],
)
def test_a_bad_file_says_what_is_wrong(change, told):
    message = refused(GOOD.replace(*change))
    assert "The policy file rule.yaml cannot be read" in message
    assert told in message


def test_two_files_cannot_have_one_policy():
    with pytest.raises(PolicyUnreadable, match="a second file has the policy approved"):
        read({"a.yaml": GOOD.encode(), "b.yaml": GOOD.encode()})


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(content):
    with suppress(PolicyUnreadable):
        read({"rule.yaml": content})
