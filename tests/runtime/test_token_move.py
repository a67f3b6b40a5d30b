"""An operator moves a token: what waited beneath it is gone, and what may not be is refused and logged."""

from __future__ import annotations

from uuid import uuid4

import pytest

from engine import audit
from engine.bpmn import NotMovable, NotWaiting
from engine.identity import NotPermitted
from engine.runtime import edits, instances, standing
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w


def started(house):
    """A token at a user task with a timer on its boundary, inside a subprocess; a job after it."""
    inner = d.sub(
        "Inner",
        d.start("Begin"),
        d.user("Decide", "Decide it", form="decision.form.json", result="decided"),
        d.boundary("Late", "Decide", d.timer("duration", "PT1H"), interrupting=False),
        d.service("Work", "work_for_tests", "worked"),
        d.end("Done"),
        d.end("Reminded"),
        d.chain("Begin", "Decide", "Work", "Done"),
        d.flow("Late", "Reminded"),
    )
    files = d.files(
        "moves",
        d.lanes(risk_manager=("Start", "Inner", "After", "End")),
        d.start(),
        inner,
        d.user("After", "Look at it", form="decision.form.json", result="seen"),
        d.end(),
        d.chain("Start", "Inner", "After", "End"),
        decision__form__json=w.DECISION,
    )
    w.given_a_published(house, files)
    return instances.start(house, w.ADA, "moves", "credit")


def token(house, instance, element: str) -> standing.StandingToken:
    with transaction(house) as session:
        return next(each for each in standing.tokens(session, instance) if each.element == element)


def acts(house, instance, act: str) -> list[audit.Entry]:
    with transaction(house) as session:
        return list(audit.entries(session, stream=f"instance:{instance}", act=act))


def test_a_token_is_moved_forward_and_back_and_what_it_left_no_longer_waits(house):
    instance = started(house)
    decide = token(house, instance, "Decide")
    assert (decide.scope, sorted(decide.targets)) == ("Inner", ["Decide", "Done", "Reminded", "Work"])
    instances.move_token(house, w.BEN, instance, decide.task, "Work", "Decided by telephone.")
    found = w.detail(house, instance)
    assert [each.state for each in found.user_tasks] == ["cancelled"]
    assert [(each.kind, each.element) for each in found.waiting] == [("job", "Work")]
    (row,) = acts(house, instance, "token.moved")
    assert (row.actor, row.facts["source"], row.facts["target"], row.facts["scope"], row.facts["reason"]) == (
        "ben",
        "Decide",
        "Work",
        "Inner",
        "Decided by telephone.",
    )
    instances.move_token(house, w.BEN, instance, token(house, instance, "Work").task, "Decide", "It was not.")
    assert sorted((each.kind, each.element) for each in w.detail(house, instance).waiting) == [
        ("timer", "Late"),
        ("user task", "Decide"),
    ]
    assert w.work_off(house) == 0
    instances.move_token(house, w.BEN, instance, token(house, instance, "Inner").task, "After", "Skip all of it.")
    found = w.detail(house, instance)
    assert [(each.kind, each.element) for each in found.waiting] == [("user task", "After")]
    instances.complete(house, w.BEN, found.waiting[0].task, {"decision": "approve"})
    assert w.detail(house, instance).instance.state == "finished"


def test_an_incident_is_left_behind_by_a_move(house):
    w.RECORDER.failures["note"] = [w.Broken(how="once")]
    w.given_a_published(house, w.process_p())
    instance = instances.start(house, w.ADA, "process_p", "credit")
    instances.move_token(house, w.BEN, instance, token(house, instance, "First").task, "Decide", "It is not needed.")
    found = w.detail(house, instance)
    assert [(each.resolution, each.closed_by) for each in found.incidents] == [("moved", "ben")]
    assert [each.element for each in found.waiting] == ["Decide"]


def test_what_may_not_be_moved_is_refused_and_logged(house):
    instance = started(house)
    decide = token(house, instance, "Decide").task
    for refused, task, element, reason in (
        (NotMovable, decide, "After", "Another scope."),
        (NotMovable, decide, "Begin", "What begins a scope."),
        (NotMovable, decide, "Nothing", "Nothing."),
        (NotWaiting, uuid4(), "Work", "No token."),
        (edits.ReasonMissing, decide, "Work", " "),
    ):
        with pytest.raises(refused):
            instances.move_token(house, w.BEN, instance, task, element, reason)
    with pytest.raises(NotPermitted):
        instances.move_token(house, w.EVE, instance, decide, "Work", "I want to.")
    assert len(acts(house, instance, "act.refused")) == 6
    assert [each.element for each in w.open_tasks(house, instance)] == ["Decide"]


def parted(house):
    """Two branches, each with a step after the first, that a gateway joins."""
    lanes = d.lanes(risk_manager=("Start", "Fork", "A", "A2", "B", "Join", "After", "End"))
    tasks = [d.user(name, form="decision.form.json", result=f"by_{name.lower()}") for name in ("A", "A2", "B", "After")]
    files = d.files(
        "parts", lanes, d.start(), d.gateway("parallel", "Fork"), *tasks, d.gateway("parallel", "Join"), d.end(),
        d.chain("Start", "Fork", "A", "A2", "Join", "After", "End"), d.chain("Fork", "B", "Join"),
        decision__form__json=w.DECISION,
    )  # fmt: skip
    w.given_a_published(house, files)
    return instances.start(house, w.ADA, "parts", "credit")


def test_a_move_after_which_a_join_would_wait_for_ever_is_refused_and_logged(house):
    instance = parted(house)
    with pytest.raises(instances.MoveStrands, match='waits at "Join" for what never comes') as refusal:
        instances.move_token(house, w.BEN, instance, token(house, instance, "A").task, "After", "It is late.")
    assert '"B" > "After" > End > "Join"' in refusal.value.message
    (row,) = acts(house, instance, "act.refused")
    assert row.facts["reason"] == "move-strands"
    assert sorted(each.element for each in w.open_tasks(house, instance)) == ["A", "B"]
    instances.move_token(house, w.BEN, instance, token(house, instance, "A").task, "A2", "A is done.")
    (row,) = acts(house, instance, "token.moved")
    assert row.facts["leaves_no_token_behind"] == "holds"
    # Once the other branch has gone its way both are one token again.
    for element in ("A2", "B"):
        task = next(each for each in w.open_tasks(house, instance) if each.element == element)
        instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    instances.move_token(house, w.BEN, instance, token(house, instance, "After").task, "Fork", "Once more.")
    assert sorted(each.element for each in w.open_tasks(house, instance)) == ["A", "B"]
