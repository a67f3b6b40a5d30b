"""The log as a folder that proves itself, with no database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine import audit
from engine.audit import keys
from engine.audit.export import ExportDamaged, ExportFolderTaken, StreamUnknown
from engine.store import Store, transaction


@pytest.fixture
def log(store: Store) -> Store:
    for number in range(4):
        with transaction(store) as session:
            for stream in ("model:credit", "model:fraud", "person:ada", "system"):
                if stream != "model:fraud" or number % 2:
                    audit.record(session, stream, "thing.done", actor="ada", subject="x", number=number)
        audit.checkpoint(store)
    with transaction(store) as session:
        audit.record(session, "system", "thing.done", actor="ada")
    return store


def altered(folder: Path, name: str, line: int, change: Callable[[dict[str, Any]], None]) -> None:
    lines = (folder / name).read_text().splitlines()
    facts = json.loads(lines[line])
    change(facts)
    lines[line] = json.dumps(facts)
    (folder / name).write_text("\n".join(lines) + "\n")


def without(folder: Path, name: str, *gone: int) -> None:
    lines = (folder / name).read_text().splitlines()
    (folder / name).write_text("".join(text + "\n" for n, text in enumerate(lines) if n not in gone))


def named(folder: Path) -> set[tuple[str, str, int | None]]:
    return {(finding.kind, finding.stream, finding.seq) for finding in audit.verify_export(folder).findings}


def test_an_export_proves_itself(log: Store, tmp_path: Path) -> None:
    made = audit.export(log, tmp_path / "out")
    assert (made.rows, made.streams, made.checkpoints) == (15, 4, 4)
    report = audit.verify_export(tmp_path / "out")
    assert report.intact, report.lines()
    assert (report.rows, report.streams, report.checkpoints, report.uncovered) == (15, 4, 4, 1)


def test_it_needs_neither_database_nor_settings(log: Store, tmp_path: Path) -> None:
    audit.export(log, tmp_path / "out")
    program = (
        "import sys, socket\n"
        "def refuse(*_): raise RuntimeError('no network here')\n"
        "socket.socket.connect = refuse\n"
        "from pathlib import Path\nfrom engine import audit\n"
        "print(audit.verify_export(Path(sys.argv[1])).intact)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
    )
    assert told.stdout == "True\n"


def test_a_part_proves_itself_by_the_way_to_each_root(log: Store, tmp_path: Path) -> None:
    made = audit.export(log, tmp_path / "out", streams=["model:fraud"])
    assert (made.rows, made.streams, made.checkpoints) == (2, 1, 4)
    report = audit.verify_export(tmp_path / "out")
    assert report.intact, report.lines()
    assert report.uncovered == 0
    with pytest.raises(StreamUnknown):
        audit.export(log, tmp_path / "other", streams=["model:none"])


def test_an_altered_row_is_named(log: Store, tmp_path: Path) -> None:
    folder = audit.export(log, tmp_path / "out").folder

    def change(row: dict[str, Any]) -> None:
        row["payload"] = row["payload"].replace("ada", "eve")

    altered(folder, "rows.jsonl", 0, change)
    assert named(folder) == {("altered", "model:credit", 1)}


def test_a_removed_row_a_cut_tail_and_a_vanished_stream_are_named(log: Store, tmp_path: Path) -> None:
    folder = audit.export(log, tmp_path / "out").folder
    without(folder, "rows.jsonl", 1, 4, 5, 9)
    assert named(folder) == {
        ("removed", "model:credit", 2),
        ("vanished", "model:fraud", None),
        ("cut", "person:ada", 4),
    }


def test_an_altered_checkpoint_is_named(log: Store, tmp_path: Path) -> None:
    folder = audit.export(log, tmp_path / "out").folder
    altered(folder, "checkpoints.jsonl", 0, lambda line: line.update(signature="00" * 64))
    altered(folder, "checkpoints.jsonl", 1, lambda line: line["heads"][0].update(hash="00" * 32))
    without(folder, "checkpoints.jsonl", 2)
    assert {("checkpoint", "checkpoints", n) for n in (1, 2, 3)} <= named(folder)


def test_a_folder_written_anew_with_another_key_falls_to_who_knows_the_true_one(log: Store, tmp_path: Path) -> None:
    folder = audit.export(log, tmp_path / "out").folder
    (true,) = keys.public(log.settings).values()
    assert audit.verify_export(folder, trusted=true).intact
    false = keys.PublicKey(Ed25519PrivateKey.generate().public_key())
    assert not audit.verify_export(folder, trusted=false).intact
    assert f"signed by key {true.id}" in audit.verify_export(folder).lines()


@pytest.mark.parametrize("content", ["", "not json\n", "[]\n", '{"stream": 3}\n', "\xff"])
@pytest.mark.parametrize("name", ["rows.jsonl", "checkpoints.jsonl"])
def test_damaged_files_are_refused_by_name_or_found_wanting(
    log: Store, tmp_path: Path, name: str, content: str
) -> None:
    folder = audit.export(log, tmp_path / "out").folder
    (folder / name).write_bytes(content.encode("latin-1"))
    if content == "" and name == "rows.jsonl":
        assert not audit.verify_export(folder).intact
    elif content == "":
        report = audit.verify_export(folder)
        assert report.uncovered == report.rows
    else:
        with pytest.raises(ExportDamaged, match=name):
            audit.verify_export(folder)


def test_a_folder_that_holds_something_is_not_written_into(log: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ExportFolderTaken):
        audit.export(log, tmp_path)
