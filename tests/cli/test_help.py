"""Every command explains itself, at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from tests.cli.commands import gatewright
from web.cli.main import app

#: 150 MB and a second each: none of them is needed to read about a command
HEAVY = (
    "pandas",
    "pyarrow",
    "sklearn",
    "scipy",
    "numpy",
    "sqlalchemy",
    "SpiffWorkflow",
    "flask",
    "prometheus_client",
    "opentelemetry",
)


def every_command() -> Iterator[tuple[str, Any]]:
    """The words of each command and group, and what typer made of it."""

    def below(words: list[str], command: Any) -> Iterator[tuple[str, Any]]:
        yield " ".join(words), command
        for name, each in getattr(command, "commands", {}).items():
            yield from below([*words, name], each)

    yield from below([], typer.main.get_command(app))


def test_there_is_every_command_that_was_promised() -> None:
    """The command line of the third issue."""
    promised = (
        "up status logs stop reset web worker clock scoring demo|db upgrade|db url|db backup|db restore|"
        "process validate|process publish|process list|process start|"
        "instance list|instance show|instance retry|instance suspend|"
        "instance resume|instance cancel|task list|task claim|task complete|model list|model show|model register|"
        "model reproduce|schedule add|schedule list|schedule pause|audit verify|audit export|user add"
    )
    first, *others = promised.split("|")
    known = {words for words, _ in every_command()}
    assert {*first.split(), *others} <= known


@pytest.mark.parametrize(
    ("words", "command"), list(every_command()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_every_option_has_words(words: str, command: Any) -> None:
    """A sentence for the command, and one for each of its options and arguments."""
    assert command.help, f"{words} has no help"
    assert command.help.strip().split("\n")[0].endswith((".", ":")), words
    for parameter in command.params:
        hidden = getattr(parameter, "hidden", False)
        assert hidden or getattr(parameter, "help", None) or parameter.name == "limit", f"{words}: {parameter.name}"


def test_help_imports_nothing_heavy() -> None:
    """For every command: the modules that reading its help has brought in."""
    words = [each.split() for each, _ in every_command()]
    program = f"""
import io, json, sys
from contextlib import redirect_stdout
from web.cli.main import app
for words in {words!r}:
    try:
        with redirect_stdout(io.StringIO()):
            app([*words, "--help"])
    except SystemExit as end:
        assert end.code == 0, words
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_an_unknown_command_is_a_usage_error() -> None:
    """Exit code 2, as everywhere, and one line that says what is wrong where, and what to do."""
    assert gatewright("nonsense", code=2).strip() == "[usage] No such command 'nonsense'. See `gatewright --help`."
    told = gatewright("task", "complete", "nonsense", code=2)
    assert told.startswith("[usage] Invalid value for 'id': ")
    assert told.strip().endswith("See `gatewright task complete --help`.")
    assert len(told.splitlines()) == 1


def test_an_intruder_is_named_in_one_line(tmp_path: Any) -> None:
    """Another package named `engine` before ours on the path: said, not stumbled over."""
    (tmp_path / "processes").mkdir()
    (tmp_path / "processes" / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "from web.cli.main import run; run()", "status"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("[intruder] The package `processes` comes from")
    assert str(tmp_path) in done.stderr
    assert done.stderr.count("\n") == 1
