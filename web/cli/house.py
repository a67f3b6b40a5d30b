"""The commands that run the house: up, status, logs, stop, reset, and each of its processes alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import GatewrightError
from web.cli.acting import Json
from web.cli.logs import logs

if TYPE_CHECKING:
    from engine.config import Settings

_PANEL = "The house"
_PROCESSES = "Its processes, each alone"


class ResetRefused(GatewrightError):
    """Nothing was deleted: {reason}."""

    code = "reset-refused"
    hint = "End the house with `gatewright stop`, and name the data folder with GATEWRIGHT_DATA_DIR."


def add_to(app: typer.Typer) -> None:
    """Put the commands beside the groups."""
    commands: dict[str, tuple[Callable[..., None], ...]] = {
        _PANEL: (up, status, logs, stop, reset),
        _PROCESSES: (web, worker, clock, scoring),
    }
    for panel, of_panel in commands.items():
        for command in of_panel:
            app.command(rich_help_panel=panel)(command)


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once the house takes work.")] = False,
    host: Annotated[str, typer.Option(help="Where the pages listen; default: GATEWRIGHT_WEB_HOST.")] = "",
    port: Annotated[int | None, typer.Option(min=0, help="The port of pages and API; 0 takes a free one.")] = None,
    scoring_port: Annotated[int | None, typer.Option(min=0, help="The port of scoring; 0 takes a free one.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="PROCESS", help="Leave out web, worker, clock or scoring.")
    ] = None,
) -> None:
    """Start the house: database, pages, worker, clock and scoring; Ctrl-C ends it.

    On an empty database it migrates, publishes the shipped life cycles, and prints the first admin's one-time password.
    """
    from web.supervisor import background, bond, ports

    bond.tie()
    settings = _settings({"web_host": host or None, "web_port": port, "scoring_port": scoring_port})
    if detach:
        _up_in_background(settings, without or [])
        return
    announced = background.announcing()
    _supervise(ports.settled(settings), frozenset(without or []), announced or _Told())


def _supervise(settings: Settings, without: frozenset[str], tell: Any) -> None:
    from web.supervisor import NAMES, Supervisor, commands, preparation

    for name in sorted(without):
        if name not in NAMES:
            raise typer.BadParameter(f"{name} is none of {', '.join(NAMES)}", param_hint="--without")
    children = commands(settings, without=without)
    Supervisor(settings, children, prepare=preparation.prepare, conclude=preparation.conclude, tell=tell).run()


def _up_in_background(settings: Settings, without: list[str]) -> None:
    from web.supervisor import background

    words = [word for name in without for word in ("--without", name)]
    told = _Told(in_background=True)
    for kind, what in background.start(settings, words).events():
        told(kind, what)


class _Told:
    """Prints what the supervisor tells."""

    def __init__(self, *, in_background: bool = False) -> None:
        self._end = "`gatewright stop`" if in_background else "Ctrl-C, or `gatewright stop`,"

    def __call__(self, kind: str, what: Any) -> None:
        if kind == "line":
            typer.echo(what)
        elif kind == "admin":
            typer.echo(f"\nThe first admin: {what['person']}, one-time password: {what['password']}")
            typer.echo("It is shown only now, and has to be changed at the first sign-in.\n")
        elif kind == "ready":
            for each in what["processes"]:
                if each["address"]:
                    typer.echo(f"{each['name']:<8} {each['address']}")
            typer.echo(f"data     {what['data']}\nlogs     {what['logs']}")
            typer.echo(f"{self._end} ends every process.")


def status(json_: Json = False) -> None:
    """Show whether the house runs and is well: its addresses, what each process says of itself, where its data is.

    The exit code is 0 where everything takes work, 3 where no house runs, 1 where something is in trouble.
    """
    from engine.config import Settings
    from web.supervisor import HouseNotRunning, Places, ask

    settings = Settings.load()
    places = Places.of(settings)
    try:
        running: dict[str, Any] | None = ask(settings, "status")
    except HouseNotRunning:
        running = None
    found: dict[str, Any] = {
        "state": running["phase"] if running else "not running",
        "data": str(places.home),
        "logs": str(places.logs),
        "files": settings.files_url or str(settings.home / "files"),
        "database": _database(settings),
    }
    if running:
        found |= {"supervisor": running["pid"], "since": running["since"], "processes": running["processes"]}
    if json_:
        typer.echo(json.dumps(found, indent=2))
    else:
        _print_status(found)
    if not running:
        raise typer.Exit(3)
    if any(each["state"] != "ready" for each in running["processes"]):
        raise typer.Exit(1)


def _breakers(settings: Settings) -> list[str]:
    """The circuit breakers that hold jobs back, each in a few words."""
    from engine.runtime import limiting
    from engine.store import open_store, transaction

    store = open_store(settings, application="command")
    try:
        with transaction(store) as session:
            found = limiting.open_breakers(session)
    finally:
        store.close()
    return [f"{handler}{f' for {each.target}' if each.target else ''}: {each.state}" for handler, each in found]


def _print_status(found: dict[str, Any]) -> None:
    from web.cli import output

    database = found["database"]
    shown = ("state", "since", "data", "logs", "files")
    plain: dict[str, Any] = {name: found[name] for name in shown if name in found}
    breakers = database.pop("breakers", [])
    output.facts({**plain, **{f"database {name}": value for name, value in database.items()}}, as_json=False)
    for each in breakers:
        typer.echo(f"breaker   {each}")
    for each in found.get("processes", []):
        trouble = f", died {each['deaths']} times (last exit {each['last_exit']})" if each["deaths"] else ""
        role = f", {each['role']}" if each["role"] else ""
        typer.echo(f"{each['name']:<8}  {each['state']}{role}, pid {each['pid']} {each['address']}{trouble}".rstrip())
        for check, said in each["checks"].items():
            if said != "ok":
                typer.echo(f"{'':<8}  {check}: {said}")


def _database(settings: Settings) -> dict[str, Any]:
    """Where the database is, without a password, and whether its roles are kept apart."""
    from urllib.parse import urlsplit

    from engine.store import addresses, open_store
    from engine.store.postgres import EmbeddedPostgres
    from engine.store.roles import roles_state

    if settings.database_url is not None:
        place = urlsplit(settings.database_url.get_secret_value())
        told = {"kind": "external", "place": f"{place.hostname or 'local socket'}:{place.port or 5432}{place.path}"}
    else:
        told = {"kind": "embedded", "place": str(EmbeddedPostgres.of(settings).folder)}
    try:
        addresses.of(settings)
        open_store(settings, application="command").close()
    except GatewrightError as trouble:
        return {**told, "state": trouble.message}
    try:
        return {**told, "state": "answers", "roles": roles_state(settings).line(), "breakers": _breakers(settings)}
    except Exception as trouble:
        return {**told, "state": f"answers, and is not migrated: {' '.join(str(trouble).split())[:120]}"}


def stop(
    seconds: Annotated[float, typer.Option("--wait", help="How long to wait for the end.")] = 90.0,
) -> None:
    """End the house that runs on this data folder, in order, and wait until it has ended."""
    from engine.config import Settings
    from web.supervisor import HouseNotRunning, ask

    settings = Settings.load()
    ask(settings, "stop")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            ask(settings, "status", seconds=2)
        except HouseNotRunning:
            typer.echo("The house has ended.")
            return
        time.sleep(0.2)
    typer.echo(f"The house has not ended within {seconds:.0f} s; its log tells what it waits for.", err=True)
    raise typer.Exit(1)


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the data folder and the embedded database, after naming them and asking."""
    import shutil

    from engine.config import Settings
    from engine.store.postgres import EmbeddedPostgres
    from web.supervisor import HouseNotRunning, Places, ask

    settings = Settings.load()
    try:
        running = ask(settings, "status")
        raise ResetRefused(reason=f"a house runs on {settings.home} (process {running['pid']})")
    except HouseNotRunning:
        pass
    doomed = [settings.home] if settings.home.exists() else []
    if settings.database_url is None and (folder := EmbeddedPostgres.of(settings).folder).exists():
        doomed.append(folder)
    if not doomed:
        typer.echo(f"There is nothing to delete: {settings.home} does not exist.")
        return
    if settings.home.exists() and any(settings.home.iterdir()) and not Places.of(settings).run.is_dir():
        raise ResetRefused(reason=f"{settings.home} does not look like a data folder of Gatewright's")
    typer.echo("This deletes, for good:")
    for path in doomed:
        typer.echo(f"  {path}")
    if settings.database_url is not None or settings.files_url is not None:
        typer.echo("What GATEWRIGHT_DATABASE_URL and GATEWRIGHT_FILES_URL name is left alone.")
    if not yes and not typer.confirm("Delete them?"):
        typer.echo("Nothing was deleted.")
        raise typer.Exit(1)
    for path in doomed:
        shutil.rmtree(path)
    typer.echo("Deleted.")


