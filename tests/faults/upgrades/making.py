"""Writes the rows of a house whose instances wait for everything there is, as this version of the code makes them.

    python -m tests.faults.upgrades.making tests/faults/upgrades/revision_NNNN.sql

Run once, before a revision changes the tables or a release the layout of a state; the file then stays as it is. What
an upgrade does to instances under way is tested on it: made by the code of today, it would prove nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from pydantic import SecretStr

from engine.config import Settings
from engine.runtime import delivery, instances, schedules
from engine.store import Store, TestClock, binaries, migrations, open_store, transaction
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres
from tests.bpmn import drawing as d
from tests.conftest import place
from tests.runtime import worlds as w

#: what the rows are of
REVISION = "0009_governance"

_COPIES = (
    '<bpmn:multiInstanceLoopCharacteristics isSequential="{}"><bpmn:loopCardinality>3</bpmn:loopCardinality>'
    "</bpmn:multiInstanceLoopCharacteristics>"
)


#: a form that asks for nothing
_FREE = b'{"schema": {"type": "object", "properties": {"said": {"type": "string"}}}}'


def _straight(name: str, *parts: str, **given: object) -> dict[str, bytes]:
    """Start, these parts in a row, a note, end; all in one lane."""
    ids = [re.search(r'id="([^"]+)"', part)[1] for part in parts]  # type: ignore[index]
    order = ["Start", *ids, "Note", "End"]
    return d.files(
        name,
        d.lanes(risk_manager=tuple(order)),
        d.start(),
        *parts,
        d.service("Note", "note_for_tests", "noted"),
        d.end(),
        d.chain(*order),
        answer__form__json=_FREE,
        **given,  # type: ignore[arg-type]
    )


def _branches() -> dict[str, bytes]:
    """A user task and a timer in parallel, joined; a boundary timer that does not interrupt; a call."""
    ids = ("Start", "Fork", "Decide", "Wait", "Join", "Call", "End", "Late", "Reminded")
    return d.files(
        "branches",
        d.lanes(risk_manager=ids),
        d.start(),
        d.gateway("parallel", "Fork"),
        d.user("Decide", result="decided"),
        d.boundary("Late", "Decide", d.timer("duration", "P3D"), interrupting=False),
        d.end("Reminded"),
        d.catch("Wait", d.timer("duration", "PT1H")),
        d.gateway("parallel", "Join"),
        d.call("Call", "called"),
        d.end(),
        d.chain("Start", "Fork", "Decide", "Join", "Call", "End"),
        d.chain("Fork", "Wait", "Join"),
        d.flow("Late", "Reminded"),
        answer__form__json=_FREE,
    )


def _turns() -> dict[str, bytes]:
    """A loop that uses up the transitions of one transaction."""
    return d.files(
        "turns",
        d.lanes(risk_manager=("Start", "Set", "Merge", "Count", "More", "End")),
        d.start(),
        d.script("Set", "n = 0"),
        d.gateway("exclusive", "Merge"),
        d.script("Count", "n = n + 1"),
        d.gateway("exclusive", "More", default="stop"),
        d.end(),
        d.chain("Start", "Set", "Merge", "Count", "More"),
        d.flow("More", "Merge", "n < 75"),
        d.flow("More", "End", id="stop"),
        answer__form__json=_FREE,
    )


def fill(house: Store, clock: TestClock) -> None:
    """One instance for each thing that an instance waits for, its subject named for it."""
    for files in (
        w.process_p(),
        w.process_p("works", handler="work_for_tests"),
        _straight("waits", d.catch("Wait", d.timer("duration", "PT1H"))),
        _straight("listens", d.catch("Wait", d.message("news", "heard")), declared=d.declared("news")),
        _straight("all_at_once", d.user("Each", body=_COPIES.format("false"), result="answer")),
        _straight("one_by_one", d.user("Each", body=_COPIES.format("true"), result="answer")),
        _straight("called", d.user("Inside", result="inside")),
        _branches(),
        _turns(),
    ):
        w.given_a_published(house, files)

    def start(process: str, subject: str) -> UUID:
        return instances.start(house, w.ADA, process, subject)

    def answer(instance: UUID, element: str) -> None:
        task = next(each for each in w.open_tasks(house, instance) if each.element == element)
        instances.complete(house, w.BEN, task.id, {"said": "yes"})

    done = start("process_p", "finished")
    instances.complete(house, w.BEN, w.open_tasks(house, done)[0].id, {"decision": "approve"})
    answer(start("branches", "inside a call"), "Decide")
    clock.advance(timedelta(hours=1))
    delivery.fire_due_timers(house)
    answer(start("branches", "half of a join"), "Decide")
    start("process_p", "decision")
    instances.suspend(house, w.BEN, start("process_p", "suspended"), "Look at it first.")
    start("waits", "timer")
    start("listens", "message")
    for process in ("all_at_once", "one_by_one"):
        answer(start(process, process.replace("_", " ")), "Each")
    failing = start("works", "incident")
    w.RECORDER.failures["work"] = [w.Broken(how="twice"), w.Broken(how="twice")]
    w.work_off(house)
    clock.advance(timedelta(seconds=2))
    w.work_off(house)
    assert w.detail(house, failing).incidents
    start("works", "job")
    start("turns", "continuation")
    with transaction(house) as session:
        schedules.add(session, w.BEN, "daily", "process_p", "0 6 * * *", subject="schedule", timezone="Europe/Berlin")


def rows_of(url: str) -> str:
    """The rows of a database as INSERT statements."""
    dumped = subprocess.run(
        [
            binaries.installed() / "bin" / "pg_dump",
            "--data-only",
            "--column-inserts",
            "--rows-per-insert=1000",
            "--exclude-table=public.alembic_version",
            "--exclude-table=public.procrastinate_events",  # written by the queue's own triggers
            "--no-comments",
            url,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    kept = (line for line in dumped.splitlines() if line and not line.startswith(("--", "\\", "SET ")))
    return "\n".join(line for line in kept if "set_config" not in line) + "\n"


def main(target: Path) -> None:
    """Write the file."""
    folder = place()
    server, clock = EmbeddedPostgres(folder, durable=False), TestClock()
    server.start()
    try:
        url = server.url("owner")
        migrations.upgrade(url, REVISION, application=APPLICATION, eraser=ERASER)
        with TemporaryDirectory() as data:
            house = open_store(
                Settings(data_dir=Path(data), database_url=SecretStr(server.url())), clock=clock, application="command"
            )
            fill(house, clock)
            house.close()
        target.write_text(
            f"-- the rows of a house at {REVISION}, written by tests.faults.upgrades.making\n{rows_of(url)}"
        )
    finally:
        server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
