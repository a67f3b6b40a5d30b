"""Service task `deploy_model`: the gate that stands in whatever diagram names it."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine import audit
from engine.bpmn import BpmnError
from engine.governance import approvals, tiers
from engine.governance.approvals import Approval, ApprovalMissing, ApprovalVoid
from engine.handlers import subjects
from engine.inventory import queries
from engine.inventory.references import VersionRef, stream
from engine.runtime import requesters
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.serving import deployments, environments, targets
from engine.serving import queries as serving
from engine.serving.deployment import Deployment
from engine.training import interpreters

VOID, REFUSED = "approval_void", "deployment_refused"


class Parameters(BaseModel):
    version: str = Field(description="The version to deploy, as model@number.")
    environment: str = Field(description="The environment that shall run it.")
    target: str = Field(default="", description="What shall run it there, such as batch; empty: the environment's own.")
    share: int = Field(
        default=100, ge=1, le=100, description="Percent of the requests that it answers, beside what answers now."
    )


@service_task(
    "deploy_model",
    kind="job",
    attempts=3,
    backoff_seconds=5,
    errors=(VOID, REFUSED),
    asks=lambda parameters: parameters.environment,
)
def deploy_model(parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Starts an approved version in its environment; returns the address at which it answers."""
    deployment: Deployment = ctx.prepared
    ctx.progress(0.1, f"starting in {deployment.environment}")
    # Here and not where it is started first: a build may take minutes, and its failure is this step's.
    interpreters.ready(ctx.settings, ctx.files, deployment.inputs)
    address = targets.get(deployment.target).start(deployment, ctx.settings, ctx.files)
    return {"deployment": str(deployment.id), "address": address}


@deploy_model.prepare
def gate(session: Session, parameters: Parameters, ctx: Context) -> Deployment:
    """Raises approval_void or deployment_refused; else the deployment that shall run, asked for once a step."""
    # Asked here and not in the diagram: anyone may draw a diagram without the gate.
    ref = subjects.version_of(ctx, parameters.version)
    granted(session, ref, parameters.environment, ctx)
    try:
        environments.target_of(environments.get(session, parameters.environment), parameters.target)
    except environments.TargetNotAllowed as refusal:
        raise BpmnError(REFUSED, refusal.message) from refusal
    withdraw_unanswered(session, ref.model, ctx, but=ctx.idempotency_key)
    return deployments.request(
        session,
        subjects.starter(ctx),
        version=ref,
        environment=parameters.environment,
        target=parameters.target,
        instance=str(ctx.instance),
        task=str(ctx.task),
        key=ctx.idempotency_key,
    )


@deploy_model.apply
def record(session: Session, parameters: Parameters, ctx: Context, result: dict[str, Any]) -> None:
    """Ask again, mark the approvals used and the deployment live, in the transaction that takes the result."""
    ref = subjects.version_of(ctx, parameters.version)
    given = granted(session, ref, parameters.environment, ctx)
    approvals.use(session, given, by=f"deployment {result['deployment']}", actor=ctx.starter)
    deployment = serving.deployment(session, UUID(result["deployment"]))
    if deployment.target not in targets.served():  # our scoring service tells by itself how its deployments are
        deployments.observed(session, deployment.id, "running")
    go_live = (
        deployments.went_live if parameters.share == 100 else partial(deployments.take_share, share=parameters.share)
    )
    go_live(
        session,
        deployment.id,
        address=result["address"],
        person=subjects.starter(ctx),
        instance=str(ctx.instance),
        task=str(ctx.task),
    )


@deploy_model.preview
def assumed(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Assumes a deployment that starts."""
    return {"deployment": "", "address": ""}


def granted(session: Session, ref: VersionRef, environment: str, ctx: Context) -> list[Approval]:
    """The approvals that let the version in; raises the named errors of this service task.

    Asked for: the roles of the tier and of the model's own metadata, none of them by who asked for it (`requesters`) or
    worked on the version; one of the environment's promoters among them; no open high risk; a model in use.
    """
    model, version = queries.model(session, ref.model), queries.version(session, ref)
    if model.retired:
        raise BpmnError(REFUSED, f"{model.id} is retired.")
    known = {each.name: each for each in environments.ordered(session)}
    place = known.get(environment)
    if place is None:
        raise BpmnError(REFUSED, f"There is no environment {environment}; known are {', '.join(known) or 'none'}.")
    high = queries.open_high_risks(session, ref.model)
    if high:
        named = ", ".join(f"{risk.title} (owner {risk.owner}, due {risk.due})" for risk in high)
        raise BpmnError(REFUSED, f"{model.id} has an open high risk: {named}.")
    try:
        given = approvals.require(
            session,
            str(ref),
            purpose="deployment",
            environment=environment,
            roles=tiers.approvers(model.tier, model.metadata.approvers),
            digests=subjects.approved_digests(session, ref),
            requesters={*requesters.of(session, ctx.instance), ctx.starter, *subjects.makers(session, version)},
        )
    except (ApprovalMissing, ApprovalVoid) as refusal:
        raise BpmnError(VOID, str(refusal)) from refusal
    if place.promoters and not {each.role for each in given} & set(place.promoters):
        raise BpmnError(
            REFUSED,
            f"{environment} is entered with a yes by one of: {', '.join(place.promoters)}; none of them gave it.",
        )
    return given


def withdraw_unanswered(session: Session, model: str, ctx: Context, *, but: str = "") -> int:
    """Stop deployments of the model that were asked for and never went live; returns how many."""
    routed = {route.deployment.id for route in serving.routes(session, model=model)}
    left = [
        each
        for each in serving.deployments(session, model=model, desired="running")
        if each.id not in routed and each.key != but
    ]
    for each in left:
        deployments.withdraw(
            session,
            each.id,
            person=subjects.starter(ctx),
            reason="it never went live",
            instance=str(ctx.instance),
            task=str(ctx.task),
        )
    return len(left)


def stop_version(session: Session, ctx: Context, named: str, act: str, reason: str) -> VersionRef:
    """The version in hand, which goes no further: its unanswered deployment is stopped, the act noted on the model."""
    model = subjects.model_of(ctx, named)
    ref = subjects.in_hand(session, ctx).ref
    withdraw_unanswered(session, model, ctx)
    audit.record(
        session,
        stream(model),
        act,
        actor=ctx.actor,
        subject=str(ref),
        reason=reason,
        instance=str(ctx.instance),
        task=str(ctx.task),
    )
    return ref
