"""Environments on their page: defined, changed, refused in the engine's own words."""

from __future__ import annotations

from engine.serving import environments
from engine.store import transaction
from tests.web.conftest import words


def test_it_operations_add_an_environment_and_change_it(house, visit):
    visitor = visit("it_operations")
    given = {"name": "edge", "title": "Edge", "target": "local", "position": "77", "promoters": ["risk_manager"]}
    assert visitor.post("/environments", given).status_code == 302
    assert "edge" in words(visitor.get("/environments"))
    assert 'value="77"' in visitor.get("/environments/edge").get_data(as_text=True)
    assert visitor.post("/environments", {**given, "known": "edge", "promoters": []}).status_code == 302
    with transaction(house) as session:
        found = environments.get(session, "edge")
    assert (found.position, found.promoters, found.defined_by) == (77, (), visitor.person.id)


def test_r22_targets_besides_its_own_are_allowed_on_the_form(house, visit):
    visitor = visit("it_operations")
    given = {"name": "rim", "title": "Rim", "target": "local", "position": "78", "targets": ["batch", "local"]}
    assert visitor.post("/environments", given).status_code == 302
    with transaction(house) as session:
        assert environments.get(session, "rim").targets == ("local", "batch")
    assert 'id="target-batch" name="targets" value="batch" checked' in visitor.get("/environments/rim").text
    assert visitor.post("/environments", {**given, "targets": []}).status_code == 302
    with transaction(house) as session:
        assert environments.get(session, "rim").settings == {}


def test_an_environment_without_a_place_in_the_order_is_refused_and_the_form_keeps_what_was_typed(visit):
    visitor = visit("it_operations")
    answer = visitor.post("/environments", {"name": "odd", "title": "Odd one", "target": "local", "position": "first"})
    assert answer.status_code == 422
    assert "Odd one" in answer.get_data(as_text=True)
