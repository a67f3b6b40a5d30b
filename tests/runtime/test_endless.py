"""Loops for ever on PostgreSQL: the state of an instance stays as small, whatever it goes round by."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.runtime import delivery, instances, messages
from engine.runtime.tables import InstanceRow
from engine.store import transaction
from tests.bpmn.endless import KINDS
from tests.runtime import worlds as w

_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NUMBER = re.compile(rb"\d+")

FORM = json.dumps(
    {
        "title": "Done",
        "schema": {
            "type": "object",
            "properties": {"stop": {"type": "boolean"}, "both": {"type": "boolean"}},
            "required": ["stop", "both"],
        },
    }
).encode()


def size(house, instance) -> int:
    """Bytes of the state, ids and numbers left out."""
    with transaction(house) as session:
        kept = session.scalar(select(InstanceRow.workflow).where(InstanceRow.id == instance))
    return len(_NUMBER.sub(b"0", _UUID.sub(b"", bytes(kept))))


def act(house, clock, instance, what: str, where: str) -> None:
    if what == "answer":
        task = next(task for task in w.open_tasks(house, instance) if task.element == where)
        instances.complete(house, w.BEN, task.id, {"stop": False, "both": True})
    elif what == "fire":
        clock.advance(timedelta(hours=1))
        delivery.fire_due_timers(house)
    else:
        with transaction(house) as session:
            messages.send(session, w.ADA, where, "credit")
        delivery.deliver_waiting(house)


def flat(house, clock, kind: str, passes: int) -> None:
    endless = KINDS[kind]
    name = re.sub(r"\W", "_", kind)
    for files in (*endless.calls("risk_manager", FORM).values(), endless.provable(name, "risk_manager", FORM)):
        w.given_a_published(house, files)
    instance = instances.start(house, w.ADA, name, "credit")
    sizes = []
    for n in range(1, passes + 1):
        done = [("answer", "A"), ("answer", "B")] if kind == "inclusive block" else endless.acts(n)
        for what, where in (*done, ("answer", "Last")):
            act(house, clock, instance, what, where)
        if n % 6 == 0:
            sizes.append(size(house, instance))
    assert w.detail(house, instance).instance.state == "running"
    assert len(sizes) < 3 or max(sizes[1:]) == min(sizes[1:])


@pytest.mark.parametrize("kind", ["compensation", "boundary messages with ending side branches"])
def test_n2_a_loop_is_flat_on_postgresql(house, clock, kind):
    flat(house, clock, kind, 18)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_is_flat_on_postgresql_for_five_hundred_passes(house, clock, kind):
    flat(house, clock, kind, 500)
