"""Life cycles that run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from engine.runtime import definitions, instances, queries, standing, waits
from engine.runtime.standing import FailedStep, StandingToken
from engine.runtime.values import Instance, InstanceDetail
from engine.runtime.waits import Wait
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, house, page, page_of, plain, tag

_TAGS = tag("Instances", "Life cycles that run.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """An instance that was started."""

    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """An instance after an operator's act."""

    id: UUID
    retried: int  #: steps that are tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """The diagrams of an instance, and where its tokens stand."""

    diagrams: dict[str, str]  #: process id to BPMN
    active: dict[str, dict[str, int]]  #: process id to element to tokens
    passed: dict[str, dict[str, int]]  #: process id to element to how often it was left
    incidents: dict[str, list[str]]  #: process id to elements where something is in the way


class InstancePath(BaseModel):
    """One instance."""

    instance: UUID


class WantedInstances(Listed):
    """Which instances are asked for."""

    search: str = Field(default="", max_length=200, description="In life cycle, subject and starter.")
    state: str = Field(default="", max_length=50, description="running, finished, cancelled or suspended.")
    process: str = Field(default="", max_length=200)
    subject: str = Field(default="", max_length=200)
    starter: str = Field(default="", max_length=200)
    incident: bool = Field(default=False, description="Only those with an open incident.")


class NewInstance(BaseModel):
    """A life cycle to be started."""

    process: str = Field(max_length=200, description="The process id.")
    subject: str = Field(default="", max_length=200, description="The business key: a model's id.")
    answer: dict[str, Any] = Field(default={}, description="The answer to the start form.")


class Reason(BaseModel):
    """Why."""

    reason: str = Field(min_length=1, max_length=4000)


class WantedRetry(BaseModel):
    """What is to be tried again."""

    task: UUID | None = Field(default=None, description="Only the step with this task id.")
    reason: str = Field(default="", max_length=2000, description="Kept in the audit log.")


class StepPath(BaseModel):
    """One failed step of an instance."""

    instance: UUID
    task: UUID = Field(description="The task id of its incident.")


class EditedRetry(BaseModel):
    """Other parameters for a failed step."""

    parameters: dict[str, Any] = Field(description="Parameter to value, of those that shall be others.")
    reason: str = Field(min_length=1, max_length=2000)


class WantedMove(BaseModel):
    """Where a token shall stand."""

    task: UUID = Field(description="The token, by the task id at which it stands.")
    element: str = Field(min_length=1, max_length=300, description="An element of the same process or subprocess.")
    reason: str = Field(min_length=1, max_length=2000)


class NewValues(BaseModel):
    """Variables with the values that they shall have."""

    variables: dict[str, Any] = Field(description="Name to value, in all branches.")
    reason: str = Field(min_length=1, max_length=2000)


@api.get("/instances", tags=_TAGS, responses=page_of(Instance))
@needs("instance.view")
def list_instances(query: WantedInstances) -> dict[str, Any]:
    """Instances, the newest first."""
    found = queries.instances(access.session(), **query.model_dump())
    return page(found.rows, found.total)


@api.post("/instances", tags=_TAGS, responses=answers(Started, 201))
@needs("instance.start")
def start_instance(body: NewInstance) -> tuple[dict[str, Any], int]:
    """Start a life cycle; it has run to its first rest when the answer comes."""
    id = instances.start(house(), access.current_person(), body.process, body.subject, body.answer)
    return plain(Started(id=id)), 201


@api.get("/instances/<uuid:instance>", tags=_TAGS, responses=answers(InstanceDetail))
@needs("instance.view")
def show_instance(path: InstancePath) -> dict[str, Any]:
    """Where an instance stands, what it waits for and who owes it, and all that went before."""
    found: dict[str, Any] = plain(queries.instance(access.session(), path.instance))
    return found


@api.get("/instances/<uuid:instance>/variables", tags=_TAGS, responses=answers(dict[str, Any]))
@needs("instance.view")
def instance_variables(path: InstancePath) -> dict[str, Any]:
    """The variables of an instance as it came to rest last."""
    found: dict[str, Any] = plain(queries.variables(access.session(), path.instance))
    return found


@api.get("/instances/<uuid:instance>/waits", tags=_TAGS, responses=page_of(Wait))
@needs("instance.view")
def instance_waits(path: InstancePath) -> dict[str, Any]:
    """What an instance waited for, for whom and how long, element by element, in the order of time."""
    session = access.session()
    queries.instance(session, path.instance)
    found = waits.of_instance(session, path.instance)
    return page(found, len(found))


