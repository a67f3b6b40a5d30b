"""A tutorial as a program: its files and its commands, in their order, run as its reader would.

A fence with a path after its language is a file: "python rules/rules.py". In a fence "sh" a line that begins with "$ "
is a command, and the lines below it are what it prints, "..." standing for anything. A command has to succeed, but in
a fence "sh fails".
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(r"^```(\w+)(?: ([^\n`]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that the reader saves."""

    path: str
    content: str


@dataclass(slots=True, kw_only=True)
class Command:
    """A command that the reader types."""

    text: str
    fails: bool
    prints: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Session:
    """What a shell remembers between two commands."""

    folder: Path
    environment: dict[str, str]

    def run(self, command: Command) -> str:
        """What the command printed; a variable that it set is kept. Raises AssertionError where it ends otherwise."""
        kept = self.folder / ".variables"
        script = f"{command.text}\ncode=$?\ndeclare -p | grep -v '^declare -[a-z]*[rx]' > {kept}\nexit $code"
        before = f"source {kept} 2>/dev/null; " if kept.exists() else ""
        done = subprocess.run(
            ["bash", "-c", f"{before}{script}"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == command.fails, f"$ {command.text}\nexit code {done.returncode}\n{said}"
        return said


def read(page: Path) -> Iterator[File | Command]:
    """The files and commands of a page, in its order."""
    for language, more, content in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "sh":
            yield from _commands(content, fails=more == "fails")
        elif more:
            yield File(path=more, content=content)


def _commands(block: str, *, fails: bool) -> list[Command]:
    found: list[Command] = []
    for line in block.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            found.append(Command(text=line[2:], fails=fails))
        elif line.strip():
            found[-1].prints.append(line)
    return found


def follow(page: Path, folder: Path, environment: Mapping[str, str], told: Mapping[str, str]) -> int:
    """Do what the page says in the folder; returns how many commands were run.

    told: what the page says about addresses, and what holds for this run.
    """
    session = Session(folder=folder, environment={**os.environ, **environment})
    n_commands = 0
    for step in read(page):
        if isinstance(step, File):
            path = folder / step.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.content, encoding="utf-8")
            continue
        for said, true in told.items():
            step.text = step.text.replace(said, true)
        printed = session.run(step)
        n_commands += 1
        assert fits(step.prints, printed), (
            f"$ {step.text}\nthe page says\n{chr(10).join(step.prints)}\nand it printed\n{printed}"
        )
    return n_commands


def fits(expected: list[str], printed: str) -> bool:
    """Whether the printed text holds the expected lines, one after the other; `...` stands for anything."""
    pieces = " ".join(expected).split("...")
    pattern = ".*?".join(re.escape(" ".join(piece.split())) for piece in pieces)
    return re.search(pattern, " ".join(printed.split())) is not None
