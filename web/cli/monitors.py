"""`gatewright monitor`: what looks at models in production, what it saw, and the bounds that it holds them to."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from web.cli.acting import As, Json
from web.cli.monitor import app

Id = Annotated[UUID, typer.Argument(metavar="MONITOR", help="The monitor's id.")]


@app.command(name="list")
def list_(
    model: Annotated[str, typer.Option(help="Monitors of this model alone.")] = "",
    json_: Json = False,
    as_: As = "",
) -> None:
    """List the monitors: running before stopped, then the worst first."""
    from engine.monitoring import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "monitor.view") as (session, _):
        found = queries.monitors(session, model=model or None, limit=1000).items
    output.rows(
        [{**plain(each.monitor), "open_findings": each.open_findings, "lead": each.lead} for each in found],
        ["id", "model", "environment", "state", "verdict", "open_findings", "lead", "timing", "last_due_at"],
        as_json=json_,
        empty="No monitor yet: a deployment starts one.",
    )


@app.command()
def show(monitor: Id, json_: Json = False, as_: As = "") -> None:
    """Show one monitor's last run: each reading with its interval, its bounds and its state."""
    from engine.monitoring import monitors, queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "monitor.view") as (session, _):
        found = plain(monitors.get(session, monitor))
        run = queries.last_run(session, monitor)
    if json_:
        output.facts({"monitor": found, "run": plain(run)}, as_json=True)
        return
    output.facts(found, as_json=False)
    output.rows(
        list(map(dict, run.readings)) if run else [],
        ["dimension", "measure", "metric", "subject", "state", "value", "low", "high", "warn", "breach", "rows"],
        as_json=False,
        empty="It has measured nothing yet.",
    )


@app.command()
def runs(
    monitor: Id,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    json_: Json = False,
    as_: As = "",
) -> None:
    """List a monitor's runs, measured and missed, the newest first."""
    from engine.monitoring import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "monitor.view") as (session, _):
        found = queries.runs(session, monitor, limit=limit).items
    output.rows(
        [plain(each) for each in found],
        ["due_at", "state", "version", "verdict", "statistical", "technical", "business", "rows", "detail"],
        as_json=json_,
        empty="It has not run yet.",
    )


@app.command()
def run(monitor: Id, as_: As = "") -> None:
    """Start a run out of turn, of the window that ends now."""
    from engine.handlers import monitoring
    from web.cli import acting

    with acting.acting(as_, "monitor run") as (store, person):
        typer.echo(str(monitoring.run_now(store, person, monitor)))


@app.command()
def edit(
    monitor: Id,
    timing: Annotated[str, typer.Option(help="Cron (`0 * * * *`) or an ISO 8601 repeating interval.")] = "",
    timezone: Annotated[str, typer.Option(help="The zone of the timing.")] = "",
    window: Annotated[str, typer.Option(help="How much event time a run looks at: P7D, PT1H.")] = "",
    ends: Annotated[str, typer.Option(help="due, or newest.")] = "",
    missed: Annotated[str, typer.Option(help="run_all, run_once or skip.")] = "",
    floor: Annotated[int, typer.Option(help="Rows under which nothing is said; 0 leaves it.")] = 0,
    batch_rows: Annotated[int, typer.Option(help="Judge after so many rows; 0 switches it off.")] = -1,
    batch_seconds: Annotated[int, typer.Option(help="The same after so many seconds.")] = -1,
    as_: As = "",
) -> None:
    """Give a monitor another timing or window; its schedule follows."""
    from engine.handlers import monitoring
    from engine.store import transaction
    from web.cli import acting

    given = {
        "timing": timing, "timezone": timezone, "window": window, "ends": ends, "missed": missed, "floor": floor,
    }  # fmt: skip
    batches = {"batch_rows": batch_rows, "batch_seconds": batch_seconds}
    changes = {name: value for name, value in given.items() if value}
    changes |= {name: value for name, value in batches.items() if value >= 0}
    with acting.acting(as_, "monitor edit") as (store, person), transaction(store) as session:
        monitoring.edit(session, person, monitor, changes)


@app.command()
def findings(
    model: Annotated[str, typer.Option(help="Findings of this model alone.")] = "",
    closed: Annotated[bool, typer.Option("--closed", help="Those that are over, too.")] = False,
    json_: Json = False,
    as_: As = "",
) -> None:
    """List what is beyond a bound or silent, the worst first."""
    from engine.monitoring import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "monitor.view") as (session, _):
        found = queries.findings(session, model=model or None, is_open=None if closed else True, limit=1000).items
    output.rows(
        [plain(each) for each in found],
        ["id", "model", "state", "dimension", "metric", "subject", "cause", "value", "first_seen", "closed_at"],
        as_json=json_,
        empty="Nothing is found.",
    )


@app.command()
def propose(
    model: Annotated[str, typer.Argument(help="The model's id.")],
    metric: Annotated[str, typer.Argument(help="The metric, such as psi.")],
    warn: Annotated[float, typer.Option(help="From where on it warns.")],
    breach: Annotated[float, typer.Option(help="From where on it is a breach.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    subject: Annotated[str, typer.Option(help="A column, group or rule; all of them where it is left out.")] = "",
    as_: As = "",
) -> None:
    """Propose bounds of a metric; another person approves them. Prints the proposal's id."""
    from engine.monitoring import thresholds
    from engine.store import transaction
    from web.cli import acting

    with acting.acting(as_, "monitor propose") as (store, person), transaction(store) as session:
        made = thresholds.propose(
            session, person, model, metric, warn=warn, breach=breach, reason=reason, subject=subject
        )
    typer.echo(str(made.id))


@app.command()
def approve(
    proposal: Annotated[UUID, typer.Argument(help="The proposal's id.")],
    comment: Annotated[str, typer.Option(help="A word on it.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Turn it down instead.")] = False,
    as_: As = "",
) -> None:
    """Put proposed bounds in force, or turn them down; never one's own."""
    from engine.monitoring import thresholds
    from engine.store import transaction
    from web.cli import acting

    with acting.acting(as_, "monitor approve") as (store, person), transaction(store) as session:
        (thresholds.reject if reject else thresholds.approve)(session, person, proposal, comment=comment)
