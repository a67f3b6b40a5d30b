"""What the database knows of the house's work is told as gauges."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import event

from engine.runtime import figures, instances, worker
from engine.store import transaction
from tests.runtime import worlds as w
from tests.runtime.test_lines import a_process, away, started


def test_queues_tasks_incidents_and_breakers_are_told_in_six_statements(house, clock):
    w.given_a_published(house, w.process_p())
    w.given_a_published(house, a_process("tool_for_tests"))
    tasks = started(house, 3)
    instances.start(house, w.ADA, "process_p", "credit")
    away(times=3)
    for task in tasks:
        worker.run_handler(house, task)
    clock.advance(timedelta(seconds=90))
    said: list[str] = []
    with transaction(house) as session:
        event.listen(house.engine, "before_cursor_execute", lambda c, cur, text, *_: said.append(text))
        found = {gauge.name: gauge.samples for gauge in figures.read(session, 30.0)}
    assert len(said) == 6
    assert set(found) == set(figures.GAUGES)
    assert found["gatewright_instances"] == {("running",): 4.0, ("suspended",): 0.0}
    assert found["gatewright_user_tasks_open"] == {(): 1.0}
    assert found["gatewright_user_task_oldest_seconds"] == {(): 90.0}
    assert found["gatewright_queue_jobs"] == {
        ("tool_for_tests", "retrying"): 2.0,
        ("tool_for_tests", "in_line"): 1.0,
    }
    assert found["gatewright_queue_oldest_seconds"] == {("tool_for_tests",): 90.0}
    assert found["gatewright_breaker"] == {("tool_for_tests", "a tool", "open"): 1.0}
    assert found["gatewright_timers_overdue"] == {(): 0.0}
