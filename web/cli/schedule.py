"""`gatewright schedule`: life cycles that start by themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from web.cli.acting import As, Json
from web.cli.process import json_object

app = typer.Typer(no_args_is_help=True, help="Have life cycles started by the clock.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name of its own.")],
    process: Annotated[str, typer.Argument(help="The life cycle to start.")],
    timing: Annotated[str, typer.Argument(help="Cron (`0 6 * * 1`) or an ISO 8601 repeating interval (`R/PT1H`).")],
    subject: Annotated[str, typer.Option(help="What it is about: a model's id.")] = "",
    answer: Annotated[str, typer.Option(metavar="JSON", help="The answer to the start form.")] = "{}",
    timezone: Annotated[str, typer.Option(help="The zone of the timing.")] = "UTC",
    missed: Annotated[str, typer.Option(help="What was missed: run_once, run_all or skip.")] = "run_once",
    as_: As = "",
) -> None:
    """Add a schedule."""
    from engine.runtime import schedules
    from engine.store import transaction
    from web.cli import acting

    with acting.acting(as_, "schedule add") as (store, person), transaction(store) as session:
        schedules.add(
            session,
            person,
            name,
            process,
            timing,
            subject=subject,
            variables=json_object(answer),
            timezone=timezone,
            missed=missed,
        )


@app.command(name="list")
def list_(json_: Json = False, as_: As = "") -> None:
    """List the schedules, each with its last run."""
    from engine.runtime import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "schedule.view") as (session, _):
        found = queries.schedules(session).rows
    output.rows(
        [plain(each) for each in found],
        ["name", "process", "subject", "timing", "timezone", "paused", "next_due_at", "last_outcome"],
        as_json=json_,
        empty="No schedule yet.",
    )


@app.command()
def pause(
    name: Annotated[str, typer.Argument(help="The schedule's name.")],
    resume: Annotated[bool, typer.Option("--resume", help="Let it fire again instead.")] = False,
    as_: As = "",
) -> None:
    """Stop a schedule from firing, or let it fire again."""
    from engine.runtime import schedules
    from engine.store import transaction
    from web.cli import acting

    with acting.acting(as_, "schedule pause") as (store, person), transaction(store) as session:
        schedules.pause(session, person, name, paused=not resume)
