"""In CI a skipped test is a failure, but for those named here with their reason; the list is printed at the end.

Loaded by `addopts` in pyproject.toml, so that it holds for every run; outside CI (no `CI=true`) it only prints.
"""

from __future__ import annotations

import os
from fnmatch import fnmatch

import pytest

#: Patterns of test ids that may be skipped in CI, each with the reason that holds there.
ALLOWED: dict[str, str] = (
    {
        "tests/monitoring/test_spread.py::test_two_workers_count_what_one_process_counts": "needs the extra dask",
    }
    | {
        f"tests/store/test_postgres.py::{name}": "needs root, to become a second local user"
        for name in (
            "test_another_local_user_is_refused_even_with_the_password",
            "test_as_root_the_server_runs_as_an_unprivileged_user",
            "test_programs_that_the_server_user_cannot_reach_are_copied",
            "test_no_other_folder_changes_its_mode",
        )
    }
    | {
        f"tests/faults/test_full_disks.py::{name}": "needs root, to mount a disk of a few megabytes"
        for name in (
            "test_a_full_file_store_is_an_incident_and_the_step_is_done_once_there_is_room",
            "test_a_full_database_refuses_by_name_and_goes_on_with_room",
        )
    }
)


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}


def _allowance(nodeid: str) -> str | None:
    return next((reason for pattern, reason in ALLOWED.items() if fnmatch(nodeid, pattern)), None)


def _skipped(terminalreporter: pytest.TerminalReporter) -> list[str]:
    """The ids of the skipped tests, once each."""
    return sorted({report.nodeid for report in terminalreporter.stats.get("skipped", [])})


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a green run with a skip outside the list into a failed one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not _in_ci() or exitstatus != pytest.ExitCode.OK:
        return
    if any(_allowance(nodeid) is None for nodeid in _skipped(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each skipped test, and whether the list allows it."""
    skipped = _skipped(terminalreporter)
    if not skipped:
        return
    terminalreporter.section("skipped tests")
    for nodeid in skipped:
        reason = _allowance(nodeid)
        verdict = f"allowed: {reason}" if reason else ("FAILURE in CI: not in tests/ci_skips.py" if _in_ci() else "")
        terminalreporter.line(f"{nodeid}  {verdict}".rstrip())
