"""Environments are data: made and changed by IT operations, checked, audited."""

from __future__ import annotations

from typing import Any

import pytest

from engine import audit
from engine.identity import NotPermitted, Person
from engine.serving import environments, targets
from engine.serving.environments import EnvironmentInvalid, EnvironmentUnknown
from engine.store import Store, transaction
from tests.serving.house import given_an_environment


def test_environments_come_in_the_order_of_promotion(store: Store) -> None:
    for name, position in (("production", 30), ("test", 10), ("shadow", 20)):
        given_an_environment(store, name, position=position)
    with transaction(store) as session:
        assert [each.name for each in environments.ordered(session)] == ["test", "shadow", "production"]


def test_an_environment_may_be_changed_and_both_acts_are_audited(store: Store) -> None:
    given_an_environment(store)
    changed = given_an_environment(store, title="Live", settings={"durable": True})
    assert (changed.title, changed.settings["durable"]) == ("Live", True)
    with transaction(store) as session:
        assert environments.get(session, "production") == changed
        told = audit.entries(session, stream="system", act="environment.defined", subject="production")
    assert [entry.facts["title"] for entry in told] == ["Live", "Production"]
    assert {entry.actor for entry in told} == {"olga"}


@pytest.mark.parametrize(
    ("name", "changed", "reason"),
    [
        ("Production", {}, "lower-case letters"),
        ("prod", {"title": " "}, "no title"),
        ("prod", {"promoters": ["king"]}, "unknown roles: king"),
        ("prod", {"settings": {"durabel": True}}, "unknown setting durabel"),
        ("prod", {"settings": {"durable": 1}}, "not of type bool"),
        ("prod", {"settings": {"memory_mb": True}}, "not of type int"),
        ("prod", {"position": 5}, "position 5 belongs to test"),
    ],
)
def test_what_is_wrong_is_named(store: Store, name: str, changed: dict[str, Any], reason: str) -> None:
    given_an_environment(store, "test", position=5)
    with pytest.raises(EnvironmentInvalid, match=reason):
        given_an_environment(store, name, **changed)


def test_an_unknown_target_is_answered_with_the_nearest(store: Store) -> None:
    with pytest.raises(targets.TargetUnknown, match="Did you mean local"):
        given_an_environment(store, target="lokal")


def test_an_unknown_environment_is_answered_with_the_known(store: Store) -> None:
    given_an_environment(store)
    with transaction(store) as session, pytest.raises(EnvironmentUnknown, match="production"):
        environments.get(session, "prodution")


def test_defining_needs_a_role(store: Store) -> None:
    ada = Person(id="ada", name="Ada", roles=frozenset({"data_scientist"}))
    with transaction(store) as session, pytest.raises(NotPermitted):
        environments.define(session, ada, name="mine", title="Mine", target="local", position=1, promoters=[])
