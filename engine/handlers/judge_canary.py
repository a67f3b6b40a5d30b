"""Service task `judge_canary`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine import audit, events
from engine.bpmn import BpmnError
from engine.handlers import deploy_model, subjects
from engine.inventory.references import stream
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.serving import canaries, deployments
from engine.serving.canaries import Bounds, NoCanary, Verdict
from engine.serving.queries import Route

DEFAULT = Bounds()


class Parameters(BaseModel):
    version: str = Field(description="The version that has a share of the requests, as model@number.")
    environment: str = Field(description="The environment in which it has it.")
    rows: int = Field(default=DEFAULT.rows, ge=30, description="Requests that each side must have had.")
    error_difference: float = Field(default=DEFAULT.error_difference, ge=0, le=1, description="More failures allowed.")
    slowdown: float = Field(default=DEFAULT.slowdown, ge=1, description="Times the other's 95th percentile allowed.")
    decision_shift: float = Field(default=DEFAULT.decision_shift, ge=0, le=1, description="Other decisions allowed.")
    score_shift: float = Field(default=DEFAULT.score_shift, ge=0, description="PSI of the scores allowed.")
    auc_loss: float = Field(default=DEFAULT.auc_loss, ge=0, le=1, description="Lower AUC allowed, where labels came.")


@service_task("judge_canary", kind="transactional")
def judge_canary(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Promotes a canary that is not worse, rolls back one that is; tells to wait while there are too few requests."""
    ref = subjects.version_of(ctx, parameters.version)
    try:
        canary, standing = canaries.routes(session, str(ref), parameters.environment)
    except NoCanary as gone:
        return {"verdict": "ended", "reason": gone.message, "requests": [0, 0], "checks": []}
    verdict = _verdict(session, canary, standing, parameters)
    if verdict.verdict == "promote":
        try:
            # An approval may have fallen while the canary ran; then it goes no further.
            deploy_model.granted(session, ref, parameters.environment, ctx)
        except BpmnError as refusal:
            verdict = Verdict(
                verdict="roll_back", reason=str(refusal), requests=verdict.requests, checks=verdict.checks
            )
    told = {"reason": verdict.reason, "checks": [check.as_json() for check in verdict.checks]}
    if verdict.verdict != "waiting":
        _act(session, ctx, canary, verdict)
        name = f"canary.{'promoted' if verdict.verdict == 'promote' else 'rolled_back'}"
        facts = {"environment": parameters.environment, "requests": list(verdict.requests), **told}
        audit.record(session, stream(ref.model), name, actor=ctx.actor, subject=str(ref), **facts)
        events.emit(session, name, str(ref), environment=parameters.environment, reason=verdict.reason)
    return {"verdict": verdict.verdict, "requests": list(verdict.requests), **told}


@judge_canary.preview
def assumed(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Assumes a canary that is no worse."""
    return {"verdict": "promote", "reason": "", "requests": [0, 0], "checks": []}


def _verdict(session: Session, canary: Route, standing: Route, parameters: Parameters) -> Verdict:
    if canary.deployment.observed == "failing":
        reason = f"it does not run: {canary.deployment.detail}"
        return Verdict(verdict="roll_back", reason=reason, requests=(0, 0))
    bounds = Bounds(**parameters.model_dump(exclude={"version", "environment"}))
    since = canary.since
    return canaries.judge(canaries.side(session, canary, since), canaries.side(session, standing, since), bounds)


def _act(session: Session, ctx: Context, canary: Route, verdict: Verdict) -> None:
    by: dict[str, Any] = {"person": subjects.starter(ctx), "instance": str(ctx.instance), "task": str(ctx.task)}
    if verdict.verdict == "promote":
        deployments.went_live(session, canary.deployment.id, address=canary.deployment.address or "", **by)
    else:
        deployments.withdraw(session, canary.deployment.id, reason=f"canary: {verdict.reason}", **by)
