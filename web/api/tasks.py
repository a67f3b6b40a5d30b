"""What waits for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from engine.identity import queries as people
from engine.runtime import instances, queries, user_tasks
from engine.runtime.forms import Form
from engine.runtime.values import UserTask
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, house, page, page_of, plain, tag

_TAGS = tag("Tasks", "What waits for people, and their decisions.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A piece of evidence as it was frozen for the decider."""

    name: str
    title: str
    digest: str  #: to be sent back with the decision, which is refused where it no longer holds
    missing: str  #: why it is not there; a decision is refused then
    content: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDetail:
    """A task with all that a decision takes."""

    task: UserTask
    form: Form | None
    evidence: list[Shown]
    variables_digest: str  #: to be sent back as `variables` with what was shown, once an operator has changed one


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision that was taken."""

    task: UUID
    instance: UUID


class TaskPath(BaseModel):
    """One task."""

    task: UUID


class WantedInbox(Listed):
    """Which tasks are asked for."""

    search: str = Field(default="", max_length=200, description="In name, subject and life cycle.")
    role: str = Field(default="", max_length=100, description="One of one's own roles.")
    mine: bool = Field(default=False, description="Only those in one's own hands.")


class WantedTasks(Listed):
    """Which tasks are asked for, whoever they wait for."""

    instance: UUID | None = None
    subject: str = Field(default="", max_length=200)
    state: str = Field(default="", max_length=50, description="open, completed or cancelled.")
    closed_by: str = Field(default="", max_length=200)


class Decision(BaseModel):
    """A person's decision."""

    answer: dict[str, Any] = Field(default={}, description="The answer to the task's form.")
    shown: dict[str, str] | None = Field(
        default=None,
        description="Evidence name to digest, as you saw it, and under `variables` the task's variables_digest; left "
        "out, what was frozen at opening is meant.",
    )


class Assignment(BaseModel):
    """Into whose hands."""

    person: str = Field(max_length=200, description="The login name.")


@api.get("/tasks", tags=_TAGS, responses=page_of(UserTask))
@needs("task.view")
def inbox(query: WantedInbox) -> dict[str, Any]:
    """One's inbox: the open tasks of one's roles, those in one's own hands first."""
    found = queries.inbox(access.session(), access.current_person(), **query.model_dump())
    return page(found.rows, found.total)


@api.get("/tasks/all", tags=_TAGS, responses=page_of(UserTask))
@needs("task.view")
def list_tasks(query: WantedTasks) -> dict[str, Any]:
    """Tasks of any role and state, the newest first."""
    found = queries.tasks(access.session(), **query.model_dump())
    return page(found.rows, found.total)


@api.get("/tasks/<uuid:task>", tags=_TAGS, responses=answers(TaskDetail))
@needs("task.view")
def show_task(path: TaskPath) -> dict[str, Any]:
    """A task with its form and its evidence, as it was frozen when the task opened."""
    session = access.session()
    task = queries.task(session, path.task)
    evidence = [
        Shown(
            name=each["name"],
            title=each["title"],
            digest=each["digest"],
            missing=each["missing"],
            content=user_tasks.evidence_content(session, each),
        )
        for each in task.evidence
    ]
    found: dict[str, Any] = plain(
        TaskDetail(
            task=task,
            form=queries.task_form(session, task),
            evidence=evidence,
            variables_digest=task.variables_digest,
        )
    )
    return found


@api.post("/tasks/<uuid:task>/claim", tags=_TAGS, responses=answers(UserTask))
@needs("task.work")
def claim_task(path: TaskPath) -> dict[str, Any]:
    """Take a task into one's own hands."""
    user_tasks.claim(house(), access.current_person(), path.task)
    return _task(path.task)


@api.post("/tasks/<uuid:task>/release", tags=_TAGS, responses=answers(UserTask))
@needs("task.work")
def release_task(path: TaskPath) -> dict[str, Any]:
    """Give a task back to its role."""
    user_tasks.release(house(), access.current_person(), path.task)
    return _task(path.task)


@api.post("/tasks/<uuid:task>/assign", tags=_TAGS, responses=answers(UserTask))
@needs("task.assign")
def assign_task(path: TaskPath, body: Assignment) -> dict[str, Any]:
    """Put a task into somebody's hands."""
    to = people.get(access.session(), body.person)
    user_tasks.assign(house(), access.current_person(), path.task, to)
    return _task(path.task)


@api.post("/tasks/<uuid:task>/complete", tags=_TAGS, responses=answers(Decided))
@needs("task.work")
def complete_task(path: TaskPath, body: Decision) -> dict[str, Any]:
    """Decide a task; the life cycle has gone on when the answer comes."""
    instance = instances.complete(house(), access.current_person(), path.task, body.answer, body.shown)
    found: dict[str, Any] = plain(Decided(task=path.task, instance=instance))
    return found


def _task(task: UUID) -> dict[str, Any]:
    found: dict[str, Any] = plain(queries.task(access.session(), task))
    return found
