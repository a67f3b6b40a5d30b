"""`gatewright handler`: limits and breakers from the shell, as a person who may."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from engine import audit
from engine.config import Settings
from engine.identity import Person, people
from engine.runtime import breakers, lines
from engine.runtime.limits import Breaker
from engine.store import Store, new_id, transaction
from web.cli.main import app

ROOT = Person(id="root", name="root", roles=frozenset({"admin"}))


@pytest.fixture
def shell(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """Runs a command on the test's database, as Ida of IT operations or as somebody else."""
    assert settings.database_url is not None
    monkeypatch.setenv("GATEWRIGHT_DATA_DIR", str(settings.home))
    monkeypatch.setenv("GATEWRIGHT_DATABASE_URL", settings.database_url.get_secret_value())
    with transaction(store) as session:
        people.add(session, ROOT, "ida", name="Ida", roles=["it_operations"])
        people.add(session, ROOT, "eve", name="Eve", roles=["auditor"])

    def run(*words: str, by: str = "ida", code: int = 0) -> str:
        done = CliRunner().invoke(app, ["handler", *words, "--as", by])
        assert done.exit_code == code, done.output
        return done.output

    return run


def listed(shell, name: str) -> dict:
    return next(each for each in json.loads(shell("list", "--json", by="eve")) if each["handler"] == name)


def test_limits_are_set_one_by_one_and_given_back(shell, store):
    assert "deploy_model" in shell("list")
    assert listed(shell, "deploy_model")["breaker"] == "5/30"
    shell("limit", "deploy_model", "--concurrency", "2", "--reason", "a quota")
    shell("limit", "deploy_model", "--rate", "10/60", "--reason", "a quota")
    found = listed(shell, "deploy_model")
    assert (found["concurrency"], found["rate"], found["breaker"]) == (2, "10/60", "5/30")
    shell("limit", "deploy_model", "--concurrency", "none", "--breaker", "none", "--reason", "a larger cluster")
    found = listed(shell, "deploy_model")
    assert (found["concurrency"], found["rate"], found["breaker"]) == (None, "10/60", "")
    shell("unlimit", "deploy_model", "--reason", "as before")
    assert listed(shell, "deploy_model")["declared"] is True
    assert "limit-refused" in shell("limit", "deploy_model", "--rate", "often", "--reason", "a slip", code=1)
    assert "say what shall hold" in shell("limit", "deploy_model", "--reason", "nothing", code=2)
    assert "not-permitted" in shell("unlimit", "deploy_model", "--reason", "why not", by="eve", code=1)
    with transaction(store) as session:
        refused = audit.entries(session, stream="system", act="act.refused")
    assert [each.facts["tried"] for each in refused] == ["limits.forgotten"]


def test_an_open_breaker_is_listed_and_closed(shell, store):
    with transaction(store) as session:
        lines.lock(session, "deploy_model")
        breakers.failed(session, "deploy_model", "production", new_id(), "no answer", Breaker(failures=1))
    assert "production open" in shell("list")
    assert "breaker   deploy_model for production: open" in CliRunner().invoke(app, ["status"]).output
    shell("close", "deploy_model", "--target", "production", "--reason", "restarted")
    assert listed(shell, "deploy_model")["breakers"] == []
    assert "breaker-closed" in shell("close", "deploy_model", "--reason", "again", code=1)
