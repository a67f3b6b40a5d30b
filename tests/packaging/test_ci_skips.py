"""In CI a skipped test is a failure, but for those on the list."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT

SKIPS = """
import pytest

def test_passes(): pass

@pytest.mark.skip(reason="not here")
def test_skipped(): pass
"""


def run(folder: Path, source: str, *, ci: str, allowed: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(source)
    (folder / "conftest.py").write_text(f"import tests.ci_skips\ntests.ci_skips.ALLOWED = {{{allowed}}}\n")
    words = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(folder), "-p", "tests.ci_skips"]
    environment = dict(os.environ) | {"CI": ci, "PYTHONPATH": str(ROOT)}
    return subprocess.run([*words, str(folder)], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_skip_fails_the_run_in_ci_alone(tmp_path: Path, ci: str, code: int) -> None:
    done = run(tmp_path, SKIPS, ci=ci)
    assert done.returncode == code
    assert "test_it.py::test_skipped" in done.stdout
    assert ("FAILURE in CI" in done.stdout) == bool(ci)


def test_a_whole_file_that_is_skipped_fails_the_run_too(tmp_path: Path) -> None:
    done = run(tmp_path, "import pytest\npytest.skip('no', allow_module_level=True)\n" + SKIPS, ci="true")
    assert done.returncode == 5 or "FAILURE in CI" in done.stdout


def test_a_skip_on_the_list_is_printed_with_its_reason(tmp_path: Path) -> None:
    done = run(tmp_path, SKIPS, ci="true", allowed="'*::test_skipped': 'no second machine'")
    assert done.returncode == 0
    assert "test_it.py::test_skipped  allowed: no second machine" in done.stdout
