"""The words of the acceptance tests: what is given, what is done, what must be seen then; all over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.bpmn import drawing
from tests.demo.running import Told
from web.demo import cast

MODELS = Path(cast.__file__).parent / "models"
FORM = json.dumps(
    {"title": "Say yes", "schema": {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}}
).encode()


# Given


def given_a_registered_rules_model(house: Told, id: str, by: str = "bea", **declared: Any) -> str:
    """A complete rules model of low tier with one version; its rules are its own."""
    values: dict[str, Any] = {
        "id": id,
        "name": id.title(),
        "kind": "rules",
        "owner": by,
        "team": "Job centre",
        "tool": "decision table",
        "purpose": "Picks who gets a leaflet.",
        "affects_people": False,
        "decisions_per_year": 100,
        "target": "employed",
        "features": ["AGEP", "SCHL"],
        "thresholds": {"cut_off": 0.5},
        "service_levels": {"rate_per_s": 5, "p95_ms": 250, "memory_mb": 512, "cpu": 1},
        **declared,
    }
    answer = house.ask(by, "POST", "/models", json={"declared": values})
    assert answer.status_code == 201, answer.text
    answer = when_a_version_is_added(house, id, by, rules_of(id))
    assert answer.status_code == 201, answer.text
    return id


def rules_of(id: str) -> bytes:
    """A decision table that no other model has, in file and in answers."""
    own = 0.1 + zlib.crc32(id.encode()) % 1000 / 3000
    return (
        f"title: The rules of {id}\nrules:\n  - id: young\n    when: {{AGEP: {{to: 20}}}}\n    score: {own:.4f}\n"
        "    decision: send it\n    reason: At most 20\n"
        "otherwise: {score: 0.8, decision: send nothing, reason: Older}\n"
    ).encode()


def given_a_diagram(name: str, *parts: str, **files: bytes) -> dict[str, str]:
    """The files of a life cycle as they are sent."""
    drawn = drawing.files(name, *parts, **files)
    drawn["answer.form.json"] = FORM
    return {file: content.decode() for file, content in drawn.items()}


def given_a_published_life_cycle(house: Told, files: dict[str, str]) -> dict[str, Any]:
    """Drawn by Arne, reviewed and published by Dana."""
    drafted = house.ask("arne", "POST", "/definitions", json={"files": files}).json()
    submitted = house.ask("arne", "POST", f"/definitions/{drafted['id']}/submit")
    assert submitted.ok, submitted.text
    published = house.ask("dana", "POST", f"/definitions/{drafted['id']}/publish", json={"comment": "Good."})
    assert published.ok, published.text
    found: dict[str, Any] = published.json()
    return found


# When


def when_a_version_is_added(house: Told, model: str, by: str, rules: bytes) -> requests.Response:
    """Its rules, its schema, its card."""
    schema = {
        "type": "object",
        "properties": {
            "AGEP": {"type": "integer", "minimum": 0, "maximum": 99},
            "SCHL": {"type": "integer", "minimum": 0, "maximum": 24},
        },
        "required": ["AGEP", "SCHL"],
    }
    rows = b"AGEP,SCHL,employed\n" + b"".join(b"%d,%d,%d\n" % (16 + n, n % 24, n % 2) for n in range(60))
    files = [
        ("artefact", ("rules.yaml", rules)),
        ("source", ("rules.yaml", rules)),
        ("input_schema", ("input.json", json.dumps(schema).encode())),
        ("test_data", ("test.csv", rows)),
        ("probe", ("probe.csv", b"\n".join(line.rpartition(b",")[0] for line in rows.splitlines()) + b"\n")),
        ("documentation", ("card.md", b"# A card\n\nWhat it does, and what it does not.\n")),
    ]
    return house.ask(by, "POST", f"/models/{model}/versions", data={"source_kind": "uploaded"}, files=files)


def when_its_life_cycle_starts(house: Told, model: str, by: str = "bea") -> str:
    """The id of the instance."""
    return when_started(house, "model_life_cycle", by, subject=model, answer={"model": model})


def when_started(house: Told, process: str, by: str, *, subject: str = "", answer: dict[str, Any] | None = None) -> str:
    """The id of the instance."""
    body = {"process": process, "subject": subject, "answer": answer or {}}
    started = house.ask(by, "POST", "/instances", json=body)
    assert started.status_code == 201, started.text
    id: str = started.json()["id"]
    return id


def when_it_is_decided(house: Told, task: str, by: str, **answer: Any) -> requests.Response:
    """The answer to a decision on a task."""
    return house.ask(by, "POST", f"/tasks/{task}/complete", json={"answer": answer})


def when_the_command_is_given(house: Told, *words: str, code: int = 0) -> str:
    """What a command prints that is given on the machine of the house."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWRIGHT_")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "web.cli", *words],
        env={**kept, "GATEWRIGHT_DATA_DIR": str(house.folder / ".gatewright-demo")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


# Then


def then_a_task_waits(house: Told, instance: str, element: str) -> dict[str, Any]:
    """The open task, once it is there."""

    def found() -> dict[str, Any] | None:
        tasks = house.get("otto", "/tasks/all", instance=instance, state="open")["items"]
        return next((task for task in tasks if task["element"] == element), None)

    task: dict[str, Any] = eventually(found, f"{element} in {house.get('otto', f'/instances/{instance}')['waiting']}")
    return task


def then_the_log_tells(house: Told, act: str, *, actor: str, **facts: Any) -> dict[str, Any]:
    """The newest row of this act by this actor, which has these facts."""
    rows = [
        row
        for row in house.audit(act=act, actor=actor)
        if all(row["facts"].get(name) == value for name, value in facts.items())
    ]
    assert rows, f"no row {act} by {actor} with {facts}"
    return rows[-1]


def then_it_answers(house: Told, model: str, by: str = "mika") -> list[dict[str, Any]]:
    """The answers of the model's endpoint to two rows."""
    rows = [{"AGEP": 18, "SCHL": 12}, {"AGEP": 40, "SCHL": 20}]

    def found() -> list[dict[str, Any]] | None:
        answer = score(house, model, rows, by)
        return answer.json()["rows"] if answer.status_code == 200 else None

    answers: list[dict[str, Any]] = eventually(found, f"an answer of {model}")
    return answers


def score(house: Told, model: str, rows: list[dict[str, Any]], by: str = "mika") -> requests.Response:
    """What the scoring service answers to somebody's token for this model."""
    body = {"name": "acceptance", "scopes": [f"score:{model}:production"], "days": 1}
    secret = house.ask(by, "POST", "/me/tokens", json=body).json()["secret"]
    address = house.get("ilse", "/routes", model="employment")[0]["deployment"]["address"].partition("/models/")[0]
    return requests.post(
        f"{address}/models/{model}/score",
        json={"rows": rows},
        headers={"Authorization": f"Bearer {secret}"},
        timeout=30,
    )


def eventually(true: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """What is found once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)
    return found
