"""Small worlds for the tests of the runtime: people, handlers, processes."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import BaseModel

from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import definitions, queries, registry, worker
from engine.runtime.context import Context
from engine.runtime.values import InstanceDetail, UserTask
from engine.store import Store, transaction
from tests.bpmn import drawing as d

ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist", "risk_manager"}))
BEN = Person(id="ben", name="Ben", roles=frozenset({"risk_manager", "model_operator"}))
CAS = Person(id="cas", name="Cas", roles=frozenset({"ai_architect"}))
DOT = Person(id="dot", name="Dot", roles=frozenset({"ai_architect"}))
EVE = Person(id="eve", name="Eve", roles=frozenset({"auditor"}))

DECISION = json.dumps(
    {
        "title": "Decision",
        "schema": {
            "type": "object",
            "properties": {"decision": {"enum": ["approve", "reject"]}, "comment": {"type": "string"}},
            "required": ["decision"],
        },
    }
).encode()


class Broken(GatewrightError):
    """The handler broke: {how}."""

    code = "broken-for-a-test"
    hint = "This is what the test wanted."


class Word(BaseModel):
    word: str = "hello"


@dataclass
class Recorder:
    """What the handlers of the tests were asked, and what they shall answer."""

    calls: list[str]
    failures: dict[str, list[Exception]]

    def asked(self, name: str) -> None:
        self.calls.append(name)
        if self.failures.get(name):
            raise self.failures[name].pop(0)


RECORDER = Recorder([], {})


@registry.service_task("note_for_tests", kind="transactional")
def note(session, parameters: Word, ctx: Context) -> dict:
    """Says the word back, inside the transaction."""
    RECORDER.asked("note")
    return {"said": parameters.word}


@registry.service_task("work_for_tests", kind="job", attempts=2, backoff_seconds=1, errors=("no_luck",))
def work(parameters: Word, ctx: Context) -> dict:
    """Says the word back, from a worker."""
    RECORDER.asked("work")
    return {"said": parameters.word, "key": ctx.idempotency_key}


@work.prepare
def before_work(session, parameters: Word, ctx: Context) -> None:
    RECORDER.asked("prepare")


@work.apply
def after_work(session, parameters: Word, ctx: Context, result: dict) -> None:
    RECORDER.asked("apply")


def process_p(name: str = "process_p", handler: str = "note_for_tests", **user: str) -> dict[str, bytes]:
    """Start, service task, user task, exclusive gateway, service task, end."""
    given = {"form": "decision.form.json", "result": "decided", **user}
    return d.files(
        name,
        d.lanes(risk_manager=("Start", "First", "Decide", "Approved", "Second", "End", "Refused")),
        d.start(),
        d.service("First", handler, "first", word="'one'"),
        d.user("Decide", "Decide it", **given),
        d.gateway("exclusive", "Approved", default="no"),
        d.service("Second", handler, "second", word="first.said"),
        d.end(),
        d.end("Refused"),
        d.chain("Start", "First", "Decide", "Approved"),
        d.flow("Approved", "Second", "decided.decision == 'approve'"),
        d.flow("Approved", "Refused", id="no"),
        d.flow("Second", "End"),
        decision__form__json=DECISION,
    )


def given_a_published(house: Store, files: dict[str, bytes]) -> definitions.Definition:
    """The process, drawn by Cas and published by Dot."""
    with transaction(house) as session:
        draft = definitions.draft(session, CAS, files)
        definitions.submit(session, CAS, draft.id)
        return definitions.publish(session, DOT, draft.id, "Fine.")


def open_tasks(house: Store, instance) -> list[UserTask]:
    with transaction(house) as session:
        return queries.tasks(session, instance=instance, state="open").rows


def detail(house: Store, instance) -> InstanceDetail:
    with transaction(house) as session:
        return queries.instance(session, instance)


def work_off(house: Store) -> int:
    """Runs what is queued as a worker would, in this process; returns how many jobs."""
    done = 0
    while jobs := _queued(house):
        for job in jobs:
            worker.run_handler(house, job)
            done += 1
    return done


def _queued(house: Store):
    from sqlalchemy import select

    from engine.runtime.tables import JobRow
    from engine.store import now

    with transaction(house) as session:
        return session.scalars(
            select(JobRow.task).where(
                (JobRow.state == "queued") | ((JobRow.state == "retrying") & (JobRow.next_attempt_at <= now(session)))
            )
        ).all()
