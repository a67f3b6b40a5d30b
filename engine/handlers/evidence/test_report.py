"""Evidence `test_report`."""

from __future__ import annotations

from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.handlers import subjects
from engine.inventory import queries
from engine.runtime.context import Context
from engine.runtime.registry import Evidence, evidence


class NotTested(GatewrightError):
    """{version} has not been tested."""

    code = "not-tested"
    hint = "Draw a test before the decision, or have the version tested in its life cycle."
    status = 409


@evidence("test_report")
def test_report(session: Session, ctx: Context) -> Evidence:
    """The last tests of the version in hand: metrics with intervals, groups and thresholds, one report a suite."""
    version = subjects.in_hand(session, ctx)
    reports = queries.test_reports(session, version.ref)
    if not reports:
        raise NotTested(version=version.ref)
    digests = queries.asset_digests(session, version.ref)
    return Evidence(
        title="Test report",
        content={
            "version": str(version.ref),
            "passed": all(report.passed for report in reports.values()),
            **{role: digests.get(role) for role in ("reference", "attributions")},
            "suites": {suite: report.as_json() for suite, report in sorted(reports.items())},
        },
    )
