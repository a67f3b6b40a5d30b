"""A click, its road, the job in a worker and the handler's apply are one trace; spans hold no data of people."""

from __future__ import annotations

import threading

import pytest
import requests
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.config import Settings
from engine.identity import browser_sessions, people
from engine.runtime import instances, worker
from engine.serving import scoring
from engine.store import transaction
from engine.telemetry import tracing
from tests.runtime import worlds as w
from tests.runtime.test_worker import until
from web import access
from web.app import create_app

ROOT = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def exporter():
    """What is traced in this process, from now on: a provider is set once."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.listen(provider)
    return kept


@pytest.fixture
def spans(exporter):
    exporter.clear()
    yield lambda: exporter.get_finished_spans()
    exporter.clear()


def test_a_click_its_road_the_job_and_its_apply_are_one_trace(house, spans):
    d = w.d
    files = d.files(
        "click",
        d.lanes(risk_manager=("Start", "Decide", "Note", "Work", "End")),
        d.start(),
        d.user("Decide", "Decide it", form="decision.form.json", result="decided"),
        d.service("Note", "note_for_tests", "noted", word="'one'"),
        d.service("Work", "work_for_tests", "worked", word="'two'"),
        d.end(),
        d.chain("Start", "Decide", "Note", "Work", "End"),
        decision__form__json=w.DECISION,
    )
    w.given_a_published(house, files)
    instance = instances.start(house, w.ADA, "click", "credit")
    (task,) = w.open_tasks(house, instance)
    with transaction(house) as session:
        people.add(session, _admin(), "ben", name="Ben Bitterlich", roles=["risk_manager"])
        cookie = browser_sessions.begin(session, "ben", address="", agent="")
    client = create_app(house, testing=True).test_client()
    client.set_cookie(access.COOKIE, cookie)
    csrf = _csrf(client, f"/tasks/{task.id}")
    spans_before = len(spans())
    answer = client.post(
        f"/tasks/{task.id}/decide",
        data={"csrf_token": csrf, "answer-decision": "approve", "answer-comment": "A word of Ben's own"},
        headers={"traceparent": f"00-{ROOT}-b7ad6b7169203331-01"},
    )
    assert answer.status_code in (200, 302), answer.text
    (job,) = w.detail(house, instance).jobs
    worker.run_handler(house, job.task)
    assert w.detail(house, instance).instance.state == "finished"

    made = {span.name: span for span in spans()[spans_before:]}
    click = next(name for name in made if name.startswith("POST /tasks/"))
    expected = [click, "event decision", "handler note_for_tests", "prepare work_for_tests", "job work_for_tests"]
    expected += ["event job_result", "apply work_for_tests"]
    assert set(expected) <= set(made)
    assert {format(made[name].context.trace_id, "032x") for name in expected} == {ROOT}
    parents = {name: made[name].parent.span_id for name in expected}
    ids = {name: made[name].context.span_id for name in expected}
    assert parents["event decision"] == ids[click]
    assert parents["handler note_for_tests"] == ids["event decision"]
    assert parents["job work_for_tests"] == ids["event decision"]
    assert parents["event job_result"] == ids["job work_for_tests"]
    assert parents["apply work_for_tests"] == ids["event job_result"]
    assert dict(made["job work_for_tests"].attributes) == {
        "gatewright.instance": str(instance),
        "gatewright.element": "Work",
        "gatewright.task": str(job.task),
        "gatewright.handler": "work_for_tests",
        "gatewright.attempt": "1",
    }
    assert made["event decision"].attributes["gatewright.definition"] == "click@1"
    assert made["event decision"].attributes["gatewright.element"] == "Decide"
    assert made["event job_result"].attributes["gatewright.handler"] == "work_for_tests"
    told = " ".join(f"{span.name} {dict(span.attributes)} {span.events}" for span in made.values()).lower()
    for word in ("ben", "approve", "comment", "credit", cookie.lower(), csrf):
        assert word not in told


def test_a_scoring_request_goes_on_with_the_trace_of_its_caller(house, spans):
    stop, told = threading.Event(), []
    answering = threading.Thread(
        target=scoring.serve, args=(house, "127.0.0.1", 0, stop), kwargs={"announce": told.append}
    )
    answering.start()
    try:
        until(lambda: told)
        traceparent = f"00-{ROOT}-b7ad6b7169203331-01"
        assert requests.get(f"{told[0]}/v2", headers={"traceparent": traceparent}, timeout=10).status_code == 200
    finally:
        stop.set()
        answering.join(30)
    (made,) = [span for span in spans() if span.name == "scoring"]
    assert format(made.context.trace_id, "032x") == ROOT
    assert made.attributes["http.response.status_code"] == 200


def test_a_failed_span_has_the_code_of_the_error_and_not_its_text(house, spans):
    with pytest.raises(w.Broken), tracing.span("event decision"):
        raise w.Broken(how="with a word of somebody's")
    (made,) = spans()
    assert made.attributes["error.type"] == "broken-for-a-test"
    assert not made.events
    assert "somebody" not in str(made.to_json())


def test_nothing_is_sent_where_no_collector_is_named(tmp_path):
    before = trace.get_tracer_provider()
    tracing.begin(Settings(data_dir=tmp_path), "web")
    assert trace.get_tracer_provider() is before


def _admin():
    from engine.identity import Person

    return Person(id="root", name="root", roles=frozenset({"admin"}))


def _csrf(client, address: str) -> str:
    import re

    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', client.get(address).text)
    assert found
    return found[1]
