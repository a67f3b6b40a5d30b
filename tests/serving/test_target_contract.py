"""What every deployment target keeps to. A new target brings a fixture of its own name; nothing else changes here.

The fixture gives the settings under which the target is reached, with whatever it needs (a server, a folder) running,
and settings under which nothing answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests

from engine.config import Settings
from engine.inventory.references import VersionRef
from engine.serving import deployments, targets
from engine.serving.deployment import Deployment
from engine.serving.targets import StartFailed, Target, TargetUnreachable
from engine.store import Store, transaction
from tests.serving.house import (
    ADA,
    Scoring,
    given_a_token,
    given_a_version,
    given_an_environment,
    given_rules,
    when_it_goes_live,
    when_it_is_requested,
)


@dataclass(frozen=True)
class Place:
    """A target that can be reached, and deployments for it."""

    store: Store
    target: Target
    settings: Settings
    secret: str
    away: Settings  #: settings under which nothing answers

    def start(self, deployment: Deployment) -> str:
        return self.target.start(deployment, self.settings, self.store.files)

    def withdraw(self, deployment: Deployment) -> Deployment:
        with transaction(self.store) as session:
            return deployments.withdraw(session, deployment.id, person=ADA, reason="the contract's end")


@pytest.fixture
def local(store: Store, scoring: Callable[..., Scoring]) -> tuple[Settings, Settings]:
    """A scoring service, and the settings that lead to it."""
    service = scoring("")
    reached = store.settings.model_copy(update={"scoring_port": service.port})
    return reached, store.settings.model_copy(update={"scoring_port": 1})


@pytest.fixture(params=targets.names())
def place(request: pytest.FixtureRequest, store: Store) -> Place:
    name: str = request.param
    given_an_environment(store, target=name)
    given_rules(store)
    settings, away = request.getfixturevalue(name)
    return Place(store, targets.get(name), settings, given_a_token(store), away)


def wanted(place: Place, **assets: bytes) -> Deployment:
    """A deployment whose row stands with its wish; of the version with these assets, or of the sound one."""
    version = given_a_version(place.store, **assets) if assets else VersionRef("credit", 1)
    return when_it_is_requested(place.store, version)


def test_start_gives_the_address_at_which_the_version_then_answers(place: Place) -> None:
    deployment = wanted(place)
    address = place.start(deployment)
    assert place.target.observe(deployment, place.settings).state == "running"
    when_it_goes_live(place.store, deployment)
    headers = {"Authorization": f"Bearer {place.secret}"}
    answer = requests.post(address, json=[{"age": 17}], headers=headers, timeout=9)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"][0]["decision"] == "refuse"


def test_starting_again_gives_the_same_address(place: Place) -> None:
    deployment = wanted(place)
    assert place.start(deployment) == place.start(deployment)


def test_a_version_that_cannot_start_is_refused_with_its_cause(place: Place) -> None:
    broken = wanted(place, artefact=b"no table", input_schema=b'{"properties": {"age": {"type": "integer"}}}')
    with pytest.raises(StartFailed, match=r"credit@2 in production: .*JSON"):
        place.start(broken)


def test_stop_returns_when_nothing_runs_any_more_and_is_quiet_where_nothing_ran(place: Place) -> None:
    deployment = wanted(place)
    place.start(deployment)
    ended = place.withdraw(deployment)
    for _ in range(2):
        place.target.stop(ended, place.settings)
        assert place.target.observe(ended, place.settings).state == "stopped"


def test_a_target_that_is_away_is_named_with_its_address(place: Place) -> None:
    deployment = wanted(place)
    with pytest.raises(TargetUnreachable, match="does not answer at http"):
        place.target.observe(deployment, place.away)
