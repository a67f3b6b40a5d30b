"""Build contexts: what is in them, what they answer, and who notices a change."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.config import Settings
from engine.inventory import schemas
from engine.serving import targets
from engine.serving.deployment import Deployment
from engine.serving.programs import serve
from engine.serving.programs.gatewright_model import _load_pyfunc
from engine.serving.targets import mlflow, oci
from engine.store import Store
from engine.training import scorers
from engine.training.interpreters import LibrariesRefused
from tests.serving.contexts import serving, written
from tests.serving.house import (
    classifier,
    given_a_classifier,
    given_an_environment,
    given_rules,
    when_it_is_requested,
)

BASE = f"python:3.11-slim@sha256:{'0' * 64}"


@pytest.fixture
def rules(store: Store) -> Deployment:
    """A deployment of a decision table."""
    given_an_environment(store, target="oci")
    return when_it_is_requested(store, given_rules(store)[0])


def test_r16_a_build_context_and_what_mlflow_loads_give_the_answers_of_the_versions_own_child(
    store: Store, tmp_path: Path
) -> None:
    """The same bits over HTTP, by a server that has nothing of Gatewright on its path, and from a pandas frame."""
    given_an_environment(store, target="oci")
    deployment, (_, probe) = when_it_is_requested(store, given_a_classifier(store)), classifier()
    rows = [dict(zip(probe, row, strict=True)) for row in zip(*probe.values(), strict=True)]
    with scorers.start(store.files, "sklearn", deployment.inputs) as child:
        own = list(child.score_columns(probe).values)
    decided = ["positive" if each >= 0.6 else "negative" for each in own]
    written(oci.context(deployment, store.files, ""), tmp_path / "context")
    with serving(tmp_path / "context", sys.executable) as served:
        answer = requests.post(f"{served}/models/employed/score", json={"rows": rows}, timeout=30)
    told = answer.json()
    assert (told["model"], told["version"], told["environment"]) == ("employed", 1, "production")
    assert [(row["score"], row["decision"]) for row in told["rows"]] == list(zip(own, decided, strict=True))
    written(mlflow.model_folder(deployment, store.files), tmp_path / "folder")
    loaded = _load_pyfunc(str(tmp_path / "folder" / "model")).predict(pandas.DataFrame(probe))
    assert [(row["score"], row["decision"]) for row in loaded] == list(zip(own, decided, strict=True))


def test_its_server_answers_as_the_scoring_service_does_and_names_what_is_wrong(
    store: Store, rules: Deployment, tmp_path: Path
) -> None:
    written(oci.context(rules, store.files, ""), tmp_path)
    with serving(tmp_path, sys.executable) as served:
        place = f"{served}/environments/production/models/credit/score"

        def post(body: Any, at: str = place) -> tuple[int, Any]:
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = requests.post(at, data=sent, timeout=9)
            return answer.status_code, answer.json()

        status, told = post({"rows": [{"age": 17, "job": None}, {"age": 18}]})
        assert (status, told["rows"]) == (
            200,
            [
                {"score": 0.1, "decision": "refuse", "reasons": ["young", "rule young"]},
                {"score": 0.9, "decision": "grant", "reasons": ["old enough"]},
            ],
        )
        status, told = post([{"age": 17}, {"age": "old", "shoe": 4}])
        assert (status, [(each["row"], each["field"]) for each in told["faults"]]) == (422, [(1, "age"), (1, "shoe")])
        assert [post(body)[0] for body in ([], {"rows": 3}, [1], b"{", b"[" * 9_999)] == [422, 422, 422, 400, 400]
        assert post([{"age": 17}], f"{served}/environments/test/models/credit/score")[0] == 404
        assert post([{"age": 1}] * (serve.MOST_ROWS + 1))[0] == 413
        assert requests.get(f"{served}/v2/health/ready", timeout=9).json() == {"ready": True}


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "whole": {"type": "integer", "minimum": 0, "maximum": 9},
        "part": {"type": ["number", "null"], "maximum": 1.5},
        "word": {"type": "string", "enum": ["a", "b"]},
        "flag": {"type": ["boolean", "null"]},
    },
    "required": ["whole"],
    "additionalProperties": False,
}
values = st.none() | st.booleans() | st.integers(-3, 12) | st.floats(-2, 12) | st.sampled_from(["a", "b", "c", ""])
rows = st.lists(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), values), min_size=1, max_size=3)


@given(rows)
def test_a_context_refuses_the_rows_that_the_house_refuses(given_rows: list[dict[str, Any]]) -> None:
    """Row and field alike, whatever the words."""
    ours = {(each.row, each.field) for each in schemas.validate_rows(SCHEMA, given_rows)}
    assert {(each["row"], each["field"]) for each in serve.faults(SCHEMA, given_rows)} == ours


def test_the_same_deployment_gives_the_same_bytes_and_a_change_is_named(store: Store, rules: Deployment) -> None:
    target, settings = targets.get("oci"), store.settings
    first = oci.context(rules, store.files, BASE)
    assert oci.context(rules, store.files, BASE) == first
    place = Path(target.start(rules, settings, store.files).removeprefix("file://"))
    assert target.observe(rules, settings).state == "running"
    (place / "model" / "artefact").write_bytes(b"{}")
    assert target.observe(rules, settings).detail == "Not as it was written: model/artefact."
    assert target.start(rules, settings, store.files) == place.as_uri()
    (place / "model" / "more.py").write_bytes(b"")
    assert target.observe(rules, settings).detail == "Not as it was written: model/more.py."
    (place / "context.json").write_bytes(b"[]")
    assert target.observe(rules, settings).state == "failing"
    target.stop(rules, settings)
    assert not place.exists()


def test_its_dockerfile_keeps_to_what_is_asked_of_one(store: Store, rules: Deployment) -> None:
    """The base by digest, no tag that moves, no download but pip's, not as root, each file copied by name."""
    content = oci.context(rules, store.files, BASE)
    lines = content["Dockerfile"].decode().splitlines()
    words = [line.partition(" ")[::2] for line in lines if line and not line.startswith("#")]
    assert words[:2] == [("ARG", f"BASE={BASE}"), ("FROM", "${BASE}")]
    assert "ARG BASE" in oci.context(rules, store.files, "")["Dockerfile"].decode().splitlines()
    assert {word for word, _ in words} <= {"ARG", "FROM", "LABEL", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "CMD"}
    assert [rest for word, rest in words if word == "USER"] == ["65532:65532"]
    assert [word for word, _ in words].index("USER") > max(i for i, (word, _) in enumerate(words) if word == "RUN")
    assert isinstance(json.loads(next(rest for word, rest in words if word == "CMD")), list)
    (run,) = (rest for word, rest in words if word == "RUN")
    assert "--no-cache-dir" in run
    assert not re.search(r"sudo|curl|wget|apt|&&|;", run)
    copied = [each for word, rest in words if word == "COPY" for each in rest.split()[:-1]]
    for name in copied:
        assert any(each == name or each.startswith(f"{name}/") for each in content), name
    left_out = {name.partition("/")[0] for name in content} - set(copied)
    assert left_out == {"Dockerfile"}
    labels = dict(rest.split("=", 1) for word, rest in words if word == "LABEL")
    assert json.loads(labels["io.gatewright.sha256.artefact"]) == rules.inputs["artefact"]
    assert all(
        re.fullmatch(r"[a-z0-9.-]+", name) and isinstance(json.loads(text), str) for name, text in labels.items()
    )
    told = json.loads(content["context.json"])
    assert set(told["files"]) == set(content) - {"context.json"}


