"""A house of an earlier revision, with instances under way, is upgraded: each goes on to its end as it was drawn.

Its rows were written by the code of their time (see `upgrades/making.py`), so what changed since is really crossed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from engine import audit
from engine.config import Settings
from engine.runtime import delivery, instances, messages, queries, schedules, wakeups
from engine.store import Store, TestClock, migrations, open_store, transaction
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres
from tests.runtime import worlds as w

FILES = sorted((Path(__file__).parent / "upgrades").glob("revision_*.sql"))


def restored(cluster: EmbeddedPostgres, name: str, file: Path) -> str:
    """The owner's URL of the database, brought to the file's revision and filled with its rows."""
    head, _, rows = file.read_text().partition("\n")
    url = cluster.url("owner", name)
    migrations.upgrade(url, head.split()[7].rstrip(","), application=APPLICATION, eraser=ERASER)
    with psycopg.connect(url) as connection:
        connection.execute(rows.encode())
    return url


def upgraded(settings: Settings) -> str:
    """What `gatewright db upgrade` says."""
    assert settings.database_url is not None
    assert settings.database_owner_url is not None
    done = subprocess.run(
        [sys.executable, "-P", "-m", "web.cli", "db", "upgrade"],
        env={
            **os.environ,
            "GATEWRIGHT_DATA_DIR": str(settings.home),
            "GATEWRIGHT_DATABASE_URL": settings.database_url.get_secret_value(),
            "GATEWRIGHT_DATABASE_OWNER_URL": settings.database_owner_url.get_secret_value(),
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_instances_under_way_go_on_to_their_end_after_an_upgrade(
    file: Path, cluster: EmbeddedPostgres, new_database: Callable[..., str], tmp_path: Path
) -> None:
    name = new_database()
    url = restored(cluster, name, file)
    settings = Settings(
        data_dir=tmp_path / "data",
        database_url=SecretStr(cluster.url("application", name)),
        database_owner_url=SecretStr(url),
    )
    assert f"The database is at {migrations.head()}." in upgraded(settings)
    clock = TestClock(datetime(2026, 1, 5, 10, 0, 5, tzinfo=UTC))
    house = open_store(settings, clock=clock)
    try:
        before = _instances(house)
        assert [state for _, state in before.values()].count("running") == len(before) - 1
        w.RECORDER.calls.clear()
        _let_them_go_on(house, clock, {subject: instance for subject, (instance, _) in before.items()})
        _all_ended_as_drawn(house)
        audit.checkpoint(house)
        report = audit.verify(house)
        assert report.intact, report
    finally:
        wakeups.close()
        house.close()


def _let_them_go_on(house: Store, clock: TestClock, of: dict[str, Any]) -> None:
    instances.resume(house, w.BEN, of["suspended"], "Fine.")
    instances.retry(house, w.BEN, of["incident"])
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "message", {"what": "an upgrade"})
    for hours in (0, 1, 1):
        clock.advance(timedelta(hours=hours))
        _at_rest(house)
    assert w.RECORDER.calls.count("apply") == 4  # two jobs each of the two instances of `works`
    clock.set(datetime(2026, 1, 6, 5, 0, 30, tzinfo=UTC))  # six o'clock in Berlin
    assert schedules.fire_due(house) == 1
    _at_rest(house)


def _at_rest(house: Store) -> None:
    """Workers, clock and people do what there is to do."""
    while (
        w.work_off(house) + delivery.fire_due_timers(house) + delivery.deliver_waiting(house) + _decided(house)
    ):  # fmt: skip
        pass


def _decided(house: Store) -> int:
    with transaction(house) as session:
        waiting = queries.tasks(session, state="open").rows
    for task in waiting:
        answer = {"decision": "approve"} if task.form == "decision.form.json" else {"said": "yes"}
        instances.complete(house, w.BEN, task.id, answer)
    return len(waiting)


def _all_ended_as_drawn(house: Store) -> None:
    for subject, (instance, state) in _instances(house).items():
        found = w.detail(house, instance)
        assert state == "finished", f"{subject} waits for {found.waiting}"
        assert not [each for each in found.incidents if each.closed_at is None], subject
        assert all(step.left_at for step in found.steps), subject
    ways = {subject: _way(house, instance) for subject, (instance, _) in _instances(house).items()}
    once = ["Start", "First", "Decide", "Approved", "Second", "End"]
    for subject in ("finished", "decision", "suspended", "incident", "job", "schedule"):
        assert ways[subject] == once, subject
    assert ways["message"] == ways["timer"] == ["Start", "Wait", "Note", "End"]
    assert sum(element == "Each" for element in ways["all at once"]) >= 3
    assert sum(element == "Count" for element in ways["continuation"]) == 75
    for subject in ("half of a join", "inside a call"):
        assert ways[subject].count("Join") == ways[subject].count("Inside") == 1, subject
        assert "Reminded" not in ways[subject]


def _instances(house: Store) -> dict[str, tuple[Any, str]]:
    with transaction(house) as session:
        rows = queries.instances(session, limit=100).rows
    return {row.subject: (row.id, row.state) for row in rows}


def _way(house: Store, instance: Any) -> list[str]:
    return [step.element for step in w.detail(house, instance).steps if step.outcome == "completed"]
