"""A command that fails says in one line what, where and what to do, and its exit code is honest."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from engine.store.postgres import default_folder
from tests.cli.commands import gatewright, run


@pytest.mark.parametrize(
    "words",
    ["model list", "audit verify", "db url"],
)
def test_without_a_database_a_command_names_the_way_to_one(words: str, tmp_path: Path) -> None:
    """Nothing starts a database by itself but `up`."""
    said = gatewright(*words.split(), data=tmp_path / "data", code=1)
    assert said.startswith("[database-missing] No database was made yet in "), said
    assert "gatewright up" in said
    assert said.count("\n") == 1
    assert not default_folder(tmp_path / "data").exists()


def test_status_of_a_house_that_does_not_run(tmp_path: Path) -> None:
    """It still tells where everything would be; the exit code is 3, as of a service that is not running."""
    told = json.loads(gatewright("status", "--json", data=tmp_path / "data", code=3))
    assert told["state"] == "not running"
    assert told["data"] == str(tmp_path / "data")
    assert told["logs"] == str(tmp_path / "data" / "logs")
    assert told["database"]["place"] == str(default_folder(tmp_path / "data"))


def test_stopping_what_does_not_run(tmp_path: Path) -> None:
    """Is refused in words."""
    assert gatewright("stop", data=tmp_path / "data", code=1).startswith("[house-not-running]")


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path) -> None:
    """And nothing is left behind but the words."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = gatewright("up", data=tmp_path / "data", code=1, GATEWRIGHT_WEB_PORT=port)
    assert said.startswith(f"[port-taken] The pages cannot listen at 127.0.0.1, port {port}")
    assert "GATEWRIGHT_WEB_PORT" in said
    assert not (tmp_path / "data").exists()


def test_reset_deletes_nothing_that_does_not_look_like_ours(tmp_path: Path) -> None:
    """A wrong GATEWRIGHT_DATA_DIR must not cost somebody their folder."""
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter-1").write_text("It was a dark night.")
    assert "does not look like a data folder" in gatewright("reset", "--yes", data=other, code=1)
    assert (other / "chapter-1").exists()


def test_reset_asks_and_takes_no_for_an_answer(tmp_path: Path) -> None:
    """It names what it would delete; without a yes nothing goes."""
    data = tmp_path / "data"
    (data / "run").mkdir(parents=True)
    done = run("reset", data=data)
    assert str(data) in done.stdout
    assert done.returncode == 1
    assert data.exists()
    assert "Deleted." in gatewright("reset", "--yes", data=data)
    assert not data.exists()
