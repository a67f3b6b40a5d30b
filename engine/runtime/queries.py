"""What pages, API and command line read of running life cycles: values, a fixed number of statements, no locks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, defer

from engine import bpmn
from engine.identity import Person
from engine.runtime import bundles, definitions, forms, signals, user_tasks
from engine.runtime.definitions import Definition
from engine.runtime.tables import (
    DefinitionRow,
    IncidentRow,
    InstanceRow,
    JobRow,
    MessageRow,
    ScheduleRow,
    ScheduleRunRow,
    StepRow,
    SubscriptionRow,
    TimerRow,
    UserTaskRow,
)
from engine.runtime.transaction import InstanceUnknown
from engine.runtime.values import (
    Incident,
    Instance,
    InstanceDetail,
    Job,
    Page,
    Schedule,
    ScheduleRun,
    Step,
    UserTask,
    Waiting,
)
from engine.store import now

#: a list says how long it is up to here: counting a million rows takes longer than all else that a page does
MOST_COUNTED = 5_000

T = TypeVar("T")
V = TypeVar("V")


def inbox(
    session: Session,
    person: Person,
    *,
    search: str = "",
    role: str = "",
    mine: bool = False,
    unclaimed: bool = False,
    overdue: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> Page[UserTask]:
    """The open tasks of the person's own roles, their own first, then by due date and age (R11).

    mine, unclaimed, overdue: only those in their hands, in nobody's, past their due date.
    """
    roles = [role] if role in person.roles else [] if role else sorted(person.roles)
    query = select(UserTaskRow).where(UserTaskRow.state == "open", UserTaskRow.role.in_(roles))
    if mine:
        query = query.where(UserTaskRow.assignee == person.id)
    if unclaimed:
        query = query.where(UserTaskRow.assignee.is_(None))
    if overdue:
        query = query.where(UserTaskRow.due_at < now(session))
    query = _search(query, search, UserTaskRow.searched)
    # Role by role, and their own apart: each part is the head of an index, however many tasks wait.
    theirs = UserTaskRow.assignee == person.id
    others = UserTaskRow.assignee.is_distinct_from(person.id)
    parts = [query.where(theirs), *(query.where(others, UserTaskRow.role == each) for each in roles)]
    by_age = (UserTaskRow.due_at.nulls_last(), UserTaskRow.opened_at)
    heads = union_all(
        *(
            select(part.with_only_columns(UserTaskRow.id).order_by(*by_age).limit(offset + limit).subquery())
            for part in parts
        )
    )
    shown = select(UserTaskRow).where(UserTaskRow.id.in_(heads))
    rows = session.scalars(shown.order_by(theirs.desc().nulls_last(), *by_age).limit(limit).offset(offset))
    return Page([_value(UserTask, row) for row in rows], _count(session, query))


def tasks(
    session: Session,
    *,
    instance: UUID | None = None,
    process: str = "",
    subject: str = "",
    state: str = "",
    closed_by: str = "",
    limit: int = 50,
    offset: int = 0,
) -> Page[UserTask]:
    """User tasks, the newest first, whoever they wait for."""
    query = select(UserTaskRow)
    for wanted, column in (
        (instance, UserTaskRow.instance),
        (process, UserTaskRow.process),
        (subject, UserTaskRow.subject),
        (state, UserTaskRow.state),
        (closed_by, UserTaskRow.closed_by),
    ):
        if wanted:
            query = query.where(column == wanted)
    return _page(session, query, (UserTaskRow.opened_at.desc(), UserTaskRow.id), UserTask, limit, offset)


def task(session: Session, task: UUID) -> UserTask:
    """The user task of this id; raises TaskUnknown."""
    row = session.get(UserTaskRow, task)
    if row is None:
        raise user_tasks.TaskUnknown(task=task)
    return _value(UserTask, row)


def task_form(session: Session, task: UserTask) -> forms.Form | None:
    """The form of a user task, from the bundle that its instance runs."""
    digest = session.scalar(select(InstanceRow.bundle).where(InstanceRow.id == task.instance))
    if digest is None or task.form is None:
        return None
    return user_tasks.form_of(bundles.load(session, digest), task.process, task.form)


def start_form(session: Session, process: str) -> forms.Form | None:
    """The form that starts the latest version of a process; raises DefinitionUnknown."""
    bundle, _ = bundles.resolve(session, process)
    return user_tasks.form_of(bundle, process, bpmn.describe(bundle.files(process)).start_form)


def instances(
    session: Session,
    *,
    search: str = "",
    state: str = "",
    process: str = "",
    subject: str = "",
    starter: str = "",
    incident: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> Page[Instance]:
    """Instances, the newest first. state: running, finished, cancelled or suspended."""
    query = select(InstanceRow).options(defer(InstanceRow.workflow))  # kilobytes each, and no list shows them
    if state == "suspended":
        query = query.where(InstanceRow.suspended, InstanceRow.state == "running")
    elif state:
        query = query.where(InstanceRow.state == state)
    for wanted, column in (
        (process, InstanceRow.process),
        (subject, InstanceRow.subject),
        (starter, InstanceRow.starter),
    ):
        if wanted:
            query = query.where(column == wanted)
    if incident:
        query = query.where(InstanceRow.id.in_(select(IncidentRow.instance).where(IncidentRow.closed_at.is_(None))))
    query = _search(query, search, InstanceRow.process, InstanceRow.subject, InstanceRow.starter)
    return _page(session, query, (InstanceRow.started_at.desc(), InstanceRow.id), Instance, limit, offset)


def instance(session: Session, instance: UUID) -> InstanceDetail:
    """All that an instance's page shows, in eight statements; raises InstanceUnknown."""
    row = session.get(InstanceRow, instance)
    if row is None:
        raise InstanceUnknown(instance=instance)
    steps = [
        _value(Step, each)
        for each in session.scalars(select(StepRow).where(StepRow.instance == instance).order_by(StepRow.number))
    ]
    tasks_ = [
        _value(UserTask, each)
        for each in session.scalars(
            select(UserTaskRow).where(UserTaskRow.instance == instance).order_by(UserTaskRow.opened_at)
        )
    ]
    jobs = [
        _value(Job, each)
        for each in session.scalars(select(JobRow).where(JobRow.instance == instance).order_by(JobRow.queued_at))
    ]
    incidents = [
        _value(Incident, each)
        for each in session.scalars(
            select(IncidentRow).where(IncidentRow.instance == instance).order_by(IncidentRow.opened_at)
        )
    ]
    timers = session.scalars(select(TimerRow).where(TimerRow.instance == instance).order_by(TimerRow.due_at)).all()
    messages = session.scalars(select(SubscriptionRow).where(SubscriptionRow.instance == instance)).all()
    members = bundles.members(session, row.bundle)
    return InstanceDetail(
        instance=_value(Instance, row),
        steps=steps,
        user_tasks=tasks_,
        jobs=jobs,
        incidents=incidents,
        waiting=[*_waiting(tasks_, jobs, incidents, timers, messages), *_conditions(row.waiting)],
        members=members,
        versions=bundles.versions(session, members),
    )


