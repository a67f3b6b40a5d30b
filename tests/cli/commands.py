"""Running the command line as a person does: as a process, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from web.cli.main import app

REPOSITORY = Path(__file__).parents[2]


def gatewright(*words: str, data: Path | None = None, code: int = 0, **environment: str) -> str:
    """What a command prints; its exit code must be the expected one. With another code: what it says on stderr."""
    done = run(*words, data=data, **environment)
    assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stderr if code in (1, 2) else done.stdout


def run(*words: str, data: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The finished command."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWRIGHT_")}
    if data is not None:
        kept["GATEWRIGHT_DATA_DIR"] = str(data)
    return subprocess.run(
        [sys.executable, "-P", "-m", "web.cli", *words],
        env={**kept, "COLUMNS": "120", **environment},
        cwd=data.parent if data else REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )


def printed(*words: str, data: Path, **environment: str) -> str:
    """What a command prints that ends well, run in this process: for one of many that differ in little."""
    changed: dict[str, str | None] = {name: None for name in os.environ if name.startswith("GATEWRIGHT_")}
    changed |= {"COLUMNS": "120", "GATEWRIGHT_DATA_DIR": str(data), **environment}
    done = CliRunner().invoke(app, words, env=changed)
    assert done.exit_code == 0, f"{words}: exit code {done.exit_code}\n{done.output}"
    return done.stdout
