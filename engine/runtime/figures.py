"""What the database knows of the house's work, as gauges for Prometheus: read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, column, func, select, table, true
from sqlalchemy.orm import Session

from engine.runtime.tables import (
    BreakerRow,
    IncidentRow,
    InstanceRow,
    JobRow,
    MessageRow,
    TimerRow,
    UserTaskRow,
)
from engine.store import now
from engine.telemetry.metrics import Gauge

#: breakers that are told by name; there is one for each outside thing that a handler asks
_MOST_BREAKERS = 200

#: name -> (what it is, labels)
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "gatewright_instances": ("Instances that have not ended, by state (running, suspended).", ("state",)),
    "gatewright_user_tasks_open": ("User tasks that wait for a person.", ()),
    "gatewright_user_tasks_overdue": ("Those of them that are past their due date.", ()),
    "gatewright_user_task_oldest_seconds": ("The age of the oldest open user task.", ()),
    "gatewright_incidents_open": ("Incidents that nobody has closed.", ()),
    "gatewright_incident_oldest_seconds": ("The age of the oldest open incident.", ()),
    "gatewright_queue_jobs": (
        "Jobs that are owed, by handler and state (queued, in_line, retrying, running).",
        ("handler", "state"),
    ),
    "gatewright_queue_oldest_seconds": ("The age of the oldest job that has not begun, by handler.", ("handler",)),
    "gatewright_timers_overdue": ("Timers that are due and have not fired.", ()),
    "gatewright_timer_overdue_seconds": ("How long the oldest of them is due.", ()),
    "gatewright_messages_waiting": ("Messages that nobody has taken, by kind (message, continuation).", ("kind",)),
    "gatewright_continuation_oldest_seconds": ("How long an instance waits to go on in another transaction.", ()),
    "gatewright_workers": ("Workers that were heard of within the time after which one is taken for dead.", ()),
    "gatewright_breaker": (
        "1 for the state that a circuit breaker is in (open, half_open), by handler and outside thing; closed: none.",
        ("handler", "target", "state"),
    ),
    "gatewright_transaction_oldest_seconds": (
        "The age of the oldest open transaction of the application's role: it holds vacuum back.",
        (),
    ),
}

Found = dict[str, Mapping[tuple[str, ...], float]]


def read(session: Session, silent_seconds: float) -> list[Gauge]:
    """Every gauge, in six statements. silent_seconds: after which a worker is taken for dead."""
    found: Found = {}
    for of in (_instances, _waiting, _timers, _jobs, _breakers):
        found |= of(session)
    found |= _server(session, silent_seconds)
    return [
        Gauge(name=name, help=help, labels=labels, samples=found.get(name, {}))
        for name, (help, labels) in GAUGES.items()
    ]


def _instances(session: Session) -> Found:
    query = select(InstanceRow.suspended, func.count()).where(InstanceRow.state == "running")
    counts: dict[tuple[str, ...], float] = {("running",): 0.0, ("suspended",): 0.0}
    for suspended, count in session.execute(query.group_by(InstanceRow.suspended)):
        counts[("suspended" if suspended else "running",)] = float(count)
    return {"gatewright_instances": counts}


def _waiting(session: Session) -> Found:
    at = now(session)
    tasks = (
        select(
            func.count().label("open"),
            func.count(case((UserTaskRow.due_at < at, 1))).label("overdue"),
            func.min(UserTaskRow.opened_at).label("oldest"),
        )
        .where(UserTaskRow.state == "open")
        .subquery()
    )
    incidents = (
        select(func.count().label("open"), func.min(IncidentRow.opened_at).label("oldest"))
        .where(IncidentRow.closed_at.is_(None))
        .subquery()
    )
    messages = (
        select(
            func.count(case((MessageRow.kind == "message", 1))).label("messages"),
            func.count(case((MessageRow.kind == "continuation", 1))).label("continuations"),
            func.min(case((MessageRow.kind == "continuation", MessageRow.sent_at))).label("oldest"),
        )
        .where(MessageRow.delivered_at.is_(None))
        .subquery()
    )
    row = session.execute(
        select(
            tasks.c.open,
            tasks.c.overdue,
            _age(tasks.c.oldest, at),
            incidents.c.open,
            _age(incidents.c.oldest, at),
            messages.c.messages,
            messages.c.continuations,
            _age(messages.c.oldest, at),
        ).select_from(tasks.join(incidents, true()).join(messages, true()))
    ).one()
    return {
        "gatewright_user_tasks_open": _one(row[0]),
        "gatewright_user_tasks_overdue": _one(row[1]),
        "gatewright_user_task_oldest_seconds": _one(row[2]),
        "gatewright_incidents_open": _one(row[3]),
        "gatewright_incident_oldest_seconds": _one(row[4]),
        "gatewright_messages_waiting": {("message",): float(row[5]), ("continuation",): float(row[6])},
        "gatewright_continuation_oldest_seconds": _one(row[7]),
    }


def _timers(session: Session) -> Found:
    at = now(session)
    due = (TimerRow.due_at <= at, ~TimerRow.parked)
    row = session.execute(select(func.count(), _age(func.min(TimerRow.due_at), at)).where(*due)).one()
    return {"gatewright_timers_overdue": _one(row[0]), "gatewright_timer_overdue_seconds": _one(row[1])}


def _jobs(session: Session) -> Found:
    at = now(session)
    state = case((JobRow.held_since.is_not(None), "in_line"), else_=JobRow.state)
    rows = session.execute(
        select(JobRow.handler, state.label("state"), func.count(), _age(func.min(JobRow.queued_at), at))
        .where(JobRow.state.in_(["queued", "running", "retrying"]))
        .group_by(JobRow.handler, state)
    ).all()
    depth: dict[tuple[str, ...], float] = {(handler, state): float(count) for handler, state, count, _ in rows}
    oldest: dict[tuple[str, ...], float] = {}
    for handler, state, _, age in rows:
        if state != "running":
            oldest[(handler,)] = max(oldest.get((handler,), 0.0), float(age))
    return {"gatewright_queue_jobs": depth, "gatewright_queue_oldest_seconds": oldest}


def _breakers(session: Session) -> Found:
    rows = session.execute(
        select(BreakerRow.handler, BreakerRow.target, BreakerRow.state)
        .where(BreakerRow.state != "closed")
        .order_by(BreakerRow.opened_at, BreakerRow.handler, BreakerRow.target)
        .limit(_MOST_BREAKERS)
    )
    return {"gatewright_breaker": dict.fromkeys(rows, 1.0)}


def _server(session: Session, silent_seconds: float) -> Found:
    workers = table("procrastinate_workers", column("last_heartbeat"))
    activity = table("pg_stat_activity", column("datname", Text), column("xact_start"), column("pid"))
    heard = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, silent_seconds)
    alive = select(func.count()).select_from(workers).where(workers.c.last_heartbeat > heard).scalar_subquery()
    oldest = (
        select(func.coalesce(func.max(func.extract("epoch", func.now() - activity.c.xact_start)), 0))
        .where(
            activity.c.datname == cast(func.current_database(), Text),
            activity.c.xact_start.is_not(None),
            activity.c.pid != func.pg_backend_pid(),
        )
        .scalar_subquery()
    )
    row = session.execute(select(alive, oldest)).one()
    return {"gatewright_workers": _one(row[0]), "gatewright_transaction_oldest_seconds": _one(max(row[1], 0))}


def _age(moment: ColumnElement[Any], at: Any) -> ColumnElement[Any]:
    """Seconds since; 0 where there is nothing."""
    return func.coalesce(func.greatest(func.extract("epoch", at - moment), 0), 0)


def _one(value: Any) -> Mapping[tuple[str, ...], float]:
    return {(): float(value or 0)}
