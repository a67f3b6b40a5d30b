"""Life under load: instances that wait for everything there is, and what has to be true of each once all have ended."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from engine import audit
from engine.identity import Person
from engine.runtime import definitions, queries
from engine.store import Store, transaction
from tests.bpmn import drawing as d
from tests.faults import plugin
from tests.faults.recorder import Recorder

ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist", "risk_manager"}))
CAS = Person(id="cas", name="Cas", roles=frozenset({"ai_architect"}))
DOT = Person(id="dot", name="Dot", roles=frozenset({"ai_architect"}))

_FREE = b'{"schema": {"type": "object", "properties": {"said": {"type": "string"}}}}'

#: what one round goes through, each element once
ROUND = {
    "Start": 1, "First": 1, "Wait": 1, "Fork": 1, "Note": 1, "Second": 1, "Join": 1, "Decide": 1, "Throw": 1, "End": 1,
}  # fmt: skip
LISTENER = {"Start": 1, "Hear": 1, "Third": 1, "End": 1}


def published(house: Store) -> None:
    """Two processes: a round with jobs, a timer, a fork and a decision, and a listener that hears of its end."""
    assert plugin.tell.name
    ids = tuple(ROUND)
    round_ = d.files(
        "round",
        d.lanes(risk_manager=ids),
        d.start(once_per_subject="true"),
        d.service("First", "faults_tell", "first", word="'one'"),
        d.catch("Wait", d.timer("duration", "PT1S")),
        d.gateway("parallel", "Fork"),
        d.service("Note", "faults_note", "noted"),
        d.service("Second", "faults_tell", "second", word="'two'"),
        d.gateway("parallel", "Join"),
        d.user("Decide", result="decided"),
        d.throw("Throw", d.message("round_ended")),
        d.end(),
        d.chain("Start", "First", "Wait", "Fork", "Note", "Join", "Decide", "Throw", "End"),
        d.chain("Fork", "Second", "Join"),
        declared=d.declared("round_ended"),
        answer__form__json=_FREE,
    )
    listener = d.files(
        "listener",
        d.lanes(risk_manager=tuple(LISTENER)),
        d.start(once_per_subject="true"),
        d.catch("Hear", d.message("round_ended")),
        d.service("Third", "faults_tell", "third", word="'three'"),
        d.end(),
        d.chain(*LISTENER),
        declared=d.declared("round_ended"),
        answer__form__json=_FREE,
    )
    for files in (round_, listener):
        with transaction(house) as session:
            draft = definitions.draft(session, CAS, files)
            definitions.submit(session, CAS, draft.id)
            definitions.publish(session, DOT, draft.id, "Fine.")


def all_instances(house: Store) -> list[Any]:
    """Every round and every listener."""
    found: list[Any] = []
    with transaction(house) as session:
        for process in ("round", "listener"):
            while True:
                rows = queries.instances(
                    session, process=process, limit=200, offset=sum(row.process == process for row in found)
                ).rows
                found += rows
                if not rows:
                    break
    return found


def nothing_lost_nothing_twice(house: Store, subjects: list[str], recorder: Recorder) -> None:
    """Every instance has ended as drawn, each step has one outcome, each effect came once, and the log verifies."""
    found = all_instances(house)
    of = {(row.process, row.subject): row.id for row in found}
    assert len(found) == len(of), "an instance was started twice"
    assert set(of) == {(process, subject) for process in ("round", "listener") for subject in subjects}
    keys: set[str] = set()
    for row in found:
        keys |= _ended_as_drawn(house, row.process, row.id)
    assert set(recorder.effects) == keys
    assert not recorder.differing
    audit.checkpoint(house)
    report = audit.verify(house)
    assert report.intact, report


def _ended_as_drawn(house: Store, process: str, instance: UUID) -> set[str]:
    """Looks at one instance; returns the idempotency keys of its jobs."""
    with transaction(house) as session:
        detail = queries.instance(session, instance)
        rows = list(audit.entries(session, stream=f"instance:{instance}", limit=1000))
    assert detail.instance.state == "finished", f"{process} {detail.instance.subject} waits for {detail.waiting}"
    assert not detail.waiting
    assert not [each for each in detail.incidents if each.closed_at is None]
    assert all(step.outcome == "completed" and step.left_at for step in detail.steps)
    drawn = ROUND if process == "round" else LISTENER
    assert Counter(step.element for step in detail.steps) == drawn
    assert {job.state for job in detail.jobs} == {"done"}
    acts = Counter(row.act for row in rows)
    once = {
        "round": {"service_task.completed": 3, "timer.fired": 1, "user_task.completed": 1, "message.sent": 1},
        "listener": {"service_task.completed": 1, "message.delivered": 1},
    }[process]
    assert {act: acts[act] for act in once} == once
    assert (acts["instance.started"], acts["instance.finished"]) == (1, 1)
    jobs = [step for step in detail.steps if step.element in ("First", "Second", "Third")]
    return {f"{instance}:{step.task}" for step in jobs}
