"""The short part of the tests that shows that an installation works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.store import Store, transaction
from web import bundle

pytestmark = pytest.mark.smoke


def test_the_command_line_answers() -> None:
    words = [str(Path(sys.executable).with_name("gatewright")), "--version"]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("gatewright ")


def test_the_bundle_is_there() -> None:
    assert (bundle.DIST / bundle.file_name("app.js")).is_file()


def test_the_database_that_comes_along_answers(store: Store) -> None:
    with transaction(store) as session:
        assert session.scalar(text("SELECT count(*) FROM runtime.instances")) == 0
