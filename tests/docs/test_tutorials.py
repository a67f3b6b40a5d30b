"""Each tutorial does what it says, typed command by command into a house of its own."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.store.postgres import EmbeddedPostgres
from tests.docs import pages, tutorial
from tests.ports import free_port

TUTORIALS = pages.DOCS / "tutorials"

#: what a reader installs goes into a folder of the test and not into the environment in which the tests run
PIP = """#!/bin/sh
shift
exec {python} -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target {target} "$@"
"""


@dataclass(slots=True)
class Desk:
    """Where a reader sits: an empty folder, a PATH, a house that is not there yet."""

    folder: Path
    environment: dict[str, str]
    told: dict[str, str] = field(default_factory=dict)

    def follow(self, name: str) -> int:
        """Do what the tutorial of this name says; returns how many commands it had."""
        return tutorial.follow(TUTORIALS / f"{name}.md", self.folder, self.environment, self.told)


@pytest.fixture
def desk(cluster: EmbeddedPostgres, new_database: Callable[..., str], tmp_path: Path) -> Iterator[Desk]:
    """A desk with an empty database; its house is ended afterwards, whatever the tutorial left."""
    database, tools, installed = new_database(), tmp_path / "bin", tmp_path / "installed"
    tools.mkdir()
    pip = tools / "pip"
    pip.write_text(PIP.format(python=sys.executable, target=installed))
    pip.chmod(pip.stat().st_mode | stat.S_IXUSR)
    web, scoring = free_port(), free_port()
    here = Desk(
        folder=tmp_path / "desk",
        environment={
            "PATH": f"{tools}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(installed),
            "COLUMNS": "200",
            "GATEWRIGHT_DATA_DIR": str(tmp_path / "data"),
            "GATEWRIGHT_DATABASE_URL": cluster.url("application", database),
            "GATEWRIGHT_DATABASE_OWNER_URL": cluster.url("owner", database),
            "GATEWRIGHT_WEB_PORT": str(web),
            "GATEWRIGHT_SCORING_PORT": str(scoring),
        },
        told={"127.0.0.1:8470": f"127.0.0.1:{web}", "127.0.0.1:8471": f"127.0.0.1:{scoring}"},
    )
    here.folder.mkdir()
    yield here
    command = [shutil.which("gatewright", path=here.environment["PATH"]) or "gatewright", "stop"]
    subprocess.run(command, env=here.environment, capture_output=True, check=False, timeout=120)


@pytest.mark.parametrize("name", sorted(path.stem for path in TUTORIALS.glob("*.md")))
def test_the_tutorial_does_what_it_says(name, desk):
    assert desk.follow(name) >= 8


def test_a_page_is_read_as_its_reader_reads_it(tmp_path):
    """Files by their path, commands with what they print; text fences are for the eye."""
    page = tmp_path / "page.md"
    page.write_text(
        "```python a/b.py\nx = 1\n```\n\n```sh\n$ one \\\n    more\nsays ...\n$ two\n```\n\n"
        "```sh fails\n$ three\n```\n\n```text\nno\n```\n"
    )
    file, one, two, three = tutorial.read(page)
    assert (file.path, file.content) == ("a/b.py", "x = 1\n")
    assert (one.text, one.prints, one.fails) == ("one     more", ["says ..."], False)
    assert (two.text, three.text, three.fails) == ("two", "three", True)


def test_what_is_printed_has_to_hold_what_the_page_says():
    assert tutorial.fits(["a  b", "...", "d"], "z\na b\nc\nd\n")
    assert not tutorial.fits(["a", "d"], "a\nc\nd\n")
    assert tutorial.fits([], "anything")
