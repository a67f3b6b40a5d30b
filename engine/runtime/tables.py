"""The rows of the room; what leaves it is a value of `queries.py`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.base import Base, Moment


class DefinitionRow(Base):
    __tablename__ = "definitions"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("state IN ('draft', 'in_review', 'published', 'rejected')", name="state"),
        CheckConstraint("(state = 'published') = (version IS NOT NULL)", name="published"),
        Index("ix_definitions_state_name", "state", "name"),
        {"schema": "runtime"},
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(TEXT)
    version: Mapped[int | None]
    sha256: Mapped[str] = mapped_column(TEXT)
    state: Mapped[str] = mapped_column(TEXT)
    title: Mapped[str] = mapped_column(TEXT)
    author: Mapped[str] = mapped_column(TEXT)  #: who drew what its files are now
    authors: Mapped[list[str]] = mapped_column(ARRAY(TEXT))  #: all who had a hand in it: none of them reviews it
    reviewer: Mapped[str | None] = mapped_column(TEXT)
    comment: Mapped[str | None] = mapped_column(TEXT)
    created_at: Mapped[Moment]
    decided_at: Mapped[Moment | None]


class DefinitionFileRow(Base):
    __tablename__ = "definition_files"
    __table_args__ = ({"schema": "runtime"},)
    definition: Mapped[UUID] = mapped_column(ForeignKey("runtime.definitions.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(TEXT, primary_key=True)
    content: Mapped[bytes] = mapped_column(BYTEA)


class BundleRow(Base):
    __tablename__ = "bundles"
    __table_args__ = ({"schema": "runtime"},)
    digest: Mapped[str] = mapped_column(TEXT, primary_key=True)
    main: Mapped[str] = mapped_column(TEXT)
    members: Mapped[dict[str, str]] = mapped_column(JSONB)  #: process id -> id of its published definition
    created_at: Mapped[Moment]


class InstanceRow(Base):
    __tablename__ = "instances"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'finished', 'cancelled')", name="state"),
        Index("ix_instances_subject", "subject", "started_at"),
        Index("ix_instances_state_started", "state", "started_at"),
        Index("ix_instances_started", "started_at"),
        Index("ix_instances_process", "process", "started_at"),
        Index(
            "uq_instances_one_per_subject",
            "process",
            "subject",
            unique=True,
            postgresql_where=text("state = 'running' AND exclusive"),
        ),
        {"schema": "runtime"},
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(TEXT)
    version: Mapped[int]
    sha256: Mapped[str] = mapped_column(TEXT)
    bundle: Mapped[str] = mapped_column(TEXT)  #: no foreign key: each start would lock the row that all share
    subject: Mapped[str] = mapped_column(TEXT)  #: the business key: a model's id, or empty
    starter: Mapped[str] = mapped_column(TEXT)
    origin: Mapped[str] = mapped_column(TEXT)  #: "person", or "schedule <name>"
    state: Mapped[str] = mapped_column(TEXT)
    suspended: Mapped[bool]
    exclusive: Mapped[bool]  #: only one of this process and subject may run
    revision: Mapped[int]
    workflow: Mapped[bytes] = mapped_column(BYTEA)
    active: Mapped[dict[str, dict[str, int]]] = mapped_column(JSONB)  #: process -> element -> tokens
    waiting: Mapped[dict[str, Any]] = mapped_column(JSONB)  #: ids of its open rows, so that a move need not read them
    outcome: Mapped[str | None] = mapped_column(TEXT)
    started_at: Mapped[Moment]
    moved_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]


def _instance() -> Mapped[UUID]:
    return mapped_column(ForeignKey("runtime.instances.id", ondelete="CASCADE"))


class StepRow(Base):
    __tablename__ = "steps"
    __table_args__ = (Index("ix_steps_instance_number", "instance", "number"), {"schema": "runtime"})
    instance: Mapped[UUID] = mapped_column(ForeignKey("runtime.instances.id", ondelete="CASCADE"), primary_key=True)
    task: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    element: Mapped[str] = mapped_column(TEXT)
    name: Mapped[str] = mapped_column(TEXT)
    kind: Mapped[str] = mapped_column(TEXT)
    process: Mapped[str] = mapped_column(TEXT)
    scope: Mapped[str] = mapped_column(TEXT)  #: the call path, "" for the main process
    entered_at: Mapped[Moment]
    left_at: Mapped[Moment | None]
    outcome: Mapped[str | None] = mapped_column(TEXT)
    actor: Mapped[str | None] = mapped_column(TEXT)


class UserTaskRow(Base):
    __tablename__ = "user_tasks"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'completed', 'cancelled')", name="state"),
        Index(
            "ix_user_tasks_waiting",
            "role",
            "due_at",
            "opened_at",
            postgresql_include=["id", "assignee", "searched"],
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_user_tasks_open", "opened_at", postgresql_where=text("state = 'open'")),
        Index("ix_user_tasks_assignee", "assignee", postgresql_where=text("state = 'open'")),
        Index("ix_user_tasks_instance", "instance", "element"),
        Index("ix_user_tasks_subject", "subject"),
        {"schema": "runtime"},
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    instance: Mapped[UUID] = _instance()
    element: Mapped[str] = mapped_column(TEXT)
    name: Mapped[str] = mapped_column(TEXT)
    process: Mapped[str] = mapped_column(TEXT)
    scope: Mapped[str] = mapped_column(TEXT)
    subject: Mapped[str] = mapped_column(TEXT)
    role: Mapped[str] = mapped_column(TEXT)
    kind: Mapped[str] = mapped_column(TEXT)
    form: Mapped[str | None] = mapped_column(TEXT)
    documentation: Mapped[str] = mapped_column(TEXT)
    shut_out: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    evidence: Mapped[list[dict[str, str]]] = mapped_column(
        JSONB
    )  #: [{name, title, digest, missing (why there is none)}]
    variables: Mapped[dict[str, Any]] = mapped_column(JSONB)
    properties: Mapped[dict[str, str]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(TEXT)
    assignee: Mapped[str | None] = mapped_column(TEXT)
    opened_at: Mapped[Moment]
    due_at: Mapped[Moment | None]
    closed_at: Mapped[Moment | None]
    closed_by: Mapped[str | None] = mapped_column(TEXT)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    claimed_at: Mapped[Moment | None]  #: since when it is in its assignee's hands
    changed_at: Mapped[Moment | None]  #: when an operator last changed a variable that it shows
    #: what a search reads, short enough for an index
    searched: Mapped[str] = mapped_column(
        TEXT,
        Computed("left(name, 150) || chr(10) || left(subject, 150) || chr(10) || left(process, 150)", persisted=True),
        nullable=True,
        deferred=True,
    )


class EvidenceRow(Base):
    """What deciders were shown, by digest: kept in the transaction that freezes it, so that none points at nothing."""

    __tablename__ = "evidence"
    __table_args__ = ({"schema": "runtime"},)
    digest: Mapped[str] = mapped_column(TEXT, primary_key=True)
    content: Mapped[bytes] = mapped_column(BYTEA)
    kept_at: Mapped[Moment]


class JobRow(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'retrying', 'failed', 'done', 'cancelled')", name="state"),
        Index("ix_jobs_instance", "instance"),
        Index(
            "ix_jobs_open",
            "state",
            "queued_at",
            postgresql_where=text("state IN ('queued', 'running', 'retrying', 'failed')"),
        ),
        Index("ix_jobs_line", "handler", "held_since", postgresql_where=text("held_since IS NOT NULL")),
        Index("ix_jobs_admitted", "handler", postgresql_where=text("admitted_at IS NOT NULL")),
        {"schema": "runtime"},
    )
    task: Mapped[UUID] = mapped_column(primary_key=True)
    instance: Mapped[UUID] = _instance()
    element: Mapped[str] = mapped_column(TEXT)
    name: Mapped[str] = mapped_column(TEXT)
    process: Mapped[str] = mapped_column(TEXT)
    handler: Mapped[str] = mapped_column(TEXT)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(TEXT)
    attempt: Mapped[int]
    attempts: Mapped[int]
    progress: Mapped[float]
    progress_text: Mapped[str] = mapped_column(TEXT)
    error: Mapped[str | None] = mapped_column(TEXT)
    worker: Mapped[str | None] = mapped_column(TEXT)
    queued_at: Mapped[Moment]
    started_at: Mapped[Moment | None]
    next_attempt_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    trace: Mapped[str | None] = mapped_column(TEXT)  #: W3C traceparent of what queued it
    target: Mapped[str | None] = mapped_column(TEXT)  #: the outside thing that it asks, where its handler names one
    held_since: Mapped[Moment | None]  #: it stands in line: the queue does not hold it
    admitted_at: Mapped[Moment | None]  #: it has a place among those that may run; taken back when it has ended


class LimitRow(Base):
    """What an operator set for a handler, in place of what it declares; null is no limit."""

    __tablename__ = "limits"
    __table_args__ = (
        CheckConstraint("(starts IS NULL) = (per_seconds IS NULL)", name="rate"),
        {"schema": "runtime"},
    )
    handler: Mapped[str] = mapped_column(TEXT, primary_key=True)
    concurrency: Mapped[int | None]
    starts: Mapped[int | None]
    per_seconds: Mapped[float | None]
    failures: Mapped[int | None]
    pause_seconds: Mapped[float | None]
    reason: Mapped[str] = mapped_column(TEXT)
    changed_by: Mapped[str] = mapped_column(TEXT)
    changed_at: Mapped[Moment]


class StartRow(Base):
    """One start of a job whose handler has a rate; forgotten when it is older than the rate looks back."""

    __tablename__ = "starts"
    __table_args__ = (Index("ix_starts_handler_at", "handler", "at"), {"schema": "runtime"})
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    handler: Mapped[str] = mapped_column(TEXT)
    at: Mapped[Moment]


class BreakerRow(Base):
    __tablename__ = "breakers"
    __table_args__ = (
        CheckConstraint("state IN ('closed', 'open', 'half_open')", name="state"),
        {"schema": "runtime"},
    )
    handler: Mapped[str] = mapped_column(TEXT, primary_key=True)
    target: Mapped[str] = mapped_column(TEXT, primary_key=True)
    state: Mapped[str] = mapped_column(TEXT)
    failures: Mapped[int]  #: technical ones in a row
    cause: Mapped[str] = mapped_column(TEXT)
    opened_at: Mapped[Moment | None]
    probe_at: Mapped[Moment | None]  #: when one job may try
    pause_seconds: Mapped[float]
    probe: Mapped[UUID | None]  #: the task that tries
    changed_at: Mapped[Moment]


class TimerRow(Base):
    __tablename__ = "timers"
    __table_args__ = (
        Index("ix_timers_due", "due_at", postgresql_where=text("NOT parked")),
        Index("ix_timers_instance", "instance"),
        {"schema": "runtime"},
    )
    task: Mapped[UUID] = mapped_column(primary_key=True)
    instance: Mapped[UUID] = _instance()
    element: Mapped[str] = mapped_column(TEXT)
    name: Mapped[str] = mapped_column(TEXT)
    process: Mapped[str] = mapped_column(TEXT)
    due_at: Mapped[Moment]
    parked: Mapped[bool]  #: its instance is suspended: not looked at until it goes on


class SubscriptionRow(Base):
    __tablename__ = "subscriptions"
    __table_args__ = (
        Index("ix_subscriptions_message_key", "message", "key"),
        Index("ix_subscriptions_instance", "instance"),
        {"schema": "runtime"},
    )
    task: Mapped[UUID] = mapped_column(primary_key=True)
    instance: Mapped[UUID] = _instance()
    element: Mapped[str] = mapped_column(TEXT)
    name: Mapped[str] = mapped_column(TEXT)
    process: Mapped[str] = mapped_column(TEXT)
    message: Mapped[str] = mapped_column(TEXT)
    key: Mapped[str] = mapped_column(TEXT)


class MessageRow(Base):
    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("kind IN ('message', 'continuation')", name="kind"),
        Index("ix_messages_waiting", "sent_at", postgresql_where=text("delivered_at IS NULL")),
        Index(
            "ix_messages_delivered_to",
            "delivered_to",
            "delivered_at",
            postgresql_where=text("delivered_to IS NOT NULL"),
        ),
        {"schema": "runtime"},
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(TEXT)
    name: Mapped[str] = mapped_column(TEXT)
    key: Mapped[str] = mapped_column(TEXT)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sender: Mapped[str] = mapped_column(TEXT)
    sent_at: Mapped[Moment]
    expires_at: Mapped[Moment | None]
    delivered_at: Mapped[Moment | None]
    delivered_to: Mapped[UUID | None]
    outcome: Mapped[str | None] = mapped_column(TEXT)


class IncidentRow(Base):
    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_instance", "instance"),
        Index("ix_incidents_open", "opened_at", postgresql_where=text("closed_at IS NULL")),
        {"schema": "runtime"},
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    instance: Mapped[UUID] = _instance()
    task: Mapped[UUID | None]
    element: Mapped[str] = mapped_column(TEXT)
    name: Mapped[str] = mapped_column(TEXT)
    process: Mapped[str] = mapped_column(TEXT)
    kind: Mapped[str] = mapped_column(TEXT)
    cause: Mapped[str] = mapped_column(TEXT)
    way_on: Mapped[str] = mapped_column(TEXT)
    opened_at: Mapped[Moment]
    closed_at: Mapped[Moment | None]
    closed_by: Mapped[str | None] = mapped_column(TEXT)
    resolution: Mapped[str | None] = mapped_column(TEXT)


class ScheduleRow(Base):
    __tablename__ = "schedules"
    __table_args__ = (
        UniqueConstraint("name"),
        CheckConstraint("missed IN ('run_once', 'run_all', 'skip')", name="missed"),
        Index("ix_schedules_due", "next_due_at", postgresql_where=text("NOT paused")),
        {"schema": "runtime"},
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(TEXT)
    process: Mapped[str] = mapped_column(TEXT)
    subject: Mapped[str] = mapped_column(TEXT)
    variables: Mapped[dict[str, Any]] = mapped_column(JSONB)
    timing: Mapped[str] = mapped_column(TEXT)  #: a cron expression or an ISO 8601 repeating interval
    timezone: Mapped[str] = mapped_column(TEXT)
    missed: Mapped[str] = mapped_column(TEXT)
    owner: Mapped[str] = mapped_column(TEXT)
    paused: Mapped[bool]
    created_at: Mapped[Moment]
    next_due_at: Mapped[Moment | None]


class ScheduleRunRow(Base):
    __tablename__ = "schedule_runs"
    __table_args__ = (
        CheckConstraint("outcome IN ('started', 'missed', 'refused', 'failed')", name="outcome"),
        {"schema": "runtime"},
    )
    schedule: Mapped[UUID] = mapped_column(ForeignKey("runtime.schedules.id", ondelete="CASCADE"), primary_key=True)
    due_at: Mapped[Moment] = mapped_column(primary_key=True)
    fired_at: Mapped[Moment]
    outcome: Mapped[str] = mapped_column(TEXT)
    instance: Mapped[UUID | None]
    detail: Mapped[str] = mapped_column(TEXT)
