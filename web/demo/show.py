"""The demo as a command: a house of its own, the story, the summary, and then the house for the visitor."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.config import Settings
from engine.errors import GatewrightError
from engine.store.postgres import EmbeddedPostgres
from web.demo.telling import Telling
from web.supervisor import HouseNotRunning, HouseRunning, Places, ask, background, ports
from web.supervisor.background import Background

FOLDER = ".gatewright-demo"
_PACKAGE = Path(__file__).parent


class FolderNotTheDemos(GatewrightError):
    """{folder} is not a folder that a demo has made."""

    code = "demo-folder"
    hint = "Move it away, or run the demo in another folder."


def run(*, serve: bool | None, report: Path | None, data: Path | None, port: int, without: tuple[str, ...] = ()) -> int:
    """Tell the story; returns the exit code: 0 where everything came about, 1 where it did not, 130 after Ctrl-C."""
    from web.demo.story import Story, StoryFailed

    signal.signal(signal.SIGTERM, _end)
    telling = Telling()
    settings = _settings(port)
    began = time.monotonic()
    try:
        _refuse_running(settings)
        _clear(settings)
        settings = ports.settled(settings, elsewhere=True)
        with _house(settings, telling, without) as (status, admin):
            addresses = {each["name"]: each["address"] for each in status["processes"] if each["address"]}
            # Long enough that a login name such as `bea`, which hexadecimal digits may spell, is no weakness in it.
            password = f"demo-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
            story = Story(settings, addresses, _folder(settings, data), telling)
            failure: GatewrightError | None = None
            try:
                with telling.live():
                    story.tell(admin, password)
                    story.conclude()
            except GatewrightError as stopped:
                failure = stopped
            except OSError as gone:
                failure = StoryFailed(what=f"the house does not answer ({gone})", logs=settings.home / "logs")
            seconds = round(time.monotonic() - began, 1)
            if report is not None:
                report.write_text(json.dumps(_report(story.outcome, seconds, failure), indent=1) + "\n")
            if failure is not None:
                print(" ".join(str(failure).split()), file=sys.stderr)
                return 1
            _summarise(telling, story, seconds)
            if serve if serve is not None else sys.stdout.isatty() and sys.stdin.isatty():
                _serve(telling, story, addresses, admin["person"], password)
            return 0
    except KeyboardInterrupt:
        telling.console.print("\nEnded.")
        return 130


def _end(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _settings(port: int) -> Settings:
    """The environment's settings, but for what makes the demo's house its own."""
    own = {
        "data_dir": Path.cwd() / FOLDER,
        "database_dir": None,
        "database_url": None,
        "database_direct_url": None,
        "database_owner_url": None,
        "files_url": None,
        "web_host": "127.0.0.1",
        "web_port": port,
        "scoring_host": "127.0.0.1",
    }
    return Settings.load().model_copy(update=own)


def _refuse_running(settings: Settings) -> None:
    try:
        running = ask(settings, "status")
    except HouseNotRunning:
        return
    raise HouseRunning(home=settings.home, pid=running["pid"])


def _clear(settings: Settings) -> None:
    """Delete what an earlier demo left; raises FolderNotTheDemos for anybody else's folder."""
    if settings.home.exists() and any(settings.home.iterdir()):
        if not Places.of(settings).run.is_dir():
            raise FolderNotTheDemos(folder=settings.home)
        shutil.rmtree(settings.home)
    folder = EmbeddedPostgres.of(settings).folder
    if folder.exists():
        shutil.rmtree(folder)


def _folder(settings: Settings, data: Path | None) -> Path:
    """A working copy of the recipes, beside the data that they name."""
    folder = settings.home / "demo"
    folder.mkdir(parents=True)
    shutil.copytree(_PACKAGE / "models", folder / "models", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(data or _PACKAGE / "data", folder / "data")
    return folder


@contextmanager
def _house(
    settings: Settings, telling: Telling, without: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """A house that takes work, and its first admin; every process has ended after the block."""
    telling.console.print(f"Data:     {settings.home}\nDatabase: {EmbeddedPostgres.of(settings).folder}")
    running = background.start(settings, [word for name in without for word in ("--without", name)], tied=True)
    try:
        admin: dict[str, str] = {}
        for kind, what in running.events():
            if kind == "admin":
                admin = what
            elif kind == "ready":
                yield what, admin
    finally:
        _stop(settings, running)


def _stop(settings: Settings, running: Background) -> None:
    """End the house in order. Ctrl-C a second time does not leave anything behind: the supervisor is tied to us."""
    running.process.terminate()
    running.process.wait()


def _report(outcome: Any, seconds: float, failure: GatewrightError | None) -> dict[str, Any]:
    found = {
        "steps": outcome.steps,
        "auc": outcome.auc,
        "refused": outcome.refused,
        "scored": outcome.scored,
        "logged": outcome.logged,
        "audit": outcome.audit,
        "reproduced": outcome.reproduced,
        "seconds": seconds,
    }
    return found if failure is None else {**found, "failed": str(failure)}


def _summarise(telling: Telling, story: Any, seconds: float) -> None:
    outcome = story.outcome
    auc = outcome.auc
    decisions = ", ".join(f"{count:,} {name}" for name, count in sorted(outcome.decisions.items()))
    telling.summary(
        [
            ("AUC of model one", f"{auc['value']:.4f} [{auc['low']:.4f}, {auc['high']:.4f}]"),
            ("Refused acts", f"{outcome.refused}, each a row of the log"),
            ("Scored over HTTP", f"{outcome.scored:,} people ({decisions}), p95 {outcome.p95_ms:.0f} ms a request"),
            ("Logged", f"{outcome.logged:,} inferences, each with its id"),
            ("Foretold paths", "taken as foretold" if all(outcome.paths_kept.values()) else "not taken"),
            ("Its monitor", f"2016 healthy, 2017 a breach: {outcome.finding['cause']}"),
            ("Model two", f"retired, answers {outcome.retired_status}"),
            ("Reproduced", f"yes, predictions {outcome.digest[:16]}"),
            ("Audit log", f"{outcome.audit['rows']:,} rows, verified"),
            ("Took", f"{seconds:.0f} s"),
        ]
    )


def _serve(telling: Telling, story: Any, addresses: dict[str, str], admin: str, password: str) -> None:
    """Leave the house to the visitor until Ctrl-C."""
    from web.demo.cast import CAST

    console = telling.console
    console.print(f"\n[bold]Look around:[/] {addresses['web']}")
    console.print(f"Everybody's password is [bold]{password}[/]. Sign in as")
    for each in CAST:
        console.print(f"  [cyan]{each.id:<6}[/] {', '.join(each.roles)}: {each.part}", highlight=False)
    console.print(f"  [cyan]{admin:<6}[/] admin: keeps users and roles")
    console.print(f"An approval waits for mika: {addresses['web']}/tasks/{story.approval}")
    console.print("Ctrl-C ends every process.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("\nThe house ends.")