def web(
    host: Annotated[str, typer.Option(help="Where to listen; default: GATEWRIGHT_WEB_HOST.")] = "",
    port: Annotated[int | None, typer.Option(min=0, help="The port; default: GATEWRIGHT_WEB_PORT.")] = None,
) -> None:
    """Serve pages and API on a database that runs already."""
    from web import running

    running.web(_settings({"web_host": host or None, "web_port": port}))


def worker(
    concurrency: Annotated[
        int, typer.Option(min=0, help="Jobs at a time; default: GATEWRIGHT_WORKER_CONCURRENCY.")
    ] = 0,
) -> None:
    """Run the jobs of service tasks, on a database that runs already."""
    from web import running

    running.worker(_settings({"worker_concurrency": concurrency or None}))


def clock() -> None:
    """Fire timers and schedules, deliver messages, sign checkpoints of the audit log; two of them do no harm."""
    from web import running

    running.clock(_settings({}))


def scoring(
    host: Annotated[str, typer.Option(help="Where to listen; default: GATEWRIGHT_SCORING_HOST.")] = "",
    port: Annotated[int | None, typer.Option(min=0, help="The port; default: GATEWRIGHT_SCORING_PORT.")] = None,
) -> None:
    """Answer scoring requests for what is deployed here."""
    from web import running

    running.scoring(_settings({"scoring_host": host or None, "scoring_port": port}))


def _settings(given: dict[str, Any]) -> Settings:
    """The settings, with what the command line says instead of the environment."""
    from engine.config import Settings

    changed = {name: value for name, value in given.items() if value is not None}
    return Settings.load().model_copy(update=changed)
