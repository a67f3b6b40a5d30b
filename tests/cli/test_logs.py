"""`gatewright logs` reads lines of JSON and others, and finds those of one instance in all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from web.cli.main import app

ONE = "0199f5d2-0000-7000-8000-000000000001"


def line(time: str, level: str, message: str, **facts: str) -> str:
    return json.dumps(
        {"time": f"2026-11-24T{time}+00:00", "level": level, "logger": "engine.x", "message": message, **facts}
    )


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What `gatewright logs` prints with these words, on a data folder with a few logs."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "web.log.1").write_text(line("12:59:00", "INFO", "Long ago", instance=ONE) + "\n")
    (logs / "web.log").write_text(
        "\n".join(
            [
                line("13:00:00", "INFO", "Decided", instance=ONE, element="Decide"),
                line("13:00:03", "WARNING", "Careful", instance="another"),
                "Traceback (most recent call last):",
            ]
        )
        + "\n"
    )
    (logs / "worker.log").write_text(
        line("13:00:01", "ERROR", "It failed", instance=ONE, error="Traceback\n  x") + "\n"
    )
    monkeypatch.setenv("GATEWRIGHT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GATEWRIGHT_DATABASE_URL", "postgresql://nobody:asks@127.0.0.1/it")

    def run(*words: str, code: int = 0) -> list[str]:
        done = CliRunner().invoke(app, ["logs", *words])
        assert done.exit_code == code, done.output
        return done.output.splitlines()

    return run


def test_lines_are_shown_for_a_person(told):
    assert told("web") == [
        "web        2026-11-24 13:00:00 INFO engine.x: Decided (instance " + ONE + ", element Decide)",
        "web        2026-11-24 13:00:03 WARNING engine.x: Careful (instance another)",
        "web        Traceback (most recent call last):",
    ]
    assert told("web", "-n", "1") == ["web        Traceback (most recent call last):"]


def test_what_was_logged_for_an_instance_comes_from_all_processes_in_the_order_of_time(told):
    found = told("--instance", ONE)
    assert [each[:6].strip() for each in found if each.startswith(("web", "worker"))] == ["web", "web", "worker"]
    assert "Long ago" in found[0]
    assert found[-1] == "  x"
    assert not any("another" in each for each in found)


def test_lines_below_a_level_are_left_out(told):
    found = "\n".join(told("--level", "warning"))
    assert "Decided" not in found
    assert "Careful" in found
    assert "It failed" in found
    assert "Traceback (most recent call last)" in found  # nobody gave it a level
    assert "none of debug" in " ".join(told("--level", "loud", code=2))


def test_programs_get_objects(told):
    found = [json.loads(each) for each in told("--json")]
    assert {each["log"] for each in found} == {"web", "worker"}
    assert {"log": "web", "message": "Traceback (most recent call last):"} in found


def test_a_log_that_is_not_there_is_named_with_those_that_are(told):
    assert "log-unknown" in " ".join(told("nonsense", code=1))
