"""Each permission against each role. The table is the expectation; it was written by hand and is read by people."""

from __future__ import annotations

import pytest

from engine.identity import PERMISSIONS, ROLES, NotPermitted, Person, may, require
from engine.identity.permissions import PermissionUnknown

COLUMNS = [
    "ai_architect",
    "data_scientist",
    "data_engineer",
    "developer",
    "it_operations",
    "model_operator",
    "risk_manager",
    "business_owner",
    "auditor",
    "admin",
]

#                     arch sci  eng  dev  ops  oper risk busi audi admin
EXPECTED = """
process.view          yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
process.draft         yes  -    -    -    -    -    -    -    -    -
process.review        yes  -    -    -    -    -    -    -    -    -
process.publish       yes  -    -    -    -    -    -    -    -    -
instance.view         yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
instance.start        yes  yes  -    -    yes  yes  yes  yes  -    -
instance.operate      -    -    -    -    yes  yes  -    -    -    -
task.view             yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
task.work             yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
task.assign           yes  -    -    -    yes  yes  yes  yes  -    -
model.view            yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
model.register        -    yes  -    yes  -    -    -    -    -    -
model.edit            -    yes  -    -    -    yes  -    yes  -    -
risk.edit             -    yes  -    -    -    -    yes  yes  -    -
deployment.view       yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
deployment.request    -    yes  -    -    yes  yes  -    -    -    -
environment.edit      -    -    -    -    yes  -    -    -    -    yes
schedule.view         yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
schedule.edit         yes  -    -    -    yes  yes  -    -    -    -
feed.view             yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
feed.edit             -    -    yes  -    -    -    -    -    -    -
alert.view            yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
alert.handle          -    -    yes  -    yes  yes  -    -    -    -
monitor.view          yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
monitor.edit          -    yes  -    -    yes  yes  -    -    -    -
threshold.propose     -    yes  -    -    -    yes  yes  yes  -    -
threshold.approve     -    -    -    -    -    -    yes  -    -    -
audit.view            yes  -    -    -    -    -    yes  -    yes  yes
audit.export          -    -    -    -    -    -    -    -    yes  yes
audit.verify          -    -    -    -    -    -    yes  -    yes  yes
user.view             -    -    -    -    -    -    -    -    yes  yes
user.edit             -    -    -    -    -    -    -    -    -    yes
settings.view         -    -    -    -    yes  -    -    -    yes  yes
settings.edit         -    -    -    -    -    -    -    -    -    yes
token.own             yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
inference.view        yes  yes  yes  -    yes  yes  yes  yes  yes  -
score.call            -    yes  -    yes  yes  yes  -    yes  -    -
label.write           -    yes  yes  -    -    yes  -    -    -    -
"""

ROWS = {row.split()[0]: dict(zip(COLUMNS, row.split()[1:], strict=True)) for row in EXPECTED.strip().splitlines()}


def test_the_table_names_every_permission_and_every_role() -> None:
    assert set(ROWS) == set(PERMISSIONS)
    assert set(COLUMNS) == set(ROLES)


@pytest.mark.parametrize("role", COLUMNS)
def test_a_role_may_what_the_table_says_and_nothing_else(role: str) -> None:
    person = Person(id="ada", name="Ada", roles=frozenset({role}))
    assert {permission for permission in PERMISSIONS if may(person, permission)} == {
        permission for permission, row in ROWS.items() if row[role] == "yes"
    }


def test_an_auditor_changes_nothing_of_the_house() -> None:
    held = {permission for permission, row in ROWS.items() if row["auditor"] == "yes"}
    # The task's own role is asked for besides; a token is the auditor's own.
    assert {p for p in held if not p.endswith((".view", ".verify", ".export"))} == {"task.work", "token.own"}


def test_who_has_no_role_may_nothing() -> None:
    for person in (Person.system("clock"), Person(id="ada", name="Ada", roles=frozenset({"admin"}), disabled=True)):
        assert not [permission for permission in PERMISSIONS if may(person, permission)]


def test_a_refusal_names_who_may() -> None:
    with pytest.raises(NotPermitted, match=r"ada may not do this: process\.publish is for ai_architect"):
        require(Person(id="ada", name="Ada"), "process.publish")


def test_a_permission_that_does_not_exist_is_answered_with_the_known_ones() -> None:
    with pytest.raises(PermissionUnknown, match=r"process\.view"):
        may(Person(id="ada", name="Ada"), "process.veiw")
