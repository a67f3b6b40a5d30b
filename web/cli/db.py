"""`gatewright db`: the database itself; for who runs the machine, so nobody is asked for a role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.config import Settings

app = typer.Typer(no_args_is_help=True, help="Migrate, reach, back up and restore the database.")


@app.command()
def upgrade() -> None:
    """Bring the database to the newest revision."""
    from engine.store import addresses, migrations
    from web.supervisor import preparation

    with _reachable() as settings:
        preparation.migrate(settings, lambda kind, what: typer.echo(what))
        typer.echo(f"The database is at {migrations.current(addresses.of(settings).owner)}.")


@app.command()
def url(
    role: Annotated[str, typer.Option(help="application, owner, eraser or admin (embedded only).")] = "application",
) -> None:
    """Print how to reach the database, password included."""
    from engine.config import Settings
    from engine.store import addresses
    from engine.store.postgres import ROLES, EmbeddedPostgres

    settings = Settings.load()
    if role not in ROLES:
        raise typer.BadParameter(f"{role} is none of {', '.join(ROLES)}", param_hint="--role")
    if settings.database_url is None:
        typer.echo(EmbeddedPostgres.of(settings).url(role))
    elif role in ("application", "owner"):
        places = addresses.of(settings)
        typer.echo(addresses.for_libpq(places.application if role == "application" else places.owner))
    else:
        raise typer.BadParameter("an external database names its own", param_hint="--role")


@app.command()
def backup(folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")]) -> None:
    """Write database, files and checkpoints into a folder, while the house runs or not."""
    from engine.store import backup as backups

    with _reachable() as settings:
        made = backups.backup(settings, folder)
    typer.echo(f"{made.folder}: the database at {made.revision}, {made.files} files")


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="What `db backup` wrote.", exists=True, file_okay=False)],
) -> None:
    """Bring back what `db backup` wrote, into an empty database."""
    from engine import audit
    from engine.store import backup as backups
    from engine.store import open_store, transaction

    with _reachable() as settings:
        made = backups.restore(settings, folder)
        store = open_store(settings, application="command")
        with transaction(store) as session:
            audit.record(
                session,
                "system",
                "database.restored",
                actor="system",
                made_at=made.made_at.isoformat(),
                revision=made.revision,
                dump=made.dump_digest,
            )
        store.close()
    typer.echo(f"Restored {made.folder}, made {made.made_at:%Y-%m-%d %H:%M} UTC: {made.files} files")


@app.command()
def retention() -> None:
    """Tell what retention would drop now, and what it has dropped; change nothing."""
    from engine.inferences import retention as months
    from engine.monitoring import retention as runs
    from engine.store import open_store, transaction

    with _reachable() as settings:
        store = open_store(settings, application="command")
        try:
            with transaction(store) as session:
                due, dropped = months.due(session, settings.inferences_kept_days), months.dropped(session)
                old = runs.due(session, settings.monitor_runs_kept_days)
        finally:
            store.close()
    typer.echo(f"Inferences are kept for {_days(settings.inferences_kept_days)}.")
    for each in due:
        typer.echo(f"{each.month:%Y-%m} would go: {each.rows} rows, {each.labels} labels; what was counted stays.")
    typer.echo(f"Runs of monitors are kept for {_days(settings.monitor_runs_kept_days)}.")
    if old.rows and old.first and old.last:
        typer.echo(f"{old.rows} runs would go, recorded {old.first:%Y-%m-%d} to {old.last:%Y-%m-%d}; findings stay.")
    for each in dropped:
        typer.echo(
            f"{each.month:%Y-%m} went on {each.dropped_at:%Y-%m-%d}: {each.rows} rows, {each.labels} labels,"
            f" sha256 {each.digest}"
        )


def _days(kept: int | None) -> str:
    return "ever" if kept is None else f"{kept} days"


@contextmanager
def _reachable() -> Iterator[Settings]:
    """The settings, with the embedded database started for as long as the command takes where no house runs it."""
    from engine.config import Settings
    from engine.store.postgres import EmbeddedPostgres
    from web.supervisor import HouseNotRunning, ask

    settings = Settings.load()
    if settings.database_url is not None:
        yield settings
        return
    try:
        ask(settings, "status")
    except HouseNotRunning:
        with EmbeddedPostgres.of(settings):
            yield settings
    else:
        yield settings
