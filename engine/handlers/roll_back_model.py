"""Service task `roll_back_model`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine import audit
from engine.bpmn import BpmnError
from engine.governance import approvals, tiers
from engine.governance.approvals import ApprovalMissing, ApprovalVoid
from engine.handlers import subjects
from engine.identity import NotPermitted, require
from engine.identity import queries as people
from engine.inventory import queries
from engine.inventory.references import VersionRef, stream
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.serving import deployments, targets
from engine.serving import queries as serving
from engine.serving.deployment import Deployment

REFUSED = "roll_back_refused"


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")
    environment: str = Field(description="The environment in which it goes back.")
    reason: str = Field(default="", max_length=2000, description="Why it goes back; the model's record tells it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """What a roll-back would do now."""

    version: VersionRef  #: answers all requests afterwards
    withdrawn: Deployment | None  #: the canary that would end; None: the version is started anew


@service_task(
    "roll_back_model",
    kind="job",
    attempts=3,
    backoff_seconds=5,
    errors=(REFUSED,),
    asks=lambda parameters: parameters.environment,
)
def roll_back_model(parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Ends a canary, else brings back the last version that answered before and whose approval still holds."""
    withdrawn, deployment = ctx.prepared["withdraw"], ctx.prepared["deployment"]
    if deployment is None:
        return {"version": ctx.prepared["version"], "withdrawn": withdrawn, "deployment": "", "address": ""}
    ctx.progress(0.1, f"starting {deployment.reference} in {deployment.environment}")
    address = targets.get(deployment.target).start(deployment, ctx.settings, ctx.files)
    return {"version": deployment.reference, "withdrawn": "", "deployment": str(deployment.id), "address": address}


@roll_back_model.prepare
def choose(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """What comes back; raises roll_back_refused, naming what keeps each earlier version out."""
    model = subjects.model_of(ctx, parameters.model)
    _permitted(session, ctx.starter)
    way = way_back(session, model, parameters.environment)
    if way.withdrawn is not None:
        return {"withdraw": str(way.withdrawn.id), "deployment": None, "version": str(way.version)}
    deployment = deployments.request(
        session,
        subjects.starter(ctx),
        version=way.version,
        environment=parameters.environment,
        instance=str(ctx.instance),
        task=str(ctx.task),
        key=ctx.idempotency_key,
    )
    return {"withdraw": "", "deployment": deployment, "version": str(way.version)}


@roll_back_model.apply
def record(session: Session, parameters: Parameters, ctx: Context, result: dict[str, Any]) -> None:
    """Lead the requests back in the transaction that takes the result, and say so in the model's record."""
    model = subjects.model_of(ctx, parameters.model)
    by: dict[str, Any] = {"person": subjects.starter(ctx), "instance": str(ctx.instance), "task": str(ctx.task)}
    if result["withdrawn"]:
        deployments.withdraw(session, UUID(result["withdrawn"]), reason="rolled back", **by)
    else:
        _approved(session, VersionRef.parse(result["version"]), parameters.environment)
        deployments.went_live(session, UUID(result["deployment"]), address=result["address"], **by)
    audit.record(
        session,
        stream(model),
        "deployment.rolled_back",
        actor=ctx.starter,
        subject=result["version"],
        environment=parameters.environment,
        reason=parameters.reason,
        instance=str(ctx.instance),
        task=str(ctx.task),
    )


@roll_back_model.preview
def assumed(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Assumes that an earlier version comes back."""
    return {"version": "", "withdrawn": "", "deployment": "", "address": ""}


def way_back(session: Session, model: str, environment: str) -> WayBack:
    """What a roll-back would do now; raises roll_back_refused, naming what keeps each earlier version out."""
    shares = sorted(
        (each for each in serving.routes(session, model=model) if each.environment == environment),
        key=lambda each: each.deployment.id,
    )
    if not shares:
        raise BpmnError(REFUSED, f"Nothing of {model} answers in {environment}.")
    first, newest = shares[0].deployment, shares[-1].deployment
    if len(shares) > 1:
        return WayBack(version=VersionRef(model, first.version), withdrawn=newest)
    return WayBack(version=_last_approved(session, first), withdrawn=None)


def _permitted(session: Session, starter: str) -> None:
    """Asked here and not where it is started: whoever may start a life cycle could draw one with this step."""
    try:
        person = people.get(session, starter)
    except people.PersonUnknown:
        return  # the house itself: a schedule, or a message that began it
    try:
        require(person, "deployment.request")
    except NotPermitted as refusal:
        raise BpmnError(REFUSED, refusal.message) from refusal


def _last_approved(session: Session, now_live: Deployment) -> VersionRef:
    """The version that answered last before this one, and may still."""
    why: dict[VersionRef, str] = {}
    for each in serving.deployments(session, model=now_live.model, environment=now_live.environment):
        ref = VersionRef(each.model, each.version)
        if each.live_at is None or each.version == now_live.version or ref in why:
            continue
        try:
            _approved(session, ref, now_live.environment)
        except BpmnError as refusal:
            why[ref] = str(refusal)
            continue
        return ref
    told = " ".join(why.values()) or f"No other version of {now_live.model} answered in {now_live.environment} before."
    raise BpmnError(REFUSED, told)


def _approved(session: Session, ref: VersionRef, environment: str) -> None:
    model, version = queries.model(session, ref.model), queries.version(session, ref)
    if model.retired:
        raise BpmnError(REFUSED, f"{model.id} is retired.")
    try:
        # Whoever goes back asks for nothing new: the approval, by somebody who did not ask for it then, is what counts.
        approvals.require(
            session,
            str(ref),
            purpose="deployment",
            environment=environment,
            roles=tiers.approvers(model.tier, model.metadata.approvers),
            digests=subjects.approved_digests(session, ref),
            requesters=subjects.makers(session, version),
        )
    except (ApprovalMissing, ApprovalVoid) as refusal:
        raise BpmnError(REFUSED, refusal.message) from refusal
