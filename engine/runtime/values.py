"""What the room tells of its rows: frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from engine.runtime import edits

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTask:
    """A user task as the inbox and its page show it."""

    id: UUID
    instance: UUID
    element: str
    name: str
    process: str
    scope: str
    subject: str
    role: str
    kind: str
    form: str | None
    documentation: str
    shut_out: list[str]
    evidence: list[dict[str, str]]
    variables: dict[str, Any]
    properties: dict[str, str]
    state: str
    assignee: str | None
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    answer: dict[str, Any] | None
    claimed_at: datetime | None  #: since when it is in its assignee's hands
    changed_at: datetime | None  #: when an operator last changed a variable that it shows

    @property
    def variables_digest(self) -> str:
        """What a decider sends back to say which variables they saw."""
        return edits.digest(self.variables)

    def overdue(self, at: datetime) -> bool:
        """Whether it should have been decided before this moment."""
        return self.state == "open" and self.due_at is not None and self.due_at < at


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A process instance, without its state."""

    id: UUID
    process: str
    version: int
    sha256: str
    bundle: str
    subject: str
    starter: str
    origin: str
    state: str
    suspended: bool
    revision: int
    active: dict[str, dict[str, int]]  #: process -> element -> tokens
    outcome: str | None
    started_at: datetime
    moved_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One element that an instance went through, or stands at."""

    number: int
    task: UUID
    element: str
    name: str
    kind: str
    process: str
    scope: str
    entered_at: datetime
    left_at: datetime | None
    outcome: str | None
    actor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of an instance, under way or ended."""

    task: UUID
    instance: UUID
    element: str
    name: str
    process: str
    handler: str
    parameters: dict[str, Any]
    state: str
    attempt: int
    attempts: int
    progress: float
    progress_text: str
    error: str | None
    worker: str | None
    queued_at: datetime
    started_at: datetime | None
    next_attempt_at: datetime | None
    ended_at: datetime | None
    held_since: datetime | None = None  #: it stands in line, for its handler's limits or breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What stands, or stood, in an instance's way."""

    id: UUID
    instance: UUID
    task: UUID | None
    element: str
    name: str
    process: str
    kind: str
    cause: str
    way_on: str
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    resolution: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One thing an instance waits for, who owes it, and what the next act is: for its page and its requester."""

    kind: str  #: user task, job, timer, message, signal, condition, incident
    element: str
    name: str
    process: str
    owed_by: str
    next_act: str
    since: datetime | None
    until: datetime | None = None
    task: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceDetail:
    """All that an instance's page shows."""

    instance: Instance
    steps: list[Step]
    user_tasks: list[UserTask]
    jobs: list[Job]
    incidents: list[Incident]
    waiting: list[Waiting]
    members: dict[str, UUID] = field(default_factory=dict)  #: process id -> definition, for the diagrams
    versions: dict[str, int] = field(default_factory=dict)  #: process id -> version, as it was resolved at the start


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule and how its last run went."""

    id: UUID
    name: str
    process: str
    subject: str
    variables: dict[str, Any]
    timing: str
    timezone: str
    missed: str
    owner: str
    paused: bool
    created_at: datetime
    next_due_at: datetime | None
    last_outcome: str | None = None
    last_due_at: datetime | None = None
    last_instance: UUID | None = None
    last_detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRun:
    """One time at which a schedule was due."""

    due_at: datetime
    fired_at: datetime
    outcome: str  #: started, missed, refused, failed (unforeseen; it is tried again)
    instance: UUID | None
    detail: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, with the count of the whole."""

    rows: list[T]
    total: int  #: of lists that grow for ever counted up to 5,000
