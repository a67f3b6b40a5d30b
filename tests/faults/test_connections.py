"""The connection to the database is cut at every single message of an act, and before every single answer.

Either nothing was done, and it can be done again; or all was done, and doing it again is refused: never half, never
twice. The default run cuts at every third message, `long` at each.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from engine import audit
from engine.config import Settings
from engine.errors import GatewrightError
from engine.runtime import delivery, instances, messages, queries, registry, wakeups, worker
from engine.store import Store, TestClock, open_store, transaction
from engine.store.postgres import EmbeddedPostgres
from tests.api.callers import Caller, person, token
from tests.bpmn import drawing as d
from tests.faults.proxy import Proxy
from tests.runtime import worlds as w
from tests.runtime.test_waiting import waiting_for
from web.app import create_app

#: more messages than any act takes
MOST = 60


HANGS: list[str] = []


@registry.service_task("hang_for_tests", kind="transactional")
def hang(session: Any, parameters: w.Word, ctx: Any) -> dict[str, str]:
    """Sleeps where Python is not asked, for longer than its session is borne."""
    if HANGS:
        HANGS.pop()
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 200"))
        time.sleep(1)
    return {"said": parameters.word}


@pytest.fixture
def proxy(cluster: EmbeddedPostgres) -> Iterator[Proxy]:
    proxy = Proxy(cluster.folder / "socket" / ".s.PGSQL.5432")
    yield proxy
    proxy.close()


@pytest.fixture
def far(settings: Settings, clock: TestClock, proxy: Proxy) -> Iterator[Store]:
    """The house by way of the proxy."""
    assert settings.database_url is not None
    parts = urlsplit(settings.database_url.get_secret_value())
    role = parts.netloc.partition("@")[0]
    url = urlunsplit(
        (parts.scheme, f"{role}@127.0.0.1:{proxy.port}", parts.path, "sslmode=disable&gssencmode=disable", "")
    )
    # A pool of one kind of process; the notifier goes the straight way, so that messages are those of the act.
    changed = {"database_url": SecretStr(url), "database_direct_url": settings.database_url}
    house = open_store(settings.model_copy(update=changed), clock=clock, application="command")
    w.RECORDER.calls.clear()
    w.RECORDER.failures.clear()
    yield house
    wakeups.close()
    house.close()


def cut_everywhere(
    proxy: Proxy, every: int, prepare: Callable[[], Any], act: Callable[[Any], Any], done: Callable[[Any], bool]
) -> int:
    """The act with a cut at each of its messages and answers; returns how many cuts there were.

    prepare: makes what is acted on. done: whether it was done, asked with calm lines.
    """
    cuts = 0
    for answer in (False, True):
        for message in range(1, MOST, every):
            on = prepare()
            proxy.cut_at(message, answer=answer)
            try:
                act(on)
            except (DBAPIError, GatewrightError):
                failed = True
            else:
                failed = False
            cut = proxy.calm()
            if not cut:
                assert not failed
                assert done(on)
                break
            cuts += 1
            if not done(on):
                assert failed, "it said that it was done, and it was not"
                act(on)
                assert done(on)
        else:
            pytest.fail(f"the act takes more than {MOST} messages")
    return cuts


@pytest.fixture(params=[3, pytest.param(1, marks=pytest.mark.long)], ids=["every third", "every one"])
def every(request: pytest.FixtureRequest) -> int:
    """At which messages the line is cut."""
    step: int = request.param
    return step


def way(house: Store, instance: Any) -> Counter[str]:
    return Counter(step.element for step in w.detail(house, instance).steps)


def intact(house: Store) -> bool:
    audit.checkpoint(house)
    return audit.verify(house).intact


def test_a_decision_is_done_or_not_wherever_the_line_is_cut(far: Store, proxy: Proxy, every: int) -> None:
    w.given_a_published(far, w.process_p())

    def waiting() -> Any:
        return w.open_tasks(far, instances.start(far, w.ADA, "process_p"))[0]

    def decide(task: Any) -> None:
        instances.complete(far, w.BEN, task.id, {"decision": "approve"})

    def decided(task: Any) -> bool:
        return w.detail(far, task.instance).instance.state == "finished"

    assert cut_everywhere(proxy, every, waiting, decide, decided) > 9 // every
    with transaction(far) as session:
        rows = queries.instances(session, limit=200).rows
    once = dict.fromkeys(["Start", "First", "Decide", "Approved", "Second", "End"], 1)
    assert all(way(far, row.id) == once and row.revision == 2 for row in rows)
    assert intact(far)


def test_an_instance_begins_or_not_wherever_the_line_is_cut(far: Store, proxy: Proxy, every: int) -> None:
    w.given_a_published(far, w.process_p())
    subjects = iter(range(1000))

    def started(subject: str) -> list[Any]:
        with transaction(far) as session:
            return queries.instances(session, subject=subject).rows

    cut_everywhere(
        proxy,
        every,
        lambda: f"s{next(subjects)}",
        lambda subject: instances.start(far, w.ADA, "process_p", subject),
        lambda subject: len(started(subject)) == 1 and len(w.open_tasks(far, started(subject)[0].id)) == 1,
    )
    assert all(len(started(f"s{n}")) == 1 for n in range(next(subjects)))
    assert intact(far)


def test_a_jobs_result_is_taken_once_wherever_the_line_is_cut(far: Store, proxy: Proxy, every: int) -> None:
    w.given_a_published(far, w.process_p(handler="work_for_tests"))

    def queued() -> Any:
        return w.detail(far, instances.start(far, w.ADA, "process_p")).jobs[0]

    def taken(job: Any) -> bool:
        return bool(w.open_tasks(far, job.instance))

    cuts = cut_everywhere(proxy, every, queued, lambda job: worker.run_handler(far, job.task), taken)
    assert cuts > 9 // every
    with transaction(far) as session:
        rows = queries.instances(session, limit=200).rows
    for row in rows:
        with transaction(far) as session:
            acts = Counter(each.act for each in audit.entries(session, stream=f"instance:{row.id}"))
        assert acts["service_task.completed"] == 1
        assert not w.detail(far, row.id).incidents
    assert intact(far)


def test_a_message_is_delivered_once_wherever_the_line_is_cut(far: Store, proxy: Proxy, every: int) -> None:
    w.given_a_published(far, waiting_for("listens", d.message("news"), d.declared("news")))
    subjects = iter(range(1000))

    def told() -> Any:
        subject = f"s{next(subjects)}"
        instance = instances.start(far, w.ADA, "listens", subject)
        with transaction(far) as session:
            messages.send(session, w.ADA, "news", subject)
        return instance

    def heard(instance: Any) -> bool:
        return w.detail(far, instance).instance.state == "finished"

    def deliver(_: Any) -> None:
        delivery.deliver_waiting(far)

    # What a tick could not bring about is logged and comes again: it raises only where it could not even look.
    for answer in (False, True):
        for message in range(1, MOST, every):
            instance = told()
            proxy.cut_at(message, answer=answer)
            with suppress(DBAPIError):
                deliver(instance)
            cut = proxy.calm()
            deliver(instance)
            assert heard(instance)
            assert way(far, instance) == dict.fromkeys(["Start", "Wait", "Note", "End"], 1)
            if not cut:
                break
    assert intact(far)


def test_who_asks_while_the_database_is_away_is_told_so_and_then_answered(far: Store, proxy: Proxy) -> None:
    """By the API, by a page, and by a decision whose line breaks under it."""
    w.given_a_published(far, w.process_p())
    asks = Caller(create_app(far, testing=True), token(far, person(far, "ben", "risk_manager", "model_operator")))
    instance = instances.start(far, w.ADA, "process_p")
    (task,) = w.open_tasks(far, instance)
    path = f"/tasks/{task.id}/complete"
    assert asks("GET", "/tasks", 200)["items"]
    proxy.refuse(True)
    problem = asks("GET", "/tasks", 503)
    assert problem["code"] == "database-unreachable"
    assert asks("POST", path, 503, json={"answer": {"decision": "approve"}})["code"] == "database-unreachable"
    page = create_app(far, testing=True).test_client().get("/instances", headers={"Authorization": "Bearer x"})
    assert page.status_code in (302, 401, 503)
    proxy.refuse(False)
    assert w.detail(far, instance).instance.state == "running"
    asks("POST", path, 200, json={"answer": {"decision": "approve"}})
    assert w.detail(far, instance).instance.state == "finished"


def test_a_handler_that_hangs_until_its_session_is_ended_has_done_nothing_and_is_done_again(far: Store) -> None:
    """In C, where nothing ends it: PostgreSQL lets the instance go after 30 s, here after 0.2."""
    w.given_a_published(far, w.process_p(handler="hang_for_tests"))
    HANGS.append("once")
    instance = instances.start(far, w.ADA, "process_p", "credit")
    assert not HANGS
    with transaction(far) as session:
        assert queries.instances(session).total == 1
    assert w.open_tasks(far, instance)
    assert not w.detail(far, instance).incidents


def test_every_line_is_cut_at_once_and_the_next_act_finds_new_ones(far: Store, proxy: Proxy) -> None:
    w.given_a_published(far, w.process_p())
    instance = instances.start(far, w.ADA, "process_p")
    for _ in range(3):
        proxy.cut_all()
        (task,) = w.open_tasks(far, instance)
    proxy.cut_all()
    instances.complete(far, w.BEN, task.id, {"decision": "reject"})
    assert w.detail(far, instance).instance.state == "finished"
