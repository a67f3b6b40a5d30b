"""The path shown before the start is the path taken afterwards."""

from __future__ import annotations

from sqlalchemy import func, select

from engine.runtime import instances, preview, queries
from engine.runtime.tables import InstanceRow
from engine.store import transaction
from tests.runtime import worlds as w


def test_the_path_is_foretold_and_nothing_is_left_behind(house):
    w.given_a_published(house, w.process_p(shut_out="starter"))
    path = preview.path(house, w.ADA, "process_p", "credit")
    assert path.stops == ""
    with transaction(house) as session:
        assert session.scalar(select(func.count()).select_from(InstanceRow)) == 0
    instance = instances.start(house, w.ADA, "process_p", "credit")
    instances.complete(house, w.BEN, w.open_tasks(house, instance)[0].id, {"decision": "approve"})
    with transaction(house) as session:
        taken = [step.element for step in queries.instance(session, instance).steps]
    assert path.elements == taken
    assert [step.assumed for step in path.steps if step.element == "Decide"] == [
        "risk_manager is assumed to answer decision: approve."
    ]


def test_a_path_says_where_it_cannot_be_foretold(house):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    path = preview.path(house, w.ADA, "process_p", "credit")
    assert path.elements == ["Start"]
    assert "the job First" in path.stops
