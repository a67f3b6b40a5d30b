"""The history answers who waited for whom, how long, per element."""

from __future__ import annotations

from datetime import timedelta

from engine.runtime import delivery, instances, user_tasks, waits
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w


def minutes(house, instance) -> list[tuple[str, str, str, float]]:
    with transaction(house) as session:
        return [(e.element, e.part, e.owed_by, e.seconds / 60) for e in waits.of_instance(session, instance)]


def waiting() -> dict[str, bytes]:
    return d.files(
        "waits",
        d.lanes(risk_manager=("Start", "Work", "Decide", "Wait", "End")),
        d.start(),
        d.service("Work", "work_for_tests", "worked"),
        d.user("Decide", "Decide it", form="decision.form.json", result="decided"),
        d.catch("Wait", d.timer("duration", "PT1H")),
        d.end(),
        d.chain("Start", "Work", "Decide", "Wait", "End"),
        decision__form__json=w.DECISION,
    )


def lived(house, clock, claimed: int, decided: int):
    """An instance: 2 minutes for a worker, so many until it is in hand and decided, an hour for the clock."""
    instance = instances.start(house, w.ADA, "waits", "credit")
    clock.advance(timedelta(minutes=2))
    w.work_off(house)
    (task,) = w.open_tasks(house, instance)
    clock.advance(timedelta(minutes=claimed))
    if decided:
        user_tasks.claim(house, w.BEN, task.id)
        clock.advance(timedelta(minutes=decided))
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    clock.advance(timedelta(hours=1))
    delivery.fire_due_timers(house)
    return instance


def test_an_instance_tells_for_whom_it_waited_and_how_long(house, clock):
    w.given_a_published(house, waiting())
    instance = lived(house, clock, 30, 5)
    assert minutes(house, instance) == [
        ("Work", "until it was begun", "worker", 2),
        ("Work", "until it was done", "work_for_tests", 0),
        ("Decide", "until it was in hand", "risk_manager", 30),
        ("Decide", "until it was decided", "ben", 5),
        ("Wait", "until it came", "clock or others", 60),
    ]


def test_a_wait_that_lasts_counts_up_to_now_and_a_release_gives_it_back_to_the_role(house, clock):
    w.given_a_published(house, w.process_p())
    instance = instances.start(house, w.ADA, "process_p", "credit")
    (task,) = w.open_tasks(house, instance)
    clock.advance(timedelta(minutes=10))
    user_tasks.assign(house, w.BEN, task.id, w.ADA)
    clock.advance(timedelta(minutes=10))
    in_hand = ("Decide", "until it was in hand", "risk_manager")
    assert minutes(house, instance) == [(*in_hand, 10), ("Decide", "until it was decided", "ada", 10)]
    user_tasks.release(house, w.ADA, task.id)
    assert minutes(house, instance) == [(*in_hand, 20)]
    clock.advance(timedelta(minutes=1))
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    assert minutes(house, instance) == [(*in_hand, 21)]


def test_all_instances_of_a_process_are_told_by_element_and_whom_the_longest_first(house, clock):
    w.given_a_published(house, waiting())
    for claimed in (10, 20, 60):
        lived(house, clock, claimed, 0)
    instances.start(house, w.ADA, "waits", "fraud")
    clock.advance(timedelta(minutes=4))
    with transaction(house) as session:
        found = waits.of_process(session, "waits")
        assert waits.of_process(session, "waits", version=2) == []
        assert len(waits.of_process(session, "waits", since=clock.now() - timedelta(minutes=5))) == 1
        shares = waits.shares(found, "waits")
    told = [(e.element, e.owed_by, e.n, e.n_open, e.median_seconds / 60, e.total_seconds / 60) for e in found]
    assert told == [
        ("Wait", "clock or others", 3, 0, 60, 180),
        ("Decide", "risk_manager", 3, 0, 20, 90),
        ("Work", "worker", 4, 1, 2, 10),
        ("Work", "work_for_tests", 3, 0, 0, 0),
    ]
    assert found[1].longest_seconds == 3600
    assert {element: share.heat for element, share in shares.items()} == {"Wait": 4, "Decide": 3, "Work": 2}
