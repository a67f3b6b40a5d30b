"""What Prometheus reads: by its conventions, with labels of few values, and only by whom the settings allow."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text

from engine.config import Settings
from engine.errors import GatewrightError
from engine.runtime import figures, instances, worker
from engine.store import replayed
from engine.telemetry import metrics
from tests.runtime import worlds as w
from tests.runtime.test_lines import a_process, started
from web import observing, probes
from web.app import create_app


@pytest.fixture(autouse=True)
def asked_anew():
    observing._found = (float("-inf"), [])


def samples(exposed: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Name and labels -> value, of all but the buckets."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


def count(name: str, **labels: str) -> float:
    """How often this process has observed it so far."""
    return samples(metrics.exposed().decode()).get((f"{name}_count", tuple(sorted(labels.items()))), 0.0)


def test_names_follow_the_conventions_of_prometheus():
    for told in metrics.TOLD:
        assert told.name.startswith("gatewright_")
        assert told.help.endswith(".")
        if told.kind == "counter":
            assert told.name.endswith("_total")
        if told.kind == "histogram":
            assert told.name.endswith("_seconds")
    for name, (help, _) in figures.GAUGES.items():
        assert name.startswith("gatewright_")
        assert not name.endswith("_total")
        assert help.endswith(".")


def test_no_label_could_hold_an_id_a_person_or_a_text():
    known = {"kind", "outcome", "reason", "handler", "tick", "route", "method", "status"} | {
        "operation",
        "state",
        "target",
    }
    labels = {label for told in metrics.TOLD for label in told.labels}
    labels |= {label for _, of in figures.GAUGES.values() for label in of}
    assert labels <= known


def test_events_jobs_and_their_outcomes_are_counted(house):
    w.given_a_published(house, a_process("work_for_tests"))
    events = "gatewright_event_duration_seconds"
    before = {
        "start": count(events, kind="start", outcome="moved"),
        "result": count(events, kind="job_result", outcome="moved"),
        "refused": count(events, kind="operation", outcome="refused"),
        "failed": count("gatewright_job_duration_seconds", handler="work_for_tests", outcome="failed"),
        "done": count("gatewright_job_duration_seconds", handler="work_for_tests", outcome="done"),
    }
    (task,) = started(house, 1)
    w.RECORDER.failures["work"] = [RuntimeError("no answer")]
    worker.run_handler(house, task)
    worker.run_handler(house, task)
    with pytest.raises(GatewrightError):
        instances.suspend(house, w.BEN, task, "nothing of this id")
    after = {
        "start": count(events, kind="start", outcome="moved"),
        "result": count(events, kind="job_result", outcome="moved"),
        "refused": count(events, kind="operation", outcome="refused"),
        "failed": count("gatewright_job_duration_seconds", handler="work_for_tests", outcome="failed"),
        "done": count("gatewright_job_duration_seconds", handler="work_for_tests", outcome="done"),
    }
    assert {name: after[name] - before[name] for name in after} == {
        "start": 1,
        "result": 2,
        "refused": 1,
        "failed": 1,
        "done": 1,
    }


def test_a_transaction_that_is_done_again_is_counted(house):
    name = ("gatewright_transactions_replayed_total", (("reason", "serialisation"),))
    before = samples(metrics.exposed().decode()).get(name, 0.0)
    tried = []

    def act(session):
        tried.append(1)
        if len(tried) == 1:
            session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))

    replayed(house, act)
    assert samples(metrics.exposed().decode())[name] == before + 1


def test_the_pages_tell_requests_by_route_and_what_the_database_knows(house):
    client = create_app(house, testing=True).test_client()
    for address in ("/nothing/1", "/nothing/2", "/tasks/0199f5d2-0000-7000-8000-000000000000"):
        client.get(address)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    found = samples(answer.text)
    routes = {dict(labels)["route"] for name, labels in found if name.startswith("gatewright_http_request")}
    assert {"unmatched", "/tasks/<uuid:task>"} <= routes
    assert not any("0199" in route or "nothing" in route for route in routes)
    assert found[("gatewright_database_up", ())] == 1.0
    assert {name for name, _ in found} >= {"gatewright_incidents_open", "gatewright_timers_overdue"}


def test_metrics_are_told_while_the_database_is_away(house):
    client = create_app(house, testing=True).test_client()
    gone = Settings(data_dir=house.settings.home, database_url=SecretStr("postgresql://a:b@127.0.0.1:1/nowhere"))
    from engine.store import sessions

    engine = sessions.connect(gone.database_url.get_secret_value(), application="command")
    house.sessions.configure(bind=engine)
    try:
        found = samples(client.get("/metrics").text)
    finally:
        house.sessions.configure(bind=house.engine)
        engine.dispose()
    assert found[("gatewright_database_up", ())] == 0.0


TOKEN = SecretStr("the-token-of-prometheus")


@pytest.mark.parametrize(
    ("token", "listens_at", "caller", "authorization", "forwarded", "answered"),
    [
        (None, "127.0.0.1", "127.0.0.1", "", False, True),
        (None, "::1", "::1", "", False, True),
        (None, "localhost", "127.0.0.1", "", False, True),
        (None, "127.0.0.1", "127.0.0.1", "", True, False),  # a proxy on this machine sent it
        (None, "192.0.2.1", "127.0.0.1", "", False, False),
        (None, "127.0.0.1", "10.0.0.7", "", False, False),
        (None, "127.0.0.1", "", "", False, False),
        (TOKEN, "127.0.0.1", "127.0.0.1", "", False, False),
        (TOKEN, "192.0.2.1", "10.0.0.7", "Bearer the-token-of-prometheus", True, True),
        (TOKEN, "192.0.2.1", "10.0.0.7", "Bearer another", False, False),
        (TOKEN, "192.0.2.1", "10.0.0.7", "Basic the-token-of-prometheus", False, False),
        (TOKEN, "192.0.2.1", "10.0.0.7", "Bearer tökén", False, False),
    ],
)
def test_who_may_read_the_metrics(token, listens_at, caller, authorization, forwarded, answered):
    def ask() -> None:
        metrics.require(
            Settings(metrics_token=token),
            listens_at=listens_at,
            caller=caller,
            authorization=authorization,
            forwarded=forwarded,
        )

    if answered:
        ask()
    else:
        with pytest.raises(metrics.MetricsRefused):
            ask()


# A worker's and a clock's own address


@pytest.fixture
def address(house) -> Iterator[str]:
    told = {"fine": True}
    close = probes.serve(
        house.settings,
        "127.0.0.1",
        0,
        lambda: probes.readiness(house, {"heartbeat": "ok" if told["fine"] else "it is silent"}, role="leading"),
        announce=lambda found: told.update(address=found),
    )
    yield told
    close()


def ask(address: str, **headers: str) -> tuple[int, str]:
    asked = urllib.request.Request(address, headers=headers)  # noqa: S310 - http, ours
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_a_process_without_pages_tells_its_health_and_its_metrics(address):
    at = address["address"]
    assert ask(f"{at}/live")[0] == 200
    status, told = ask(f"{at}/ready")
    assert (status, json.loads(told)) == (
        200,
        {
            "status": "ready",
            "checks": {"database": "ok", "migrations": "ok", "files": "ok", "heartbeat": "ok"},
            "role": "leading",
        },
    )
    address["fine"] = False
    status, told = ask(f"{at}/ready")
    assert (status, json.loads(told)["checks"]["heartbeat"]) == (503, "it is silent")
    assert "gatewright_event_duration_seconds" in ask(f"{at}/metrics")[1]
    refused = ask(f"{at}/metrics", **{"X-Forwarded-For": "10.0.0.7"})
    assert (refused[0], json.loads(refused[1])["code"]) == (403, "metrics-refused")
    assert ask(f"{at}/else")[0] == 404


def test_a_second_process_on_the_machine_tells_its_health_at_a_free_port(house, address):
    port = int(address["address"].rpartition(":")[2])
    found = []
    close = probes.serve(house.settings, "127.0.0.1", port, lambda: {"status": "ready"}, announce=found.append)
    try:
        assert not found[0].endswith(f":{port}")
        assert ask(f"{found[0]}/live")[0] == 200
    finally:
        close()
