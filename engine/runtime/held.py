"""What the road has in hand, as values: an instance whose row is locked, and the job or user task that named it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.runtime.values import UserTask


@dataclass(slots=True, kw_only=True)
class Held:
    """An instance in hand: its row as it was locked, changed as it moves, written at the end."""

    id: UUID
    process: str
    version: int | None
    sha256: str
    bundle: str
    subject: str  #: the business key
    starter: str
    origin: str
    state: str
    suspended: bool
    exclusive: bool
    revision: int
    workflow: bytes
    active: dict[str, dict[str, int]]
    waiting: dict[str, Any]
    outcome: str | None
    started_at: datetime
    moved_at: datetime
    ended_at: datetime | None
    job: Job | None = None  #: the one by which it was found
    user_task: UserTask | None = None  #: the one by which it was found


@dataclass(slots=True, kw_only=True)
class Job:
    """A job in hand: its row as it was locked with its instance's, changed as it ends, written with the rest."""

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
    error: str | None
    next_attempt_at: datetime | None
    ended_at: datetime | None
    admitted_at: datetime | None
    trace: str | None
    starter: str
    subject: str
    moves: bool  #: its instance runs, so that its result is of use
    suspended: bool
    limited: bool = False  #: an operator set limits for its handler, or a breaker counts failures

    @property
    def owed(self) -> bool:
        """Whether it still owes a result."""
        return self.state in ("queued", "running", "retrying")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceOf:
    """The instance to which a user task or a job belongs, where no more is known of it."""

    user_task: UUID | None = None
    job: UUID | None = None
