"""`gatewright handler`: the service tasks at work, their limits and breakers."""

from __future__ import annotations

from typing import Annotated

import typer

from web.cli.acting import As, Json

app = typer.Typer(no_args_is_help=True, help="See what service tasks have to do, limit them, close their breakers.")

Name = Annotated[str, typer.Argument(help="The service task's name.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the audit log.", prompt=True)]


@app.command(name="list")
def list_(json_: Json = False, as_: As = "") -> None:
    """List the handlers that run as jobs: limits, what runs, waits and stands in line, breakers."""
    from engine import handlers
    from engine.runtime import limiting
    from web.cli import acting, output
    from web.plain import plain

    handlers.load()
    with acting.reading(as_, "instance.view") as (session, _):
        found = limiting.overview(session)
    rows = [plain(each) for each in found]
    if not json_:
        for row in rows:
            row["breakers"] = [f"{each['target'] or 'all'} {each['state']}" for each in row["breakers"]]
    columns = ["handler", "concurrency", "rate", "breaker", "running", "waiting", "in_line", "breakers"]
    output.rows(rows, columns, as_json=json_, empty="No handler runs as a job.")


@app.command()
def limit(
    name: Name,
    reason: Reason,
    concurrency: Annotated[str, typer.Option(help="Jobs at a time over all workers; 0 holds all, none lets all.")] = "",
    rate: Annotated[str, typer.Option(help="Starts/seconds, such as 10/60, or none.")] = "",
    breaker: Annotated[str, typer.Option(help="Failures in a row/seconds of pause, such as 5/30, or none.")] = "",
    as_: As = "",
) -> None:
    """Set limits of a handler in place of those it declares; what is left out stays as it is."""
    from engine.runtime import limiting, limits
    from engine.store import transaction
    from web.cli import acting

    read = {"concurrency": limits.concurrency, "rate": limits.rate, "breaker": limits.breaker}
    words = {"concurrency": concurrency, "rate": rate, "breaker": breaker}
    given = {name: read[name](text) for name, text in words.items() if text}
    if not given:
        raise typer.BadParameter("say what shall hold", param_hint="--concurrency, --rate or --breaker")
    with acting.acting(as_, "handler limit") as (store, person):
        with transaction(store) as session:
            now = limiting.limits_of(session, name)
        limiting.set_limits(store, person, name, limiting.changed(now, **given), reason)


@app.command()
def unlimit(name: Name, reason: Reason, as_: As = "") -> None:
    """Have the limits that a handler declares hold again."""
    from engine.runtime import limiting
    from web.cli import acting

    with acting.acting(as_, "handler unlimit") as (store, person):
        limiting.forget_limits(store, person, name, reason)


@app.command()
def close(
    name: Name,
    reason: Reason,
    target: Annotated[str, typer.Option(help="The outside thing, as `handler list` names it.")] = "",
    as_: As = "",
) -> None:
    """Close an open breaker: the jobs that wait in line run again."""
    from engine.runtime import limiting
    from web.cli import acting

    with acting.acting(as_, "handler close") as (store, person):
        limiting.close_breaker(store, person, name, target, reason)