def test_kept_wheels_go_along_and_pip_is_held_to_their_hashes(store: Store, rules: Deployment) -> None:
    wheel = "gatewright_example-1.0-py3-none-any.whl"
    digest = store.files.put(b"a wheel")
    libraries = {"used": {"gatewright-example": "1.0"}, "wheels": {wheel: digest}, "python": "3.12.1"}

    def made(**changed: Any) -> dict[str, bytes]:
        lock = store.files.put(json.dumps({**libraries, **changed}).encode())
        with_lock = dataclasses.replace(rules, inputs={**rules.inputs, "libraries": lock})
        return oci.context(with_lock, store.files, "")

    content = made()
    assert content[f"wheels/{wheel}"] == b"a wheel"
    assert content["requirements.txt"].decode() == f"gatewright-example==1.0 --hash=sha256:{digest}\n"
    assert "--no-index --find-links wheels --require-hashes" in content["Dockerfile"].decode()
    assert "python:3.12-slim" in content["Dockerfile"].decode()
    assert made(wheels={})["requirements.txt"] == b"gatewright-example==1.0\n"
    for name in ("../x-1-py3-none-any.whl", "x y-1-py3-none-any.whl", "x.whl"):
        with pytest.raises(LibrariesRefused, match="no wheel's name"):
            made(wheels={name: digest})


@pytest.mark.parametrize(
    "base", ["python:3.11-slim", "python@sha256:12", f"-x@sha256:{'0' * 64}", f"a b@sha256:{'0' * 64}"]
)
def test_a_base_image_is_named_by_digest(base: str) -> None:
    with pytest.raises(ValidationError):
        Settings(oci_base=base)