def variables(session: Session, instance: UUID) -> dict[str, Any]:
    """The variables of an instance as it came to rest last."""
    row = session.get(InstanceRow, instance)
    if row is None:
        raise InstanceUnknown(instance=instance)
    execution = bpmn.Execution.restore(bundles.load(session, row.bundle), bytes(row.workflow), now=row.moved_at)
    return execution.variables()


def definition_list(
    session: Session, *, name: str = "", state: str = "", limit: int = 200, offset: int = 0
) -> Page[Definition]:
    """Definitions and drafts, by name, the newest version first."""
    query = select(DefinitionRow)
    if name:
        query = query.where(DefinitionRow.name == name)
    if state:
        query = query.where(DefinitionRow.state == state)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.scalars(
        query.order_by(DefinitionRow.name, DefinitionRow.created_at.desc()).limit(limit).offset(offset)
    )
    return Page([definitions.value(row) for row in rows], total)


def library(session: Session) -> list[Definition]:
    """The latest published version of each process (R13)."""
    rows = session.scalars(
        select(DefinitionRow)
        .where(DefinitionRow.state == "published")
        .ext(distinct_on(DefinitionRow.name))
        .order_by(DefinitionRow.name, DefinitionRow.version.desc())
    )
    return [definitions.value(row) for row in rows]


def schedules(
    session: Session, *, search: str = "", stalled: bool = False, limit: int = 100, offset: int = 0
) -> Page[Schedule]:
    """Schedules by name, each with its last run. stalled: those alone whose last run could not start."""
    last = (
        select(ScheduleRunRow)
        .ext(distinct_on(ScheduleRunRow.schedule))
        .order_by(ScheduleRunRow.schedule, ScheduleRunRow.due_at.desc())
        .subquery()
    )
    query = _search(
        select(ScheduleRow, last.c.outcome, last.c.due_at, last.c.instance, last.c.detail).outerjoin(
            last, last.c.schedule == ScheduleRow.id
        ),
        search,
        ScheduleRow.name,
        ScheduleRow.process,
        ScheduleRow.subject,
    )
    if stalled:
        query = query.where(last.c.outcome.in_(["failed", "refused"]), ~ScheduleRow.paused)
    total = session.scalar(select(func.count()).select_from(query.with_only_columns(ScheduleRow.id).subquery())) or 0
    found = []
    for row, outcome, due, started, detail in session.execute(
        query.order_by(ScheduleRow.name).limit(limit).offset(offset)
    ):
        plain = {name: getattr(row, name) for name in Schedule.__slots__ if not name.startswith("last_")}
        found.append(
            Schedule(**plain, last_outcome=outcome, last_due_at=due, last_instance=started, last_detail=detail)
        )
    return Page(found, total)


