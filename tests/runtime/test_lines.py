"""Limits of handlers hold over all workers; who has no place waits in line, in turn, and is in no worker's way."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import select

from engine import audit
from engine.errors import GatewrightError
from engine.identity import NotPermitted
from engine.runtime import attempts, instances, limiting, limits, lines, queries, queue, registry, worker
from engine.runtime.limits import Breaker, LimitRefused, Limits, Rate
from engine.runtime.tables import JobRow
from engine.store import Store, transaction
from tests.runtime import worlds as w
from tests.runtime.test_worker import until


class Asked(BaseModel):
    word: str = "a tool"


class ToolIsAway(GatewrightError):
    """The tool does not answer."""

    code = "tool-is-away-for-a-test"
    hint = "This is what the test wanted."
    status = 503


class Refused(GatewrightError):
    """The tool answers that it will not."""

    code = "refused-for-a-test"
    hint = "This is what the test wanted."
    status = 422


@registry.service_task("few_for_tests", kind="job", attempts=1, concurrency=2)
def few(parameters: Asked, ctx) -> dict:
    """Works two at a time."""
    w.RECORDER.asked("few")
    return {}


@registry.service_task(
    "tool_for_tests",
    kind="job",
    attempts=2,
    backoff_seconds=1,
    breaker=Breaker(failures=2, pause_seconds=30),
    asks=lambda parameters: parameters.word,
    errors=("no_luck",),
)
def tool(parameters: Asked, ctx) -> dict:
    """Asks a tool that may be away."""
    w.RECORDER.asked(parameters.word)
    return {}


def a_process(handler: str, name: str = "one_step", **parameters: str) -> dict[str, bytes]:
    """Start, a step of this handler, end."""
    d = w.d
    return d.files(
        name,
        d.lanes(risk_manager=("Start", "Step", "End")),
        d.start(),
        d.service("Step", handler, "result", **parameters),
        d.end(),
        d.chain("Start", "Step", "End"),
    )


def started(house: Store, n: int, process: str = "one_step", subject: str = "m") -> list[UUID]:
    """The jobs of so many instances, the oldest first."""
    return [job(house, instances.start(house, w.ADA, process, f"{subject}{k}")).task for k in range(n)]


def job(house: Store, instance: UUID) -> JobRow:
    with transaction(house) as session:
        return session.scalars(select(JobRow).where(JobRow.instance == instance)).one()


def row(house: Store, task: UUID) -> JobRow:
    with transaction(house) as session:
        return session.get_one(JobRow, task)


def in_queue(house: Store) -> set[UUID]:
    with transaction(house) as session:
        return {UUID(each) for each in session.scalars(queue.held())}


def begun(house: Store, task: UUID) -> bool:
    """Whether a worker that takes the job begins it: it is left at work."""
    first = attempts._begin(house, task)
    if isinstance(first, attempts._InLine):
        first = attempts._begin(house, task) if lines.join(house, first.handler, task, first.target) else None
    return first is not None


def state(house: Store, handler: str) -> limiting.HandlerState:
    with transaction(house) as session:
        return next(each for each in limiting.overview(session) if each.handler == handler)


def acts(house: Store) -> list[str]:
    with transaction(house) as session:
        return [each.act for each in audit.entries(session, stream="system")]


# Concurrency


def test_of_jobs_that_begin_at_once_no_more_run_than_may(house):
    w.given_a_published(house, a_process("few_for_tests"))
    tasks = started(house, 6)
    results: list[bool] = []
    workers = [threading.Thread(target=lambda task=task: results.append(begun(house, task))) for task in tasks]
    for each in workers:
        each.start()
    for each in workers:
        each.join(20)
    assert sorted(results) == [False, False, False, False, True, True]
    held = [row(house, task) for task in tasks if row(house, task).state == "queued"]
    assert len(held) == 4
    assert all(each.held_since and each.attempt == 0 and each.error is None for each in held)


def test_a_job_that_ends_lets_the_oldest_in(house, clock):
    w.given_a_published(house, a_process("few_for_tests"))
    tasks = started(house, 4)
    first = attempts._begin(house, tasks[0])
    assert isinstance(first, attempts._InLine)
    for task in tasks:
        clock.advance(timedelta(seconds=1))
        lines.join(house, first.handler, task, "")
    assert [row(house, task).admitted_at is not None for task in tasks] == [True, True, False, False]
    worker.run_handler(house, tasks[0])
    assert row(house, tasks[0]).state == "done"
    assert row(house, tasks[2]).admitted_at is not None
    assert row(house, tasks[2]).held_since is None
    assert row(house, tasks[3]).held_since is not None
    assert tasks[2] in in_queue(house)


def test_one_instance_with_many_jobs_takes_turns_with_another(house, clock):
    handler = registry.find_service_task("few_for_tests")
    w.given_a_published(house, a_process("few_for_tests"))
    d = w.d
    steps = [f"Step{n}" for n in range(6)]
    many = d.files(
        "many_steps",
        d.lanes(risk_manager=("Start", "Fork", *steps, *(f"End{n}" for n in range(6)))),
        d.start(),
        d.gateway("parallel", "Fork"),
        *(d.service(step, "few_for_tests", f"result{n}") for n, step in enumerate(steps)),
        *(d.end(f"End{n}") for n in range(6)),
        d.flow("Start", "Fork"),
        *(d.flow("Fork", step) for step in steps),
        *(d.flow(step, f"End{n}") for n, step in enumerate(steps)),
    )
    w.given_a_published(house, many)
    greedy = instances.start(house, w.ADA, "many_steps", "greedy")
    with transaction(house) as session:
        theirs = list(session.scalars(select(JobRow.task).where(JobRow.instance == greedy)))
    for task in theirs:
        lines.join(house, handler, task, "")
    clock.advance(timedelta(seconds=1))
    (ours,) = started(house, 1)
    assert not lines.join(house, handler, ours, "")
    running = next(task for task in theirs if row(house, task).admitted_at)
    worker.run_handler(house, running)
    assert row(house, ours).admitted_at is not None, "the one that came last, of an instance that has nothing at work"


def test_what_waits_in_line_is_not_taken_for_lost(house, clock):
    w.given_a_published(house, a_process("few_for_tests"))
    tasks = started(house, 3)
    assert [begun(house, task) for task in tasks] == [True, True, False]
    with transaction(house) as session:
        session.connection().exec_driver_sql("DELETE FROM procrastinate_jobs")
    clock.advance(timedelta(hours=1))
    worker.rescue_stalled(house, silent_seconds=1)
    assert tasks[2] not in in_queue(house)


def test_a_suspended_instance_leaves_its_place_to_others_and_lines_up_again(house):
    w.given_a_published(house, a_process("few_for_tests"))
    one, two, three = started(house, 3)
    handler = registry.find_service_task("few_for_tests")
    for task in (one, two, three):
        lines.join(house, handler, task, "")
    instance = row(house, one).instance
    instances.suspend(house, w.BEN, instance, "wait")
    assert not begun(house, one)
    lines.advance(house)
    assert row(house, three).admitted_at is not None
    instances.resume(house, w.BEN, instance, "go on")
    assert not begun(house, one)
    assert row(house, one).held_since is not None


def test_a_cancelled_instance_is_no_longer_in_line(house):
    w.given_a_published(house, a_process("few_for_tests"))
    tasks = started(house, 3)
    assert [begun(house, task) for task in tasks] == [True, True, False]
    instances.cancel(house, w.BEN, row(house, tasks[2]).instance, "no longer wanted")
    assert lines.advance(house) == 0
    assert row(house, tasks[2]).held_since is None
    assert state(house, "few_for_tests").in_line == 0


def test_a_worker_that_finds_no_place_goes_on_with_other_work(house):
    """By the real queue: three jobs of a handler that runs none at all, and one of another on a single place."""
    limiting.set_limits(house, w.BEN, "few_for_tests", Limits(concurrency=0), "the tool is being moved")
    w.given_a_published(house, a_process("few_for_tests"))
    w.given_a_published(house, a_process("work_for_tests", "other"))
    waiting = started(house, 3)
    (other,) = started(house, 1, "other")
    stop = threading.Event()
    working = threading.Thread(target=worker.run, args=(house,), kwargs={"concurrency": 1, "stop": stop})
    working.start()
    try:
        until(lambda: row(house, other).state == "done" and all(row(house, each).held_since for each in waiting), 60)
        assert [row(house, each).state for each in waiting] == ["queued"] * 3
        # The queue holds none of them, and they run once they may.
        limiting.forget_limits(house, w.BEN, "few_for_tests", "it is back")
        until(lambda: all(row(house, each).state == "done" for each in waiting), 60)
    finally:
        stop.set()
        working.join(20)
    assert [row(house, each).state for each in waiting] == ["done"] * 3
    assert {row(house, each).attempt for each in waiting} == {1}


# Rates


def test_no_span_of_the_rate_holds_more_starts_than_may(house, clock):
    limiting.set_limits(house, w.BEN, "few_for_tests", Limits(rate=Rate(starts=2, per_seconds=60)), "its quota")
    w.given_a_published(house, a_process("few_for_tests"))
    tasks = started(house, 5)
    assert [begun(house, task) for task in tasks] == [True, True, False, False, False]
    clock.advance(timedelta(seconds=59))
    assert lines.advance(house) == 0
    clock.advance(timedelta(seconds=1))
    assert lines.advance(house) == 2
    clock.advance(timedelta(seconds=30))
    assert lines.advance(house) == 0
    clock.advance(timedelta(seconds=30))
    assert lines.advance(house) == 1


def test_a_clock_that_is_set_back_holds_nobody_longer_than_the_rate_or_the_pause(house, clock):
    limiting.set_limits(house, w.BEN, "few_for_tests", Limits(rate=Rate(starts=1, per_seconds=60)), "its quota")
    w.given_a_published(house, a_process("few_for_tests", "rated"))
    assert [begun(house, task) for task in started(house, 2, "rated")] == [True, False]
    tasks = given_an_open_breaker(house)
    worker.run_handler(house, tasks[2])
    clock.advance(timedelta(hours=-1))
    assert lines.advance(house) == 2


# What an operator does


def test_limits_are_an_operators_audited_and_hold_at_once(house):
    w.given_a_published(house, a_process("few_for_tests"))
    tasks = started(house, 3)
    assert [begun(house, task) for task in tasks] == [True, True, False]
    limiting.set_limits(house, w.BEN, "few_for_tests", Limits(concurrency=3), "a larger machine")
    assert row(house, tasks[2]).admitted_at is not None
    found = state(house, "few_for_tests")
    assert (found.concurrency, found.declared, found.changed_by, found.reason) == (3, False, "ben", "a larger machine")
    with pytest.raises(NotPermitted):
        limiting.set_limits(house, w.EVE, "few_for_tests", Limits(), "why not")
    with pytest.raises(registry.UnknownName, match="few_for_tests"):
        limiting.set_limits(house, w.BEN, "few_for_test", Limits(), "a slip")
    with pytest.raises(limiting.NotLimited):
        limiting.set_limits(house, w.BEN, "note_for_tests", Limits(), "it has none")
    limiting.forget_limits(house, w.BEN, "few_for_tests", "as before")
    assert state(house, "few_for_tests").concurrency == 2
    assert acts(house).count("act.refused") == 3
    assert {"limits.set", "limits.forgotten"} <= set(acts(house))


@pytest.mark.parametrize("text", ["", "0/60", "10", "10/0", "-1/60", "1e9/3", "5/99999999", "ten/60"])
def test_what_is_no_rate_is_refused_by_name(text):
    with pytest.raises(LimitRefused, match="rate"):
        limits.rate(text)


def test_limits_read_as_they_are_written():
    assert limits.rate("10/60") == Rate(starts=10, per_seconds=60)
    assert str(limits.rate("1/0.5")) == "1/0.5"
    assert limits.breaker("5/30") == Breaker()
    assert limits.concurrency("none") is limits.rate("none") is limits.breaker("none") is None
    assert limits.concurrency("0") == 0


# Breakers


def away(word: str = "a tool", times: int = 1) -> None:
    w.RECORDER.failures[word] = [ToolIsAway() for _ in range(times)]


def given_an_open_breaker(house: Store) -> list[UUID]:
    """Three jobs of a tool that is away: two have failed once, and the breaker is open."""
    w.given_a_published(house, a_process("tool_for_tests"))
    tasks = started(house, 3)
    away(times=2)
    worker.run_handler(house, tasks[0])
    worker.run_handler(house, tasks[1])
    return tasks


def test_a_dead_tool_opens_its_breaker_and_jobs_wait_without_an_attempt(house):
    tasks = given_an_open_breaker(house)
    (breaker,) = state(house, "tool_for_tests").breakers
    assert (breaker.state, breaker.failures, breaker.target) == ("open", 2, "a tool")
    assert "does not answer" in breaker.cause
    worker.run_handler(house, tasks[2])
    held = row(house, tasks[2])
    assert (held.state, held.attempt) == ("queued", 0)
    assert held.held_since is not None
    assert w.RECORDER.calls.count("a tool") == 2
    assert "breaker.opened" in acts(house)
    (waits,) = w.detail(house, held.instance).waiting
    assert "in line" in waits.next_act


def test_another_tool_of_the_same_handler_has_a_breaker_of_its_own(house):
    given_an_open_breaker(house)
    w.given_a_published(house, a_process("tool_for_tests", "other", word="'another tool'"))
    (other,) = started(house, 1, "other")
    worker.run_handler(house, other)
    assert row(house, other).state == "done"


def test_one_job_tries_after_the_pause_and_its_answer_lets_all_in(house, clock):
    tasks = given_an_open_breaker(house)
    clock.advance(timedelta(seconds=10))
    for task in tasks:
        worker.run_handler(house, task)
    assert all(row(house, task).held_since for task in tasks)
    assert lines.advance(house) == 0
    clock.advance(timedelta(seconds=20))
    assert lines.advance(house) == 1
    assert lines.advance(house) == 0, "one alone tries"
    (probe,) = [task for task in tasks if row(house, task).admitted_at]
    worker.run_handler(house, probe)
    assert row(house, probe).state == "done"
    assert state(house, "tool_for_tests").breakers == []
    assert all(row(house, task).admitted_at for task in tasks if task != probe)
    for task in tasks:
        worker.run_handler(house, task)
    assert {row(house, task).state for task in tasks} == {"done"}
    assert "breaker.closed" in acts(house)


def test_a_probe_that_fails_loses_no_attempt_and_the_next_is_another_job_after_a_longer_pause(house, clock):
    tasks = given_an_open_breaker(house)
    worker.run_handler(house, tasks[2])
    clock.advance(timedelta(seconds=30))
    assert lines.advance(house) == 1
    away()
    worker.run_handler(house, tasks[2])
    after = row(house, tasks[2])
    assert (after.state, after.attempt) == ("retrying", 0)
    (breaker,) = state(house, "tool_for_tests").breakers
    assert breaker.state == "open"
    assert breaker.probe_at == clock.now() + timedelta(seconds=60)
    for task in tasks:
        clock.advance(timedelta(seconds=5))
        worker.run_handler(house, task)
    clock.advance(timedelta(seconds=60))
    lines.advance(house)
    assert row(house, tasks[0]).admitted_at is not None


def test_a_probe_that_is_cancelled_leaves_the_trial_to_another(house, clock):
    tasks = given_an_open_breaker(house)
    clock.advance(timedelta(seconds=10))
    for task in tasks:
        worker.run_handler(house, task)
    clock.advance(timedelta(seconds=30))
    lines.advance(house)
    (probe,) = [task for task in tasks if row(house, task).admitted_at]
    instances.cancel(house, w.BEN, row(house, probe).instance, "no longer wanted")
    assert lines.advance(house) == 1


def test_named_errors_and_refusals_say_that_the_tool_answers(house):
    from engine.bpmn import BpmnError

    w.given_a_published(house, a_process("tool_for_tests"))
    tasks = started(house, 4)
    w.RECORDER.failures["a tool"] = [ToolIsAway(), Refused(), ToolIsAway(), BpmnError("no_luck", "not today")]
    for task in tasks:
        worker.run_handler(house, task)
    assert state(house, "tool_for_tests").breakers == []
    away(times=1)
    worker.run_handler(house, started(house, 1, subject="last")[0])
    (breaker,) = state(house, "tool_for_tests").breakers
    assert (breaker.state, breaker.failures) == ("closed", 1)


def test_an_operator_closes_a_breaker_and_the_waiting_run(house):
    tasks = given_an_open_breaker(house)
    worker.run_handler(house, tasks[2])
    with pytest.raises(NotPermitted):
        limiting.close_breaker(house, w.EVE, "tool_for_tests", "a tool", "because")
    limiting.close_breaker(house, w.BEN, "tool_for_tests", "a tool", "it was restarted")
    assert row(house, tasks[2]).admitted_at is not None
    worker.run_handler(house, tasks[2])
    assert row(house, tasks[2]).state == "done"
    with pytest.raises(limiting.BreakerClosed):
        limiting.close_breaker(house, w.BEN, "tool_for_tests", "a tool", "again")
    with transaction(house) as session:
        (closed,) = audit.entries(session, stream="system", act="breaker.closed")
    assert closed.actor == "ben"


def test_a_handler_that_loses_its_breaker_lets_all_in_and_opens_none(house):
    tasks = given_an_open_breaker(house)
    worker.run_handler(house, tasks[2])
    limiting.set_limits(house, w.BEN, "tool_for_tests", Limits(), "its failures are harmless")
    assert row(house, tasks[2]).admitted_at is not None
    away(times=5)
    for task in tasks:
        worker.run_handler(house, task)
    assert state(house, "tool_for_tests").breakers == []


def test_an_open_task_list_of_handlers_is_read_in_three_statements(house):
    from sqlalchemy import event

    said: list[str] = []
    with transaction(house) as session:
        event.listen(house.engine, "before_cursor_execute", lambda c, cur, text, *_: said.append(text))
        limiting.overview(session)
    assert len(said) == 3


def test_a_transactional_handler_has_no_limits():
    with pytest.raises(TypeError, match="only jobs have limits"):

        @registry.service_task("limited_for_tests", kind="transactional", concurrency=1)
        def limited(session, parameters: Asked, ctx) -> dict:
            return {}


def test_jobs_in_line_are_told_by_the_instance(house):
    w.given_a_published(house, a_process("few_for_tests"))
    tasks = started(house, 3)
    assert [begun(house, task) for task in tasks] == [True, True, False]
    with transaction(house) as session:
        found = queries.instance(session, row(house, tasks[2]).instance)
    assert "in line" in found.waiting[0].next_act
