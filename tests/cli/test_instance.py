"""`gatewright instance` and `task`, in this process, on the database of the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from engine.config import Settings
from engine.identity import people
from engine.runtime import instances, wakeups
from engine.store import Store, transaction
from tests.runtime import worlds as w
from web.cli.main import app

FOUNDER = w.Person(id="founder", name="Founder", roles=frozenset({"admin"}))


@pytest.fixture
def gatewright(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Runs a command as Ben, who operates and decides; its exit code must be the expected one."""
    w.RECORDER.calls.clear()
    w.RECORDER.failures.clear()
    with transaction(store) as session:
        people.add(session, FOUNDER, "ben", name="Ben", roles=sorted(w.BEN.roles))
    assert settings.database_url is not None
    monkeypatch.setenv("GATEWRIGHT_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("GATEWRIGHT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("GATEWRIGHT_AS", "ben")

    def run(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == code, (words, done.output, done.exception)
        return done

    yield run
    wakeups.close()


def test_an_operator_mends_an_instance_from_the_command_line(store: Store, gatewright: Callable[..., Result]) -> None:
    w.RECORDER.failures["note"] = [w.Broken(how="once")]
    w.given_a_published(store, w.process_p())
    id = str(instances.start(store, w.ADA, "process_p", "credit"))
    (incident,) = w.detail(store, id).incidents
    assert f"[task {incident.task}]" in gatewright("instance", "show", id).stdout
    given = ("instance", "retry", id, "--parameter", 'word="two"')
    gatewright(*given, code=2)
    gatewright(*given, "--task", str(incident.task), code=1)  # without a reason
    gatewright(*given, "--task", str(incident.task), "--reason", "The word was wrong.")
    gatewright("instance", "set", id, "first={'said': 1}", "--reason", "Read anew.", code=2)
    gatewright("instance", "set", id, 'first={"said": "three"}', "n=3", "--reason", "Read anew.")
    found = json.loads(gatewright("instance", "show", id, "--json").stdout)
    assert (found["variables"]["first"], found["variables"]["n"]) == ({"said": "three"}, 3)
    (task,) = w.open_tasks(store, id)
    answer = ("task", "complete", str(task.id), "--answer", '{"decision": "approve"}')
    gatewright(*answer, code=1)  # it was changed, and nobody says what they saw
    shown = json.loads(gatewright("task", "show", str(task.id), "--json").stdout)["shown"]
    gatewright(*answer, "--shown", json.dumps(shown))
    assert w.detail(store, id).instance.state == "finished"


def test_an_operator_holds_resumes_and_ends_an_instance_with_a_reason(
    store: Store, gatewright: Callable[..., Result]
) -> None:
    w.given_a_published(store, w.process_p())
    id = str(instances.start(store, w.ADA, "process_p", "credit"))
    gatewright("instance", "suspend", id, "--reason", " ", code=1)
    gatewright("instance", "suspend", id, "--reason", "To look.")
    assert id in gatewright("instance", "list", "--state", "suspended").stdout
    gatewright("instance", "resume", id, "--reason", "Looked.")
    assert "until it was in hand" in gatewright("instance", "waits", id).stdout
    assert "risk_manager" in gatewright("process", "waits", "process_p", "--version", "1").stdout
    (token,) = json.loads(gatewright("instance", "tokens", id, "--json").stdout)
    gatewright("instance", "move", id, token["task"], "Start", "--reason", "Again.", code=1)
    gatewright("instance", "move", id, token["task"], "Second", "--reason", "Decided by telephone.")
    w.given_a_published(store, w.process_p("other"))
    id = str(instances.start(store, w.ADA, "other", "credit"))
    gatewright("instance", "cancel", id, "--reason", "It is of no use.")
    found = w.detail(store, id).instance
    assert (found.state, found.outcome) == ("cancelled", "It is of no use.")