def schedule_runs(session: Session, schedule: UUID, *, limit: int = 50, offset: int = 0) -> Page[ScheduleRun]:
    """The runs of a schedule, the newest first: started, missed or refused, each with its reason."""
    query = select(ScheduleRunRow).where(ScheduleRunRow.schedule == schedule)
    return _page(session, query, (ScheduleRunRow.due_at.desc(),), ScheduleRun, limit, offset)


def counts(session: Session) -> dict[str, int]:
    """How much there is of what an operator looks at first."""
    row = session.execute(
        select(
            select(func.count()).where(InstanceRow.state == "running").scalar_subquery(),
            select(func.count()).where(UserTaskRow.state == "open").scalar_subquery(),
            select(func.count()).where(IncidentRow.closed_at.is_(None)).scalar_subquery(),
            select(func.count()).where(JobRow.state.in_(["queued", "running", "retrying"])).scalar_subquery(),
            select(func.count())
            .where(MessageRow.delivered_at.is_(None), MessageRow.kind == literal("message"))
            .scalar_subquery(),
        )
    ).one()
    return dict(zip(("running", "open_tasks", "incidents", "jobs", "messages"), row, strict=True))


def open_incidents(session: Session, *, limit: int = 50, offset: int = 0) -> Page[Incident]:
    """What stands in the way now, the oldest first."""
    query = select(IncidentRow).where(IncidentRow.closed_at.is_(None))
    return _page(session, query, (IncidentRow.opened_at, IncidentRow.id), Incident, limit, offset)


def _waiting(
    tasks_: list[UserTask],
    jobs: list[Job],
    incidents: list[Incident],
    timers: Iterable[TimerRow],
    messages: Iterable[SubscriptionRow],
) -> Iterable[Waiting]:
    for incident in incidents:
        if incident.closed_at is None:
            yield Waiting(
                kind="incident",
                element=incident.element,
                name=incident.name,
                process=incident.process,
                owed_by="it_operations",
                next_act=f"{incident.cause} {incident.way_on}",
                since=incident.opened_at,
                task=incident.task,
            )
    for each in tasks_:
        if each.state == "open":
            who = each.assignee or each.role
            yield Waiting(
                kind="user task",
                element=each.element,
                name=each.name,
                process=each.process,
                owed_by=who,
                next_act=f"{who} decides it in the inbox.",
                since=each.opened_at,
                until=each.due_at,
                task=each.id,
            )
    for job in jobs:
        if job.state in ("queued", "running", "retrying"):
            said = {
                "queued": "A worker takes it next.",
                "running": f"{job.progress:.0%} {job.progress_text}".strip(),
                "retrying": f"Attempt {job.attempt} of {job.attempts} failed ({job.error}); it is tried again.",
            }[job.state]
            if job.held_since:
                said = (
                    f"It stands in line since {job.held_since:%Y-%m-%d %H:%M:%S} UTC: {job.handler} is limited, or its "
                    "breaker is open; see `gatewright handler list`."
                )
            yield Waiting(
                kind="job",
                element=job.element,
                name=job.name,
                process=job.process,
                owed_by="worker",
                next_act=said,
                since=job.queued_at,
                until=job.next_attempt_at,
                task=job.task,
            )
    for timer in timers:
        yield Waiting(
            kind="timer",
            element=timer.element,
            name=timer.name,
            process=timer.process,
            owed_by="clock",
            next_act="It goes on by itself when the time has come.",
            since=None,
            until=timer.due_at,
            task=timer.task,
        )
    for message in messages:
        signal = signals.is_key(message.key)
        yield Waiting(
            kind="signal" if signal else "message",
            element=message.element,
            name=message.name,
            process=message.process,
            owed_by="another life cycle or an outside event",
            next_act=f"It goes on when the signal {message.message} is sent."
            if signal
            else f"It goes on when {message.message} arrives for {message.key or 'it'}.",
            since=None,
            task=message.task,
        )


def _conditions(waiting: dict[str, Any]) -> Iterable[Waiting]:
    for each in waiting.get("conditions", ()):
        yield Waiting(
            kind="condition",
            element=each["element"],
            name=each["name"],
            process=each["process"],
            owed_by="the other branches",
            next_act=f"It goes on when this is true: {each['condition']}",
            since=None,
            task=UUID(each["task"]),
        )


def _search(query: Select[Any], search: str, *columns: Any) -> Select[Any]:
    if not search:
        return query
    pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return query.where(or_(*(column.ilike(pattern) for column in columns)))


def _page(
    session: Session, query: Select[Any], order: tuple[Any, ...], kind: type[V], limit: int, offset: int
) -> Page[V]:
    rows = session.scalars(query.order_by(*order).limit(limit).offset(offset))
    return Page([_value(kind, row) for row in rows], _count(session, query))


def _count(session: Session, query: Select[Any]) -> int:
    counted = query.with_only_columns(literal(1), maintain_column_froms=True).limit(MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(counted)) or 0


def _value(kind: type[V], row: Any) -> V:
    return kind(**{name: getattr(row, name) for name in kind.__slots__})  # type: ignore[attr-defined]
