"""`gatewright logs`: the lines of every process as a person reads them, by process, level and instance."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import GatewrightError

#: the levels of Python's logging, in order
_LEVELS = ("debug", "info", "warning", "error", "critical")
#: PostgreSQL's, as ours
_OF_THE_DATABASE = {"DEBUG": "debug", "LOG": "info", "INFO": "info", "NOTICE": "info", "WARNING": "warning"} | {
    "ERROR": "error",
    "FATAL": "critical",
    "PANIC": "critical",
}
_OWN = ("time", "level", "process", "logger", "message", "error", "stack")


class LogUnknown(GatewrightError):
    """There is no log {name!r} in {folder}."""

    code = "log-unknown"
    hint = "Name one of these: {known}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a log: an object that a process of ours wrote, or a text from elsewhere."""

    log: str
    text: str
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> int:
        """Its place among the levels; a text without one might be anything, so it passes for the highest."""
        level = str(self.told.get("level", "")).lower()
        if self.log == "database" and (found := re.search(r" ([A-Z]+):  ", self.text)):
            level = _OF_THE_DATABASE.get(found[1], "")
        return _LEVELS.index(level) if level in _LEVELS else len(_LEVELS)

    def about(self, instance: str) -> bool:
        """Whether it was written for this instance, or names it."""
        return self.told.get("instance") == instance or instance in self.text

    def shown(self) -> str:
        """The line for a terminal."""
        if not self.told:
            return f"{self.log:<10} {self.text}"
        told = self.told
        facts = ", ".join(f"{name} {fact}" for name, fact in told.items() if name not in _OWN)
        moment = str(told.get("time", "")).partition("+")[0][:23].replace("T", " ")
        line = f"{moment} {told.get('level', '')} {told.get('logger', '')}: {told.get('message', '')}"
        below = "".join(f"\n{told[name]}" for name in ("error", "stack") if told.get(name))
        return f"{self.log:<10} {line}{f' ({facts})' if facts else ''}{below}"


def logs(
    process: Annotated[
        str, typer.Argument(help="supervisor, web, worker, clock, scoring, database; all if left out")
    ] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines of each; 0 for all.")] = 40,
    instance: Annotated[str, typer.Option(help="Only what was logged for the instance with this id.")] = "",
    level: Annotated[str, typer.Option(help="Only from this level on: debug, info, warning, error, critical.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they are written.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the lines as JSON objects, for programs.")] = False,
) -> None:
    """Print the ends of the logs; with --instance, of all processes together in the order of time."""
    lowest = _lowest(level)
    chosen = _chosen(process)

    def wanted(line: Line) -> bool:
        return line.level >= lowest and (not instance or line.about(instance))

    ends = {name: path.stat().st_size for name, path in chosen.items()}
    found = {
        name: [each for each in _read(name, [_aside(path), path] if instance else [path]) if wanted(each)][-lines:]
        for name, path in chosen.items()
    }
    told = [each for of_one in found.values() for each in of_one]
    for each in sorted(told, key=lambda line: str(line.told.get("time", ""))) if instance else told:
        _print(each, json_)
    while follow:
        time.sleep(0.3)
        for name, path in chosen.items():
            more, ends[name] = _more(path, ends[name])
            for each in filter(wanted, _parsed(name, more)):
                _print(each, json_)


def _lowest(level: str) -> int:
    if level and level.lower() not in _LEVELS:
        raise typer.BadParameter(f"{level} is none of {', '.join(_LEVELS)}", param_hint="--level")
    return _LEVELS.index(level.lower()) if level else 0


def _chosen(process: str) -> dict[str, Path]:
    from engine.config import Settings
    from engine.store.postgres import EmbeddedPostgres
    from web.supervisor import Places

    settings = Settings.load()
    places = Places.of(settings)
    found = {path.stem: path for path in sorted(places.logs.glob("*.log"))}
    if settings.database_url is None and (database := EmbeddedPostgres.of(settings).log).exists():
        found["database"] = database
    if process and process not in found:
        raise LogUnknown(name=process, folder=places.logs, known=", ".join(sorted(found)) or "none yet")
    return {process: found[process]} if process else found


def _aside(path: Path) -> Path:
    """Where a long log was put."""
    return path.with_suffix(".log.1")


def _read(name: str, paths: Iterable[Path]) -> Iterator[Line]:
    for path in paths:
        if path.exists():
            yield from _parsed(name, path.read_bytes())


def _more(path: Path, start: int) -> tuple[bytes, int]:
    """What was written since, whole lines only; a log that was put aside begins anew."""
    with path.open("rb") as log:
        log.seek(start if start <= path.stat().st_size else 0)
        start = log.tell()
        whole = log.read().rpartition(b"\n")
        return whole[0] + whole[1], start + len(whole[0]) + len(whole[1])


def _parsed(name: str, content: bytes) -> Iterator[Line]:
    for text in content.decode(errors="replace").splitlines():
        try:
            told = json.loads(text) if text.startswith("{") else None
        except ValueError:
            told = None
        yield Line(log=name, text=text, told=told if isinstance(told, dict) else {})


def _print(line: Line, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"log": line.log, **(line.told or {"message": line.text})}, ensure_ascii=False))
    else:
        typer.echo(line.shown())
