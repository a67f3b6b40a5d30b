"""The scoring service over HTTP: both protocols, who may ask, what is refused, and how it follows the wish."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
import requests

from engine.identity import tokens
from engine.inferences import queries as inferences
from engine.inventory.references import VersionRef
from engine.serving import queries, usage
from engine.serving.deployment import Deployment
from engine.serving.scoring import Bounds
from engine.store import Store, transaction
from tests.serving.house import (
    ADA,
    Scoring,
    given_a_classifier,
    given_a_token,
    given_a_version,
    given_an_environment,
    given_rules,
    when_it_goes_live,
    when_it_is_requested,
    when_it_is_retired,
)

PATH = "/models/credit/score"
ROWS = [{"age": 17}, {"age": 40, "job": "cook"}]


class House:
    """A store with three versions of credit, the first of them live in production, and a service that scores."""

    def __init__(self, store: Store, scoring: Callable[..., Scoring]) -> None:
        given_an_environment(store, "test", position=10)
        given_an_environment(store, "production", position=20)
        self.store, self.versions = store, given_rules(store, n_versions=3)
        self.secret = given_a_token(store, ["score:credit:production", "score:credit:test"])
        self.service = scoring(self.secret)
        self.live = self.deploy(self.versions[0])

    def deploy(self, version: VersionRef, environment: str = "production") -> Deployment:
        """A version, live."""
        deployment = when_it_is_requested(self.store, version, environment)
        self.service.until(deployment, "running")
        live = when_it_goes_live(self.store, deployment)
        path = f"/environments/{environment}/v2/models/{version.model}/versions/{version.number}/ready"
        ends = time.monotonic() + 30
        while self.service.get(path).status_code != 200:
            assert time.monotonic() < ends
            time.sleep(0.05)
        return live

    def stored(self, id: str) -> inferences.Inference:
        """The inference, once it is written."""
        ends = time.monotonic() + 30
        while True:
            with transaction(self.store) as session:
                try:
                    return inferences.get(session, UUID(id))
                except inferences.InferenceUnknown:
                    assert time.monotonic() < ends
            time.sleep(0.02)


@pytest.fixture
def house(store: Store, scoring: Callable[..., Scoring]) -> House:
    """A house that the test may change."""
    return House(store, scoring)


@pytest.fixture(scope="module")
def standing(standing_store: Store) -> Iterator[House]:
    """A house that is only asked, shared by the tests that leave it as it is."""
    services: list[Scoring] = []

    def start(secret: str) -> Scoring:
        services.append(Scoring(standing_store, secret))
        return services[-1]

    yield House(standing_store, start)
    for each in services:
        each.close()


def test_rows_are_answered_with_score_decision_reason_and_id_and_logged(standing: House) -> None:
    content = {"rows": ROWS, "event_time": "2016-07-01T12:00:00Z", "reference": ["a", "b"]}
    answer = standing.service.post(PATH, content)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["model"], told["version"], told["environment"]) == ("credit", 1, "production")
    assert [(row["score"], row["decision"], row["reasons"]) for row in told["rows"]] == [
        (0.1, "refuse", ["young", "rule young"]),
        (0.9, "grant", ["old enough"]),
    ]
    kept = standing.stored(told["rows"][1]["id"])
    assert (kept.model, kept.version, kept.environment, kept.deployment) == (
        "credit",
        1,
        "production",
        standing.live.id,
    )
    assert (kept.caller, kept.caller_reference, kept.position, kept.request_rows) == ("ada", "b", 1, 2)
    assert (kept.event_time, kept.input) == (datetime(2016, 7, 1, 12, tzinfo=UTC), ROWS[1])
    assert (kept.score, kept.decision, kept.output) == (0.9, "grant", {"reasons": ["old enough"]})
    assert str(kept.request) == told["request"]
    assert 0 < kept.latency_us < 10_000_000


def test_a_classifiers_decision_is_by_its_cut_off(store: Store, scoring: Callable[..., Scoring]) -> None:
    given_an_environment(store)
    version = given_a_classifier(store)
    service = scoring(given_a_token(store, ["score:employed:production"]))
    deployment = when_it_is_requested(store, version)
    service.until(deployment, "running")
    when_it_goes_live(store, deployment)
    rows = [{f"x{n}": value for n in range(16)} for value in (-1, -0.2, 0, 0.2, 1)]
    answer = service.until_status("/models/employed/score", rows, 200).json()
    assert all(0 <= row["score"] <= 1 for row in answer["rows"])
    decisions = [row["decision"] for row in answer["rows"]]
    assert decisions == ["positive" if row["score"] >= 0.6 else "negative" for row in answer["rows"]]
    assert set(decisions) == {"positive", "negative"}


# --- the Open Inference Protocol


def test_the_open_inference_protocol_tells_health_and_metadata(standing: House) -> None:
    service = standing.service
    assert service.get("/v2").json()["name"] == "gatewright"
    assert service.get("/v2/health/live").json() == {"live": True}
    assert service.get("/v2/health/ready").json() == {"ready": True}
    assert service.get("/v2/models/credit/ready").json() == {"name": "credit", "ready": True}
    assert service.get("/v2/models/credit/versions/1/ready").status_code == 200
    assert service.get("/v2/models/credit/versions/2/ready").status_code == 404
    metadata = service.get("/v2/models/credit").json()
    assert (metadata["name"], metadata["versions"], metadata["platform"]) == ("credit", ["1"], "gatewright_rules")
    assert metadata["inputs"] == [
        {"name": "age", "datatype": "INT64", "shape": [-1]},
        {"name": "job", "datatype": "BYTES", "shape": [-1]},
    ]


def test_tensors_are_answered_with_tensors_and_logged(standing: House) -> None:
    content = {
        "id": "mine",
        "inputs": [
            {"name": "age", "shape": [2], "datatype": "INT64", "data": [17, 40]},
            {"name": "job", "shape": [2, 1], "datatype": "BYTES", "data": [["cook"], [None]]},
            {"name": "reference", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
        ],
        "parameters": {"event_time": "2016-07-01T12:00:00Z"},
    }
    for path in ("/v2/models/credit/infer", "/v2/models/credit/versions/1/infer"):
        answer = standing.service.post(path, content).json()
        assert (answer["model_name"], answer["model_version"], answer["id"]) == ("credit", "1", "mine")
        outputs = {tensor["name"]: tensor for tensor in answer["outputs"]}
        assert outputs["score"] == {"name": "score", "datatype": "FP64", "shape": [2], "data": [0.1, 0.9]}
        assert outputs["decision"]["data"] == ["refuse", "grant"]
        kept = standing.stored(outputs["inference_id"]["data"][1])
        assert (kept.caller_reference, kept.event_time.year, kept.input) == ("b", 2016, {"age": 40, "job": None})


def test_clients_of_the_protocol_find_the_words_of_an_error_where_they_look_for_them(standing: House) -> None:
    content = {"inputs": [{"name": "age", "shape": [1], "datatype": "INT64", "data": [-1]}]}
    told = standing.service.post("/v2/models/credit/infer", content).json()
    assert told["error"].startswith("Row 0, field age: -1 is below 0.")
    assert "error" not in standing.service.post(PATH, [{"age": -1}]).json()


def test_binary_tensors_are_answered_too(standing: House) -> None:
    """As Triton's client sends them: JSON, its length in a header, and the bytes behind it."""
    ages = {"name": "age", "shape": [2], "datatype": "INT64", "parameters": {"binary_data_size": 16}}
    head = json.dumps({"inputs": [ages]}).encode()
    headers = standing.service.headers | {"Inference-Header-Content-Length": str(len(head))}
    address, body = standing.service.address + "/v2/models/credit/infer", head + struct.pack("<qq", 17, 40)
    answer = requests.post(address, data=body, headers=headers, timeout=30)
    assert answer.json()["outputs"][0]["data"] == [0.1, 0.9]
    headers["Inference-Header-Content-Length"] = "9999"
    assert requests.post(address, data=body, headers=headers, timeout=30).json()["code"] == "batch-malformed"


