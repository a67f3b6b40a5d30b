"""Service task `test_model`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine import training
from engine.handlers import subjects
from engine.inventory import assets, queries, suites, versions
from engine.inventory.reports import TestReport
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.training import interpreters


class Parameters(BaseModel):
    version: str = Field(description="The version to test, as model@number.")
    suite: Literal["smoke", "performance", "fairness", "rehearsal"] = Field(
        description="What is asked of it; a rehearsal is kept with the step and not as the version's report."
    )


# No breaker: the model code of others runs here, and its failures say nothing of a tool that all of them need.
@service_task("test_model", kind="job", attempts=2, backoff_seconds=5, breaker=None)
def test_model(parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Tests a version in the sandbox on its held-out rows, against the thresholds that its model declares."""
    known = ctx.prepared
    ctx.progress(0.05, f"{parameters.suite} test in the sandbox")
    scored = training.scored(
        ctx.files,
        known["kind"],
        known["assets"],
        known["assets"]["test_data"],
        training.Suite(
            target=known["target"],
            thresholds=suites.thresholds(parameters.suite, known["thresholds"]),
            protected=suites.protected(parameters.suite, known["protected"]),
        ),
        interpreter=interpreters.ready(ctx.settings, ctx.files, known["assets"]),
        allow_network=ctx.settings.sandbox_allow_network,
        attributed=parameters.suite == "performance",
    )
    report, counted = scored.report, b""
    if parameters.suite != "rehearsal":
        made = training.reference(ctx.files, known["assets"], known["columns"], report.output, scored.outputs)
        counted = made.as_bytes()
    return {
        "passed": report.passed,
        "suite": parameters.suite,
        "failed": [str(verdict) for verdict in report.failed],
        "digest": ctx.files.put(report.as_bytes()),
        "reference": ctx.files.put(counted) if counted else "",
        "attributions": ctx.files.put(scored.attributions) if scored.attributions else "",
    }


@test_model.prepare
def material(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """What is tested and what it is held to, as the version's record tells it."""
    ref = subjects.version_of(ctx, parameters.version)
    model = queries.model(session, ref.model)
    queries.asset(session, ref, "artefact")
    queries.asset(session, ref, "test_data")
    return {
        "kind": model.kind,
        "assets": queries.asset_digests(session, ref),
        "target": model.metadata.target or "",
        "thresholds": dict(model.metadata.thresholds),
        "protected": dict(model.metadata.protected),
        "columns": [*model.metadata.features, *model.metadata.protected],
    }


@test_model.apply
def record(session: Session, parameters: Parameters, ctx: Context, result: dict[str, Any]) -> None:
    """Keep the report with the version, but for a rehearsal: a new report would void the approvals before it."""
    if parameters.suite == "rehearsal":
        return
    ref = subjects.version_of(ctx, parameters.version)
    report = TestReport.from_bytes(ctx.files.read(result["digest"]))
    versions.record_test(session, ref, report, suite=parameters.suite, actor=ctx.actor)
    made: dict[tuple[str, str | None], str] = {("reference", None): result["reference"]}
    if result["attributions"]:
        made["attributions", None] = result["attributions"]
    assets.put(session, ref, made, actor=ctx.actor)


@test_model.preview
def assumed(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Assumes a test that is passed."""
    return {"passed": True, "suite": parameters.suite, "failed": [], "digest": "", "reference": "", "attributions": ""}
