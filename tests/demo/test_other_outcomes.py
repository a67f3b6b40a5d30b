"""The demo tells what happens, not what was meant to: other data, another house, another ending."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.demo.running import command, database_of, surroundings
from web.demo import census

DATA = Path(census.__file__).parent / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder; the database of a demo in it is removed afterwards."""
    yield tmp_path
    shutil.rmtree(database_of(tmp_path), ignore_errors=True)


def test_people_whose_answers_are_shuffled_get_no_model(folder: Path) -> None:
    """Half the labels of 2015 are turned round: the same story ends at the model's own threshold, with exit code 1."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    data = folder / "data"
    shutil.copytree(DATA, data)
    table = parquet.read_table(data / "employment-2015.parquet")
    at = table.schema.get_field_index("employed")
    labels = [value if id % 2 else 1 - value for id, value in zip(*_columns(table, "id", "employed"), strict=True)]
    turned = table.set_column(at, table.schema.field(at), pa.array(labels, table.schema.field(at).type))
    parquet.write_table(turned, data / "employment-2015.parquet")

    done = subprocess.run(
        command("--no-serve", "--json", "demo.json", "--data", str(data)),
        cwd=folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    report = json.loads((folder / "demo.json").read_text())
    assert done.returncode == 1, done.stdout + done.stderr
    assert report["auc"]["value"] < 0.80
    assert report["scored"] == 0
    assert "Rework the version or withdraw it" in report["failed"]
    assert done.stderr.startswith("[demo-failed]")
    assert done.stderr.count("\n") == 1


@pytest.mark.long
def test_without_the_clock_no_schedule_starts_a_review(folder: Path) -> None:
    """The review is what the clock owes. Short form: the review of the story was started by the clock."""
    done = subprocess.run(
        command("--no-serve", "--without", "clock"),
        cwd=folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 1
    assert "a review that the clock starts was waited for in vain" in done.stderr


@pytest.mark.long
def test_ctrl_c_in_the_middle_ends_every_process(folder: Path) -> None:
    """The exit code is that of an interrupted program. Short form: Ctrl-C while it serves, after the story."""
    process, below = _started(folder)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert _left(below) == []


def test_a_killed_demo_leaves_no_process_behind(folder: Path) -> None:
    """Its house is tied to it."""
    process, below = _started(folder)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while _left(below):
        assert time.monotonic() < deadline, _left(below)
        time.sleep(0.2)


def test_a_folder_that_is_not_the_demos_is_left_alone(folder: Path) -> None:
    """Somebody may have a folder of that name."""
    mine = folder / ".gatewright-demo"
    mine.mkdir()
    (mine / "thesis").write_text("Chapter one")
    done = subprocess.run(
        command("--no-serve"), cwd=folder, env=surroundings(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("[demo-folder]")
    assert (mine / "thesis").read_text() == "Chapter one"


def _columns(table: object, *names: str) -> list[list[int]]:
    return [table.column(name).to_pylist() for name in names]  # type: ignore[attr-defined]


def _started(folder: Path) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A demo whose people have been made, and every process below it."""
    process = subprocess.Popen(
        command("--no-serve"),
        cwd=folder,
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "sets up the environments" in line:
            below = psutil.Process(process.pid).children(recursive=True)
            assert len(below) > 8
            return process, below
    raise AssertionError("".join(said))


def _left(processes: list[psutil.Process]) -> list[str]:
    alive = []
    for each in processes:
        try:
            if each.is_running() and each.status() != psutil.STATUS_ZOMBIE:
                alive.append(f"{each.pid} {' '.join(each.cmdline())[:100]}")
        except psutil.NoSuchProcess:
            continue
    return alive