# --- refusals


@pytest.mark.parametrize(
    ("content", "status", "code", "words"),
    [
        ([{"age": 20}, {"age": -1}], 422, "input-invalid", "Row 1, field age"),
        ([{"job": "cook"}], 422, "input-invalid", "field age: is missing"),
        ([{"age": 20, "income": 1}], 422, "input-invalid", "field income"),
        ([{"age": 20, "job": "\0"}], 422, "input-invalid", "NUL"),
        ([], 422, "batch-malformed", "no rows"),
        ({"rows": [{"age": 20}], "event_time": "yesterday"}, 422, "batch-malformed", "event time of row 0"),
        ([{"age": 20}] * (Bounds().rows + 1), 413, "batch-too-long", "5001 rows"),
    ],
)
def test_what_is_wrong_with_the_rows_is_named(
    standing: House, content: Any, status: int, code: str, words: str
) -> None:
    answer = standing.service.post(PATH, content)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert words in answer.json()["title"]


def test_a_body_that_is_no_json_or_too_large_is_refused(standing: House) -> None:
    address, headers = standing.service.address + PATH, standing.service.headers
    assert requests.post(address, data=b"{", headers=headers, timeout=30).json()["code"] == "body-not-json"
    assert requests.post(address, data=b'[{"age": NaN}]', headers=headers, timeout=30).json()["code"] == "body-not-json"
    with socket.create_connection(("127.0.0.1", standing.service.port), timeout=30) as connection:
        connection.sendall(b"POST /models/credit/score HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert b"413" in connection.recv(100)


def test_a_request_needs_a_token_with_the_scope(standing: House) -> None:
    address = standing.service.address + PATH
    assert requests.post(address, json=ROWS, timeout=30).json()["code"] == "token-missing"
    made_up = requests.post(address, json=ROWS, headers={"Authorization": "Bearer gwt_madeup"}, timeout=30)
    assert (made_up.status_code, made_up.json()["code"]) == (401, "token-invalid")
    assert made_up.headers["www-authenticate"].startswith("Bearer")
    other = given_a_token(standing.store, ["score:credit:test"])
    refused = requests.post(address, json=ROWS, headers={"Authorization": f"Bearer {other}"}, timeout=30)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope-missing")
    assert "score:credit:production" in refused.json()["title"]


def test_a_revoked_token_ends_within_seconds(house: House) -> None:
    assert house.service.post(PATH, ROWS).status_code == 200
    with transaction(house.store) as session:
        (token,) = tokens.listing(session, "ada")
        tokens.revoke(session, ADA, token.id)
    house.service.until_status(PATH, ROWS, 401)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/models/nobody/score", 404, "model-not-served"),
        ("POST", "/environments/test/models/credit/score", 404, "not-deployed"),
        ("POST", "/environments/nowhere/models/credit/score", 404, "not-deployed"),
        ("POST", "/v2/models/credit/versions/9/infer", 404, "version-not-deployed"),
        ("POST", "/v2/models/credit/versions/x/infer", 404, "path-unknown"),
        ("GET", "/models/credit/score", 405, "method-not-allowed"),
        ("GET", "/deployments/no-uuid", 404, "deployment-unknown"),
        ("GET", "/somewhere/../else", 404, "path-unknown"),
        ("GET", "/", 404, "path-unknown"),
    ],
)
def test_what_is_not_there_is_named(standing: House, method: str, path: str, status: int, code: str) -> None:
    address, headers = standing.service.address + path, standing.service.headers
    answer = requests.request(method, address, json=ROWS, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_refused_requests_are_counted_but_not_for_names_that_strangers_make_up(house: House) -> None:
    house.service.post(PATH, [{"age": -1}])
    house.service.post(PATH, [{"age": -1}])
    house.service.post("/models/nobody/score", ROWS)
    house.service.post(PATH, ROWS)
    assert house.service.end() == 0
    with transaction(house.store) as session:
        found = inferences.requests(session, "credit")
        assert inferences.requests(session, "nobody").by_code == {}
    assert (found.answered, found.by_code, found.error_rate) == (1, {"input-invalid": 2}, 0)


# --- following the wish


def test_without_an_environment_the_last_one_in_the_order_of_promotion_answers(house: House) -> None:
    house.deploy(house.versions[1], "test")
    assert house.service.post(PATH, ROWS).json()["version"] == 1
    assert house.service.post("/environments/test" + PATH, ROWS).json()["version"] == 2
    by_header = {**house.service.headers, "Gatewright-Environment": "test"}
    answer = requests.post(house.service.address + PATH, json=ROWS, headers=by_header, timeout=30)
    assert answer.json()["environment"] == "test"


def test_a_deployment_that_is_not_live_answers_nobody(house: House) -> None:
    waiting = when_it_is_requested(house.store, house.versions[1], "test")
    house.service.until(waiting, "running")
    path = "/environments/test/v2/models/credit/versions/2/infer"
    content = {"inputs": [{"name": "age", "shape": [1], "datatype": "INT64", "data": [40]}]}
    assert house.service.post(path, content).json()["code"] == "not-deployed"


def test_a_new_version_takes_over_without_a_refused_request(house: House) -> None:
    told: list[tuple[int, int]] = []
    ended = threading.Event()

    def ask() -> None:
        with requests.Session() as session:
            session.headers.update(house.service.headers)
            while not ended.is_set():
                answer = session.post(house.service.address + PATH, json=ROWS, timeout=30)
                told.append((answer.status_code, answer.json().get("version", 0)))

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    for version in house.versions[1:]:
        house.deploy(version)
    time.sleep(0.3)
    ended.set()
    for client in clients:
        client.join()
    assert {status for status, _ in told} == {200}
    assert {version for _, version in told} == {1, 2, 3}
    house.service.until_status("/models/credit/score", ROWS, 200)
    with transaction(house.store) as session:
        former = queries.deployment(session, house.live.id)
    assert (former.desired, former.observed) == ("stopped", "stopped")
    assert former.ended_at is not None


def test_a_retired_model_answers_410_with_since_when_and_by_which_instance(house: House) -> None:
    when_it_is_retired(house.store)
    answer = house.service.until_status(PATH, ROWS, 410).json()
    assert answer["code"] == "deployments-ended"
    assert "i-9" in answer["title"]
    assert "2026-01-05" in answer["title"]
    for path in ("/environments/test" + PATH, "/v2/models/credit/infer"):
        assert house.service.post(path, ROWS).status_code == 410


def test_a_version_that_cannot_be_loaded_is_seen_failing_with_its_cause(house: House) -> None:
    broken = given_a_version(
        house.store, artefact=b"no json", input_schema=b'{"properties": {"age": {"type": "number"}}}'
    )
    deployment = when_it_is_requested(house.store, broken, "test")
    house.service.until(deployment, "failing")
    assert "JSONDecodeError" in house.service.get(f"/deployments/{deployment.id}").json()["detail"]
    ends = time.monotonic() + 30
    while True:
        with transaction(house.store) as session:
            seen = queries.deployment(session, deployment.id)
        if seen.observed == "failing":
            break
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert "JSONDecodeError" in seen.detail
    assert house.service.post(PATH, ROWS).status_code == 200  # what was live goes on answering


def test_a_killed_child_is_started_again(house: House) -> None:
    (outer,) = psutil.Process(house.service.process.pid).children()
    outer.kill()
    house.service.until(house.live, "failing")
    refused = house.service.post(PATH, ROWS)
    assert (refused.status_code, refused.json()["code"]) == (503, "scorer-not-ready")
    assert refused.headers["retry-after"] == "2"
    assert house.service.until_status(PATH, ROWS, 200).json()["version"] == 1


def test_after_the_end_nothing_is_left_and_the_deployments_wait_for_the_next_service(
    house: House, scoring: Callable[..., Scoring]
) -> None:
    family = psutil.Process(house.service.process.pid).children(recursive=True)
    assert family
    assert house.service.end() == 0
    assert not [process for process in family if process.is_running() and process.status() != "zombie"]
    with transaction(house.store) as session:
        seen = queries.deployment(session, house.live.id)
    assert (seen.desired, seen.observed) == ("running", "waiting")
    again = scoring(house.secret)
    again.until(house.live, "running")
    assert again.until_status(PATH, ROWS, 200).json()["deployment"] == str(house.live.id)


def test_the_service_loads_no_library_that_opens_models(standing: House) -> None:
    loaded = Path(f"/proc/{standing.service.process.pid}/maps").read_text()
    assert "uvloop" in loaded  # the file tells what is loaded
    assert "sklearn" not in loaded
    assert "pandas" not in loaded


def test_r41_memory_and_processor_time_of_the_child_are_sampled_and_kept_by_the_hour(
    house: House,
) -> None:
    used, ends = None, time.monotonic() + 20
    ever = {"since": datetime(2026, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
    while (used is None or used.samples < 2) and time.monotonic() < ends:
        time.sleep(0.1)
        with transaction(house.store) as session:
            used = usage.of_version(session, "credit", house.live.version, "production", **ever)
    assert used is not None
    assert used.samples >= 2
    assert 1 < used.memory_mb_mean <= used.memory_mb_peak < 4096  # an interpreter with a table of rules
    assert 0 <= used.cores < 1.5
