"""Batches and dropped files: every row scored once, logged once, or the whole file refused by name."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest
from sqlalchemy import select

from engine import events
from engine.identity import NotPermitted, Person
from engine.inferences.tables import InferenceRow
from engine.inventory import completeness
from engine.inventory import queries as inventory
from engine.inventory.references import VersionRef
from engine.serving import batch, batch_rows, batches, drops, exchange
from engine.serving.batch import Batch
from engine.serving.deployment import Deployment
from engine.serving.exchange import PlaceRefused
from engine.serving.runner import Runner
from engine.store import Store, TestClock, new_id, transaction
from engine.training import remotes
from tests.serving.api import Api
from tests.serving.house import (
    ADA,
    ROOT,
    Scoring,
    classifier,
    given_a_classifier,
    given_a_remote,
    given_a_token,
    given_an_environment,
    given_rules,
    parquet,
    when_it_goes_live,
    when_it_is_requested,
    when_it_is_retired,
)


def given_live_rules(store: Store, target: str = "batch") -> Deployment:
    given_an_environment(store, target=target)
    (version,) = given_rules(store)
    deployment = when_it_goes_live(store, when_it_is_requested(store, version))
    drops.lay_out(store.settings, deployment)
    return deployment


def given_a_batch(store: Store, content: bytes, **given: Any) -> Batch:
    asked = {"model": "credit", "environment": "production", "name": "rows.parquet", **given}
    with transaction(store) as session:
        return batches.request(session, ADA, source=store.files.put(content), **asked)


def now_is(store: Store, found: Batch) -> Batch:
    with transaction(store) as session:
        return batches.get(session, found.id)


def answers(store: Store, found: Batch) -> dict[str, list[Any]]:
    assert found.result is not None, found
    return pyarrow.parquet.read_table(io.BytesIO(store.files.read(found.result))).to_pydict()


def logged(store: Store) -> Sequence[InferenceRow]:
    with transaction(store) as session:
        rows = session.scalars(select(InferenceRow).order_by(InferenceRow.id)).all()
        session.expunge_all()
    return rows


def test_r16_batch_file_drop_and_rest_give_identical_outputs(store: Store, scoring: Callable[..., Scoring]) -> None:
    """One form of the model for all: the same bits, the same decisions, each row logged with the same input."""
    secret = given_a_token(store, ["score:employed:rest"])
    version = given_a_classifier(store)
    for position, (name, target) in enumerate([("rest", "local"), ("batches", "batch"), ("drops", "file_drop")]):
        given_an_environment(store, name, target=target, position=position)
        deployment = when_it_goes_live(store, when_it_is_requested(store, version, name))
    columns = classifier()[1]
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    service = scoring(secret)
    answer = service.until_status("/environments/rest/models/employed/score", rows, 200).json()["rows"]

    (drops.lay_out(store.settings, deployment) / "people.parquet").write_bytes(parquet(rows))
    asked = given_a_batch(store, parquet(rows), model="employed", environment="batches", place="results/out.parquet")
    Runner(store, quiet_seconds=0).look()
    of_batch = answers(store, now_is(store, asked))
    assert pyarrow.parquet.read_table(store.settings.exchange / "results/out.parquet").to_pydict() == of_batch
    (beside,) = drops.folder(store.settings, "drops", "employed").glob("done/*.scores.parquet")
    of_drop = pyarrow.parquet.read_table(beside).to_pydict()

    for column in ("score", "decision"):
        assert of_batch[column] == of_drop[column] == [row[column] for row in answer]
    assert service.end() == 0
    by_environment: dict[str, list[Any]] = {"rest": [], "batches": [], "drops": []}
    for each in logged(store):
        by_environment[each.environment].append((each.input, each.score, each.decision, each.version))
    assert len(by_environment["rest"]) == 50
    assert by_environment["rest"] == by_environment["batches"] == by_environment["drops"]


def test_a_batch_of_many_parts_is_logged_row_by_row_with_the_ids_of_its_result(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_rows, "ROWS_PER_PART", 7)
    monkeypatch.setattr(batch_rows, "ROWS_PER_CALL", 3)
    given_live_rules(store)
    moment = datetime(2016, 7, 1, tzinfo=UTC)
    rows = [{"age": n, "reference": f"order {n}", "event_time": moment} for n in range(40)]
    asked = given_a_batch(store, parquet(rows))
    Runner(store).look()
    found = now_is(store, asked)
    assert (found.state, found.rows, len(found.parts)) == ("done", 40, 6)
    told = answers(store, found)
    assert told["row"] == list(range(40))
    assert told["decision"] == ["refuse"] * 18 + ["grant"] * 22
    assert told["reasons"][0] == ["young", "rule young"]
    rows_logged = logged(store)
    assert [str(each.id) for each in rows_logged] == told["id"]
    assert [each.caller_reference for each in rows_logged] == [f"order {n}" for n in range(40)]
    assert {(each.event_time, each.caller) for each in rows_logged} == {(moment, "ada")}
    assert [each.input for each in rows_logged] == [{"age": n} for n in range(40)]


def test_a_text_file_is_read_as_the_schema_says(store: Store) -> None:
    given_live_rules(store)
    asked = given_a_batch(store, b"age,job,reference\n17,007,a\n30,,12\n", name="rows.csv")
    Runner(store).look()
    assert answers(store, now_is(store, asked))["reference"] == ["a", "12"]
    assert [each.input for each in logged(store)] == [{"age": 17, "job": "007"}, {"age": 30, "job": None}]


@pytest.mark.parametrize(
    ("content", "code", "names"),
    [
        (parquet([{"age": 3}, {"age": -1}]), "input-invalid", "Row 1, field age: -1 is below 0"),
        (parquet([{"job": "cook"}]), "input-invalid", "field age: is missing"),
        (parquet([{"age": 3, "colour": "red"}]), "input-invalid", "field colour"),
        (b"age,job\nold,cook\n", "table-refused", "old"),
        (parquet([{"age": 3, "event_time": "2016-01-01T00:00:00"}]), "batch-malformed", "event time of row 0"),
        (b"PAR1 but no more of it", "table-refused", "rows.parquet"),
        (b"", "table-refused", "rows.parquet"),
        (b"age\n", "rows-missing", "rows.parquet"),
    ],
)
def test_a_fault_refuses_the_whole_file_by_name_and_at_once(
    store: Store, content: bytes, code: str, names: str
) -> None:
    given_live_rules(store)
    asked = given_a_batch(store, content)
    Runner(store).look()
    found = now_is(store, asked)
    assert (found.state, found.attempts, found.result) == ("failed", 1, None)
    assert found.problem is not None
    assert found.problem["code"] == code
    assert names in found.problem["message"]
    assert logged(store) == []


def test_the_same_key_is_the_same_batch(store: Store) -> None:
    given_live_rules(store)
    once = given_a_batch(store, parquet([{"age": 3}]), key="a")
    assert given_a_batch(store, parquet([{"age": 3}]), key="a").id == once.id
    assert given_a_batch(store, parquet([{"age": 3}]), key="b").id != once.id


def test_only_who_may_score_asks_for_a_batch_and_only_where_something_answers(store: Store) -> None:
    given_live_rules(store)
    auditor = Person(id="uma", name="Uma", roles=frozenset({"auditor"}))
    with transaction(store) as session, pytest.raises(NotPermitted):
        batches.request(session, auditor, model="credit", environment="production", source="0" * 64, name="x")
    given_an_environment(store, "test", position=1)
    with pytest.raises(batches.NoBatchHere, match="credit answers nowhere in test"):
        given_a_batch(store, b"", environment="test")
    waits = given_a_batch(store, parquet([{"age": 3}]))
    when_it_is_retired(store)
    Runner(store).look()
    problem = now_is(store, waits).problem
    assert problem is not None
    assert problem["code"] == "deployments-ended"


@pytest.mark.parametrize("place", ["/etc/passwd", "../out", "a/../../b", ".hidden", "", "a\0b", "x" * 500])
def test_a_result_lies_below_the_exchange_folder_or_nowhere(place: str) -> None:
    with pytest.raises(PlaceRefused):
        exchange.named(place)


def test_a_link_out_of_the_exchange_folder_leads_nowhere_and_the_batch_says_so(
    store: Store, clock: TestClock, tmp_path: Path
) -> None:
    given_live_rules(store)
    (store.settings.exchange / "results").symlink_to(tmp_path)
    asked = given_a_batch(store, parquet([{"age": 3}]), place="results/out.parquet")
    Runner(store).look()
    found = now_is(store, asked)
    assert found.state == "scored"
    assert found.problem is not None
    assert found.problem["code"] == "place-refused"
    assert not (tmp_path / "out.parquet").exists()
    (store.settings.exchange / "results").unlink()
    clock.advance(timedelta(seconds=60))
    Runner(store).look()
    assert now_is(store, asked).state == "done"
    assert len(logged(store)) == 1


def test_ids_of_a_batch_are_its_own_ordered_and_the_same_each_time() -> None:
    one, other, at = new_id(), new_id(), datetime(2026, 1, 1, tzinfo=UTC)
    ids = [batch.inference_id(one, at, n) for n in (0, 1, 1 << 20, (1 << 32) - 1)]
    assert ids == sorted(ids)
    assert {each.version for each in ids} == {7}
    assert ids[0] == batch.inference_id(one, at, 0) != batch.inference_id(other, at, 0)
    assert ids[0].int >> 80 == int(at.timestamp() * 1000)


# --- dropped files


def test_a_dropped_file_is_taken_once_it_is_whole(store: Store) -> None:
    deployment = given_live_rules(store, "file_drop")
    place = drops.lay_out(store.settings, deployment)
    for name in (".hidden.parquet", "half.parquet.part", "half.tmp"):
        (place / name).write_bytes(parquet([{"age": 3}]))
    (place / "fresh.parquet").write_bytes(parquet([{"age": 3}]))
    (place / "old.parquet").write_bytes(parquet([{"age": 3}]))
    os.utime(place / "old.parquet", (1e9, 1e9))
    Runner(store, quiet_seconds=3600).look()
    assert sorted(each.name for each in place.iterdir()) == [
        ".hidden.parquet",
        "fresh.parquet",
        "half.parquet.part",
        "half.tmp",
    ]
    done = sorted(each.name for each in (place.parent / "done").iterdir())
    assert [name.partition("-")[0] for name in done] == ["old", "old"]
    assert len(logged(store)) == 1


def test_a_bad_file_is_put_aside_with_its_reason_and_the_others_go_on(store: Store, tmp_path: Path) -> None:
    deployment = given_live_rules(store, "file_drop")
    place = drops.lay_out(store.settings, deployment)
    (tmp_path / "secret").write_text("age\n3\n")
    (place / "bad.parquet").write_bytes(parquet([{"age": -3}, {"age": 4}]))
    (place / "link.csv").symlink_to(tmp_path / "secret")
    os.mkfifo(place / "pipe.csv")
    (place / "good.csv").write_text("age\n30\n")
    Runner(store, quiet_seconds=0).look()
    assert list(place.iterdir()) == []
    reasons = {each.name.partition("-")[0]: json.loads(each.read_text()) for each in place.parent.glob("failed/*.json")}
    assert {name: reason["code"] for name, reason in reasons.items()} == {
        "bad": "input-invalid",
        "link": "file-not-taken",
        "pipe": "file-not-taken",
    }
    assert reasons["bad"]["faults"] == ["row 0, field age: -3 is below 0"]
    assert (tmp_path / "secret").exists()
    assert [each.input["age"] for each in logged(store)] == [30]


KILLED = """
import os, sys
from engine.config import Settings
from engine.serving import batch_rows, batches, drops, exchange
from engine.serving.runner import Runner
from engine.store import open_store