@api.get("/instances/<uuid:instance>/diagram", tags=_TAGS, responses=answers(Diagram))
@needs("instance.view")
def instance_diagram(path: InstancePath) -> dict[str, Any]:
    """The diagrams that an instance runs, with its tokens, what it passed, and what stands in its way."""
    session = access.session()
    detail = queries.instance(session, path.instance)
    passed: dict[str, dict[str, int]] = {}
    for step in detail.steps:
        if step.left_at is not None:
            of_process = passed.setdefault(step.process, {})
            of_process[step.element] = of_process.get(step.element, 0) + 1
    incidents: dict[str, list[str]] = {}
    for incident in detail.incidents:
        if incident.closed_at is None:
            incidents.setdefault(incident.process, []).append(incident.element)
    drawn = {
        process: next(
            content.decode(errors="replace")
            for name, content in definitions.files_of(session, definition).items()
            if name.endswith(".bpmn")
        )
        for process, definition in detail.members.items()
    }
    found: dict[str, Any] = plain(
        Diagram(diagrams=drawn, active=detail.instance.active, passed=passed, incidents=incidents)
    )
    return found


@api.post("/instances/<uuid:instance>/retry", tags=_TAGS, responses=answers(Moved))
@needs("instance.operate")
def retry_instance(path: InstancePath, body: WantedRetry) -> dict[str, Any]:
    """Try the failed steps of an instance again."""
    count = instances.retry(house(), access.current_person(), path.instance, body.task, body.reason)
    return _moved(path.instance, count)


@api.get("/instances/<uuid:instance>/steps/<uuid:task>", tags=_TAGS, responses=answers(FailedStep))
@needs("instance.view")
def show_failed_step(path: StepPath) -> dict[str, Any]:
    """A failed step with the parameters that it would be called with now, and what its handler takes."""
    found: dict[str, Any] = plain(standing.failed_step(access.session(), path.instance, path.task))
    return found


@api.post("/instances/<uuid:instance>/steps/<uuid:task>/retry", tags=_TAGS, responses=answers(Moved))
@needs("instance.operate")
def retry_step(path: StepPath, body: EditedRetry) -> dict[str, Any]:
    """Try a failed step again with other parameters, for this visit of it alone."""
    instances.retry_edited(house(), access.current_person(), path.instance, path.task, body.parameters, body.reason)
    return _moved(path.instance, 1)


@api.get("/instances/<uuid:instance>/tokens", tags=_TAGS, responses=page_of(StandingToken))
@needs("instance.view")
def instance_tokens(path: InstancePath) -> dict[str, Any]:
    """The tokens of an instance that can be moved, and to which elements."""
    found = standing.tokens(access.session(), path.instance)
    return page(found, len(found))


@api.post("/instances/<uuid:instance>/tokens/move", tags=_TAGS, responses=answers(Moved))
@needs("instance.operate")
def move_token(path: InstancePath, body: WantedMove) -> dict[str, Any]:
    """Put a token at another element of its scope; refused unless every policy holds with a way drawn there."""
    instances.move_token(house(), access.current_person(), path.instance, body.task, body.element, body.reason)
    return _moved(path.instance)


@api.post("/instances/<uuid:instance>/variables", tags=_TAGS, responses=answers(Moved))
@needs("instance.operate")
def set_variables(path: InstancePath, body: NewValues) -> dict[str, Any]:
    """Give variables other values in all branches; open tasks show them, approvals on other values are void."""
    instances.set_variables(house(), access.current_person(), path.instance, body.variables, body.reason)
    return _moved(path.instance)


@api.post("/instances/<uuid:instance>/suspend", tags=_TAGS, responses=answers(Moved))
@needs("instance.operate")
def suspend_instance(path: InstancePath, body: Reason) -> dict[str, Any]:
    """Hold an instance until it is resumed."""
    instances.suspend(house(), access.current_person(), path.instance, body.reason)
    return _moved(path.instance)


@api.post("/instances/<uuid:instance>/resume", tags=_TAGS, responses=answers(Moved))
@needs("instance.operate")
def resume_instance(path: InstancePath, body: Reason) -> dict[str, Any]:
    """Let a suspended instance go on."""
    instances.resume(house(), access.current_person(), path.instance, body.reason)
    return _moved(path.instance)


@api.post("/instances/<uuid:instance>/cancel", tags=_TAGS, responses=answers(Moved))
@needs("instance.operate")
def cancel_instance(path: InstancePath, body: Reason) -> dict[str, Any]:
    """End an instance for good, with all that it waits for."""
    instances.cancel(house(), access.current_person(), path.instance, body.reason)
    return _moved(path.instance)


def _moved(instance: UUID, retried: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = plain(Moved(id=instance, retried=retried))
    return found
