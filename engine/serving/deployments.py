"""Deployments: a version in an environment on a target; asked for, watched, made live, wound down, retired.

Wish and sight are kept apart: `desired` is what a life cycle asked for, `observed` what the target saw. A deployment is
live when the route of its model and environment leads to it. Every act is an audit row of the model's stream, with the
deployment's id as its subject: together they are its trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from engine import audit, events
from engine.errors import GatewrightError
from engine.identity import Person
from engine.inventory import queries as inventory
from engine.inventory import thresholds, versions
from engine.inventory.references import VersionRef, stream
from engine.serving import environments, forms, targets
from engine.serving.deployment import STATES, Deployment
from engine.serving.tables import DeploymentRow, RetirementRow, RouteRow
from engine.store import files, new_id, now

#: So many deaths within so long are told as a fact; a single one is only noted, since it is started again.
DEATHS = 3
DEATHS_WITHIN = timedelta(minutes=10)
#: Assets without which nothing can score: the model, and what its rows must look like.
NEEDED = ("artefact", "input_schema")


class DeploymentUnknown(GatewrightError):
    """There is no deployment {id}."""

    code = "deployment-unknown"
    hint = "Look for it on the model's page."
    status = 404


class InputsIncomplete(GatewrightError):
    """{version} cannot be deployed without its {roles}."""

    code = "inputs-incomplete"
    hint = "Attach what is missing to the version; its page names every gap."
    status = 409


class DeploymentStopped(GatewrightError):
    """The deployment {id} of {version} was stopped and cannot go live."""

    code = "deployment-stopped"
    hint = "Request a new deployment of the version."
    status = 409


class DeploymentsEnded(GatewrightError):
    """{model} was retired at {retired_at} by the life-cycle instance {instance}."""

    code = "deployments-ended"
    hint = "A retired model answers no more and is not deployed again; ask its owner for its successor."
    status = 410


def request(
    session: Session,
    person: Person,
    *,
    version: VersionRef,
    environment: str,
    instance: str,
    task: str,
    key: str,
    target: str = "",
) -> Deployment:
    """The deployment that shall run from now on; its target starts it. Asked again with the same key, the same one.

    Whether it may run at all is asked before, by whoever calls: here stands the wish, not the gate. Kind, cut-off and
    the digest of every asset are frozen here: what runs is what was approved, whatever is edited afterwards. So is the
    form that serves (see `forms`): a compiled form stands among the inputs only where it does.
    target: one that the environment allows; empty: its own.
    Raises EnvironmentUnknown, TargetNotAllowed, ModelUnknown, VersionUnknown, DeploymentsEnded, or InputsIncomplete.
    """
    place = environments.get(session, environment)
    known = session.scalar(select(DeploymentRow).where(DeploymentRow.key == key))
    if known is not None:
        return value(known)
    refuse_retired(session, version.model)
    model = inventory.model(session, version.model)
    inventory.version(session, version)
    inputs = versions.evidence_digests(session, version) | inventory.asset_digests(session, version)
    if missing := [role for role in NEEDED if role not in inputs]:
        raise InputsIncomplete(version=version, roles=", ".join(missing))
    inputs, form = forms.choose(files(session), inputs, thresholds.compiled_within(model.metadata.thresholds))
    row = DeploymentRow(
        id=new_id(),
        key=key,
        model=version.model,
        version=version.number,
        environment=environment,
        target=environments.target_of(place, target),
        kind=model.kind,
        cut_off=thresholds.cut_off(model.metadata.thresholds),
        inputs=inputs,
        desired="running",
        observed="waiting",
        detail="",
        address=None,
        requested_by=person.id,
        requested_at=now(session),
        instance=instance,
        task=task,
        observed_at=now(session),
        live_at=None,
        ended_at=None,
    )
    session.add(row)
    session.flush()
    _record(
        session,
        row,
        "deployment.requested",
        person.id,
        target=row.target,
        kind=row.kind,
        cut_off=row.cut_off,
        inputs=row.inputs,
        form=form,
        instance=instance,
        task=task,
    )
    return value(row)


def observed(session: Session, id: UUID, state: str, detail: str = "") -> Deployment:
    """The deployment as its target sees it now; a state seen before leaves no second audit row."""
    if state not in STATES:
        raise ValueError(f"no state of a deployment: {state}")
    row = _locked(session, id)
    if (row.observed, row.detail) == (state, detail):
        return value(row)
    turned = row.observed != state
    row.observed, row.detail, row.observed_at = state, detail, now(session)
    if state == "stopped" and row.desired == "stopped":
        row.ended_at = now(session)
    if turned:
        _record(session, row, "deployment.observed", f"target {row.target}", state=state, detail=detail)
    if turned and state == "failing":
        _tell_of_deaths(session, row)
    return value(row)


def went_live(
    session: Session, id: UUID, *, address: str, person: Person, instance: str = "", task: str = ""
) -> Deployment:
    """The deployment that now answers all requests to its model in its environment.

    What answered before is told to stop, in this transaction: no request finds two routes or none.
    """
    row = _known(session, id)
    _lock_routes(session, row.model)
    row = _locked(session, id)
    refuse_retired(session, row.model)
    if row.desired != "running":
        raise DeploymentStopped(id=id, version=f"{row.model}@{row.version}")
    before = session.scalars(
        select(RouteRow.deployment).where(RouteRow.model == row.model, RouteRow.environment == row.environment)
    ).all()
    session.execute(delete(RouteRow).where(RouteRow.model == row.model, RouteRow.environment == row.environment))
    session.add(
        RouteRow(model=row.model, environment=row.environment, deployment=row.id, weight=100, since=now(session))
    )
    row.address, row.live_at = address, row.live_at or now(session)
    _record(
        session,
        row,
        "deployment.went_live",
        person.id,
        address=address,
        weight=100,
        inputs=row.inputs,
        instance=instance or row.instance,
        task=task or row.task,
    )
    for other in _locked_all(session, [other for other in before if other != row.id]):
        _wind_down(
            session, other, person, reason=f"replaced by {row.model}@{row.version}", instance=instance, task=task
        )
    session.flush()
    return value(row)


def take_share(
    session: Session, id: UUID, *, share: int, address: str, person: Person, instance: str = "", task: str = ""
) -> Deployment:
    """The deployment that from now on answers a share of the requests, beside the one that answered all of them.

    share: in percent, 1 to 99. Another that had a share is told to stop. Where nothing answers yet, it answers all.
    """
    row = _known(session, id)
    _lock_routes(session, row.model)
    routes = session.scalars(
        select(RouteRow)
        .where(RouteRow.model == row.model, RouteRow.environment == row.environment, RouteRow.deployment != id)
        .order_by(RouteRow.weight.desc(), RouteRow.since)
    ).all()
    if not routes:
        return went_live(session, id, address=address, person=person, instance=instance, task=task)
    row = _locked(session, id)
    refuse_retired(session, row.model)
    if row.desired != "running":
        raise DeploymentStopped(id=id, version=f"{row.model}@{row.version}")
    standing, *others = routes
    session.execute(delete(RouteRow).where(RouteRow.deployment.in_([id, *(each.deployment for each in others)])))
    standing.weight = 100 - share
    session.add(RouteRow(model=row.model, environment=row.environment, deployment=id, weight=share, since=now(session)))
    row.address, row.live_at = address, row.live_at or now(session)
    _record(
        session,
        row,
        "deployment.took_share",
        person.id,
        address=address,
        weight=share,
        beside=str(standing.deployment),
        instance=instance or row.instance,
        task=task or row.task,
    )
    for other in _locked_all(session, [each.deployment for each in others]):
        reason = f"its share went to {row.model}@{row.version}"
        _wind_down(session, other, person, reason=reason, instance=instance, task=task)
    session.flush()
    return value(row)


def withdraw(
    session: Session, id: UUID, *, person: Person, reason: str, instance: str = "", task: str = ""
) -> Deployment:
    """The deployment, told to stop: one that failed to start, or was refused on its way. Its route, if any, is gone.

    What it answered goes to the one that is left beside it.
    """
    row = _known(session, id)
    _lock_routes(session, row.model)
    row = _locked(session, id)
    if row.desired == "running":
        session.execute(delete(RouteRow).where(RouteRow.deployment == row.id))
        left = select(RouteRow).where(RouteRow.model == row.model, RouteRow.environment == row.environment)
        if len(routes := session.scalars(left).all()) == 1:
            routes[0].weight = 100
        _wind_down(session, row, person, reason=reason, instance=instance, task=task)
        session.flush()
    return value(row)


def retire(
    session: Session, person: Person, *, model: str, reason: str, instance: str, task: str
) -> Sequence[Deployment]:
    """The deployments that were running, now told to stop; and the model answers 410 everywhere.

    A model that is retired already stays so, with its first date and instance.
    """
    _lock_routes(session, model)
    if session.get(RetirementRow, model) is not None:
        return []
    session.add(
        RetirementRow(
            model=model, retired_at=now(session), retired_by=person.id, reason=reason, instance=instance, task=task
        )
    )
    session.execute(delete(RouteRow).where(RouteRow.model == model))
    running = session.scalars(
        select(DeploymentRow.id).where(DeploymentRow.model == model, DeploymentRow.desired == "running")
    ).all()
    ended = _locked_all(session, running)
    for row in ended:
        _wind_down(session, row, person, reason=f"retired: {reason}", instance=instance, task=task)
    audit.record(
        session,
        stream(model),
        "deployments.ended",
        actor=person.id,
        subject=model,
        reason=reason,
        instance=instance,
        task=task,
        deployments=[str(row.id) for row in ended],
    )
    session.flush()
    return [value(row) for row in ended]


def refuse_retired(session: Session, model: str) -> None:
    """Raises DeploymentsEnded, with since when and by which instance, where the model was retired."""
    row = session.get(RetirementRow, model)
    if row is not None:
        raise DeploymentsEnded(model=model, retired_at=row.retired_at.isoformat(), instance=row.instance or "none")


def value(row: DeploymentRow) -> Deployment:
    """The row as a value."""
    return Deployment(
        id=row.id,
        key=row.key,
        model=row.model,
        version=row.version,
        environment=row.environment,
        target=row.target,
        kind=row.kind,
        cut_off=row.cut_off,
        inputs=dict(row.inputs),
        desired=row.desired,
        observed=row.observed,
        detail=row.detail,
        address=row.address,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        instance=row.instance,
        task=row.task,
        observed_at=row.observed_at,
        live_at=row.live_at,
        ended_at=row.ended_at,
    )


def _wind_down(session: Session, row: DeploymentRow, person: Person, *, reason: str, instance: str, task: str) -> None:
    row.desired = "stopped"
    if row.observed in ("waiting", "stopped") and row.target not in targets.outside():  # there is nothing to wait for
        row.observed, row.ended_at, row.observed_at = "stopped", now(session), now(session)
    _record(session, row, "deployment.wound_down", person.id, reason=reason, instance=instance, task=task)


def _tell_of_deaths(session: Session, row: DeploymentRow) -> None:
    """Tell the fact `deployment.died` at the third death within ten minutes, and at each third one after it."""
    trail = audit.entries(
        session,
        stream=stream(row.model),
        act="deployment.observed",
        subject=str(row.id),
        after=now(session) - DEATHS_WITHIN,
    )
    deaths = 1 + sum(entry.facts.get("state") == "failing" for entry in trail)  # this one is not written yet
    if deaths % DEATHS == 0:
        reference = f"{row.model}@{row.version}"
        facts = {"environment": row.environment, "deaths": deaths, "detail": row.detail}
        events.emit(session, "deployment.died", reference, deployment=str(row.id), **facts)


def _lock_routes(session: Session, model: str) -> None:
    """Let one transaction at a time move a model's routes: two at once would both find no route to replace."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"serving.routes {model}", 0))))


def _known(session: Session, id: UUID) -> DeploymentRow:
    row = session.get(DeploymentRow, id)
    if row is None:
        raise DeploymentUnknown(id=id)
    return row


def _locked(session: Session, id: UUID) -> DeploymentRow:
    row = session.get(DeploymentRow, id, with_for_update=True, populate_existing=True)
    if row is None:
        raise DeploymentUnknown(id=id)
    return row


def _locked_all(session: Session, ids: Sequence[UUID]) -> Sequence[DeploymentRow]:
    """The rows, locked in the order of their ids."""
    statement = select(DeploymentRow).where(DeploymentRow.id.in_(ids)).order_by(DeploymentRow.id).with_for_update()
    return session.scalars(statement).all() if ids else []


def _record(session: Session, row: DeploymentRow, act: str, actor: str, **facts: object) -> None:
    audit.record(
        session,
        stream(row.model),
        act,
        actor=actor,
        subject=str(row.id),
        version=row.version,
        environment=row.environment,
        **facts,
    )