batch_rows.ROWS_PER_PART, batch_rows.ROWS_PER_CALL = 5, 2
left = int(sys.argv[1])

def killing(act):
    def acted(*given, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        return act(*given, **named)
    return acted

# Before and behind each step that writes something down.
for room, name in ((exchange, "keep"), (batches, "take"), (batches, "claim"), (batches, "scored"), (batches, "logged"),
                   (batches, "done"), (exchange, "write"), (drops, "_lay_beside")):
    setattr(room, name, killing(getattr(room, name)))
store = open_store(Settings.load(), application="worker")
Runner(store, claim_seconds=0.0, quiet_seconds=0).look()
"""


def until_it_lives(store: Store, deaths: list[int]) -> int:
    """Run a runner that is killed at each of these steps, then one that is not; returns how many were killed."""
    assert store.settings.database_url is not None
    environment = os.environ | {
        "GATEWRIGHT_DATA_DIR": str(store.settings.home),
        "GATEWRIGHT_DATABASE_URL": store.settings.database_url.get_secret_value(),
    }
    codes = [
        subprocess.run([sys.executable, "-c", KILLED, str(step)], cwd=ROOT, env=environment, timeout=60).returncode
        for step in [*deaths, 0]
    ]
    assert codes[-1] == 0
    return codes.count(-signal.SIGKILL)


def random_deaths(n: int) -> list[int]:
    dice = random.Random(5)
    return [dice.randint(1, 12) for _ in range(n)]


@pytest.mark.parametrize(
    ("files", "deaths"), [(1, [4, 4, 3, 5]), pytest.param(20, random_deaths(60), marks=pytest.mark.long)]
)
def test_nothing_is_lost_or_done_twice_over_kill_9(store: Store, files: int, deaths: list[int]) -> None:
    """A runner is killed at step after step; each row is in the log once, under the id that the result tells."""
    deployment = given_live_rules(store, "file_drop")
    place = drops.lay_out(store.settings, deployment)
    for file in range(files):
        rows = [{"age": n, "reference": f"{file}-{n}"} for n in range(12)]
        (place / f"rows{file}.parquet").write_bytes(parquet(rows))
    assert until_it_lives(store, deaths) == len(deaths)
    assert list(place.iterdir()) == []
    told: dict[str, str] = {}
    for result in (place.parent / "done").glob("rows*.scores.parquet"):
        table = pyarrow.parquet.read_table(result).to_pydict()
        told |= dict(zip(table["id"], table["reference"], strict=True))
    assert {str(each.id): each.caller_reference for each in logged(store)} == told
    assert sorted(told.values()) == sorted(f"{file}-{n}" for file in range(files) for n in range(12))


def test_two_runners_share_what_there_is_and_do_nothing_twice(store: Store) -> None:
    given_live_rules(store)
    asked = [given_a_batch(store, parquet([{"age": n}] * 3)) for n in range(4)]
    runners = [Runner(store), Runner(store)]
    for each in runners:
        each.start()
    ends = time.monotonic() + 30
    while any(now_is(store, each).state != "done" for each in asked):
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert all(each.stop() for each in runners)
    assert len(logged(store)) == 12


# --- a model behind somebody else's API


def test_r23_a_tool_that_dies_is_asked_again_then_a_failure_by_name_and_no_row_is_lost(
    store: Store, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real server dies between two requests of a batch: three attempts, each with its own, then `failed`, told."""
    monkeypatch.setattr(remotes, "FIRST_PAUSE_SECONDS", 0.0)
    store = dataclasses.replace(store, settings=store.settings.model_copy(update={"remote_hosts": ("127.0.0.1",)}))
    with Api(lambda row: 0.1) as api:
        version = given_a_remote(store, api.address, attempts=2, rows_per_request=2, timeout_seconds=1)
        given_an_environment(store, target="http")
        when_it_goes_live(store, when_it_is_requested(store, version))
        content = parquet([{"age": n} for n in range(4)])
        served = given_a_batch(store, content)
        Runner(store).look()
        assert (now_is(store, served).state, len(logged(store))) == ("done", 4)
        port = api.port
    asked = given_a_batch(store, content, key="while it is dead")
    states = []
    for _ in range(batches.ATTEMPTS):
        Runner(store).look()
        states.append(now_is(store, asked).state)
        clock.advance(timedelta(minutes=1))
    assert states == ["waiting", "waiting", "failed"]
    problem = now_is(store, asked).problem
    assert problem is not None
    assert problem["code"] == "remote-away"
    with transaction(store) as session:
        told = [(each.name, each.facts["code"]) for each in events.pending(session, 50) if each.name == "batch.failed"]
    assert told == [("batch.failed", "remote-away")]
    assert len(logged(store)) == 4
    with Api(lambda row: 0.9, port):
        again = given_a_batch(store, content, key="it is back")
        Runner(store).look()
        assert answers(store, now_is(store, again))["decision"] == ["grant"] * 4


def test_r1_a_model_reached_by_api_only_stands_in_the_inventory_beside_the_others(store: Store) -> None:
    given_rules(store, model="rules-here")
    given_a_remote(store, "https://api.vendor.example/score", model="vendor")
    with transaction(store) as session:
        found = inventory.models(session).items
        gaps = {gap.name for gap in completeness.score(session, VersionRef("vendor", 1)).gaps}
    assert {(each.model.id, each.model.kind, each.model.owner) for each in found} == {
        ("rules-here", "rules", "ada"),
        ("vendor", "remote", "ada"),
    }
    assert "training_data" not in gaps
    assert "documentation" in gaps
