"""The page of an instance: where it stands, who owes the next act, and what an operator may do."""

from __future__ import annotations

import pytest

from engine.inventory import metadata, models
from engine.runtime import instances
from engine.store import transaction
from tests.web.conftest import words


@pytest.fixture
def stuck(house, known):
    """A life cycle of a model without a version: it stopped at its first step."""
    declared = {
        "id": "empty",
        "name": "Empty",
        "kind": "rules",
        "owner": "ada",
        "team": "None",
        "purpose": "Has no version.",
        "affects_people": False,
        "decisions_per_year": 1,
    }
    ada = known.person("data_scientist")
    with transaction(house) as session:
        if not any(each.model.id == "empty" for each in _models(session)):
            models.register(session, ada, metadata.read(declared))
    instance = instances.start(house, ada, "model_life_cycle", variables={"model": "empty"})
    yield instance
    instances.cancel(house, known.person("it_operations"), instance, "The test is over.")


def _models(session):
    from engine.inventory import queries

    return queries.models(session).items


def test_the_requester_is_told_for_whom_it_waits(visit, known):
    page = words(visit("data_scientist").get(f"/instances/{known.ids['instance']}"))
    assert "What it waits for, and who owes the next act" in page
    assert "Owed by model operator Max" in page


def test_a_failed_step_names_the_cause_and_the_way_on(visit, stuck):
    page = words(visit("data_scientist").get(f"/instances/{stuck}"))
    assert "incident" in page
    assert "The model empty has no version yet." in page
    assert "Owed by it operations Olga" in page
    assert "Retry" not in page


def test_an_operator_retries_holds_resumes(visit, stuck):
    olga = visit("it_operations")
    assert "Retry" in words(olga.get(f"/instances/{stuck}"))
    assert "1 failed step is tried again." in words(olga.post(f"/instances/{stuck}/retry", follow_redirects=True))
    held = words(olga.post(f"/instances/{stuck}/suspend", {"reason": "to look"}, follow_redirects=True))
    assert "Nothing moves it until an operator resumes it." in held
    assert "suspended" in words(olga.get("/instances?state=suspended"))
    on = words(olga.post(f"/instances/{stuck}/resume", {"reason": "looked"}, follow_redirects=True))
    assert "The life cycle goes on." in on


def test_the_state_for_the_diagram_has_tokens_incidents_and_ways_into_called_processes(visit, stuck):
    found = visit("auditor").get(f"/instances/{stuck}/state?process=model_life_cycle").json
    assert found["active"] == {"Registration": 1}
    assert "Life_cycle_started" in found["done"]
    assert found["links"]["Registration"]["url"].endswith("?process=registration")
    inner = visit("auditor").get(f"/instances/{stuck}/state?process=registration").json
    assert list(inner["incidents"]) == list(inner["active"])


def test_the_diagram_in_which_something_waits_is_shown_first(visit, stuck):
    page = visit("auditor").get(f"/instances/{stuck}").text
    assert 'data-label="Diagram of registration"' in page
    assert 'data-label="Diagram of review"' in visit("auditor").get(f"/instances/{stuck}?process=review").text


def test_the_list_is_narrowed_to_what_is_in_trouble(visit, stuck):
    page = visit("auditor").get("/instances?incident=yes").text
    assert f"/instances/{stuck}" in page
    assert "letters" not in page.split('id="list"')[1]
