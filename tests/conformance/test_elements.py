"""Each element of the standard runs as told here, or is refused by the name of its element and a rule."""

from __future__ import annotations

import pytest

from engine.bpmn import PENDING, bundle, check
from engine.bpmn.token_game import net
from tests.bpmn.running import Running
from tests.conformance.driving import Driver
from tests.conformance.elements import activities, drawings, events, gateways, scopes, undoing
from tests.conformance.elements.case import CALLED, WORDS, Case
from tests.conformance.guessing import Guesses

CASES = [case for module in (activities, gateways, events, scopes, undoing, drawings) for case in module.CASES]


def test_there_are_enough_of_them_and_no_name_twice():
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", [case for case in CASES if case.refused[0]], ids=lambda case: case.name)
def test_it_is_refused(case: Case):
    rule, element = case.refused
    issues = [issue for issue in check(case.files, WORDS) if issue.severity == "error"]
    found = [issue for issue in issues if issue.rule == rule and element in {issue.element, issue.process}]
    assert found or (not element and issues[0].rule == rule), issues
    assert all(issue.reason and issue.hint for issue in issues)
    assert case.hint in (found[0].hint if found else "")


@pytest.mark.parametrize("case", [case for case in CASES if not case.refused[0]], ids=lambda case: case.name)
def test_it_runs(case: Case):
    assert [issue for issue in check(case.files, WORDS) if issue.severity == "error"] == []
    of, game = bundle(case.files, {"called": CALLED}), net(case.files, {"called": CALLED})
    run = Running(of, dict(case.variables), lambda call: PENDING, message=case.message, event=case.event)
    for act in case.acts:
        {"answer": answer, "job": job, "raise": fail, "fire": fire, "send": send, "signal": signal}[act.split()[0]](
            run, *act.split()[1:]
        )
    assert run.rest.finished, run.rest
    assert tuple(run.completed()) == case.trace
    assert {name: run.variables.get(name) for name in case.writes} == case.writes
    for seed in (0, 1):
        guesses = Guesses([])
        guesses.fixed = case.variables
        Driver(of, game, guesses, seed, case.event or ("Start" if case.message else "")).play(20, float("inf"))


def answer(run: Running, element: str) -> None:
    run.answer(element)


def job(run: Running, element: str) -> None:
    task = next(job for job in run.rest.jobs if job.element == element)
    run.act(lambda execution: execution.complete_service_task(task.task_id, 7))


def fail(run: Running, element: str, code: str) -> None:
    task = next(job for job in run.rest.jobs if job.element == element)
    run.act(lambda execution: execution.fail_service_task(task.task_id, code))


def fire(run: Running, element: str) -> None:
    run.fire(element)


def send(run: Running, name: str) -> None:
    run.send(name)


def signal(run: Running, name: str) -> None:
    run.act(lambda execution: execution.deliver_signal(name, {}))
