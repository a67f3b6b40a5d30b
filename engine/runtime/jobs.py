"""Service tasks at work: the transactional ones inside the road, the others as jobs of the queue."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import select, update

from engine import bpmn
from engine.errors import GatewrightError
from engine.runtime import forms, guard, incidents, registry, wakeups
from engine.runtime.tables import JobRow
from engine.store import canonical
from engine.telemetry import tracing

if TYPE_CHECKING:
    from engine.runtime.registry import ServiceTask
    from engine.runtime.transaction import Moving

#: the longest wait between two attempts
LONGEST_WAIT = timedelta(minutes=5)
#: canonical bytes of a result: a variable is written with the state at every step, and with every task it opens
LARGEST_RESULT = 256_000


class ErrorUndeclared(GatewrightError):
    """{handler} raised the error {code}, which it does not declare: {message}"""

    code = "error-undeclared"
    hint = "Declare it where the handler is registered (errors=...), or raise one of those it has: {known}."
    status = 500


class ParametersRefused(GatewrightError):
    """Service task {handler} was given wrong parameters: {reasons}."""

    code = "parameters-refused"
    hint = (
        "Correct the variable that it reads and retry, or the parameter's expression in a new version of the diagram."
    )
    status = 422


class ResultRefused(GatewrightError):
    """Service task {handler} returned {what}."""

    code = "result-refused"
    hint = "Return plain objects, lists, texts, finite numbers; keep large values as files and return their digest."
    status = 500


def invoke(moving: Moving, call: bpmn.ServiceCall) -> object:
    """The value of a service task, or PENDING where a job was queued; raises what stands in its way."""
    task = registry.find_service_task(call.handler)
    parameters = parse(task, call.parameters)
    if task.kind == "job":
        _queue(moving, call, task)
        return bpmn.PENDING
    ctx = moving.context(call.task_id, call.element)
    with (
        tracing.span(f"handler {task.name}", handler=task.name, element=call.element),
        moving.session.begin_nested(),
        guard.inside_transaction(call.handler, moving.session),
    ):
        try:
            value = json_value(task.name, task.function(moving.session, parameters, ctx))
        except bpmn.BpmnError as failure:
            raise declared(task, failure) from None
        moving.session.flush()
    moving.record("service_task.completed", element=call.element, handler=task.name, result=digest(value))
    return value


def declared(task: ServiceTask, failure: Exception) -> Exception:
    """The failure; a named error that the handler does not declare is a technical one.

    What is proven of diagrams at publish takes handlers at their word.
    """
    if isinstance(failure, bpmn.BpmnError) and failure.code not in task.errors:
        known = ", ".join(task.errors) or "none"
        return ErrorUndeclared(handler=task.name, code=failure.code, known=known, message=failure.message)
    return failure


def parse(task: ServiceTask, parameters: dict[str, Any]) -> BaseModel:
    """The parameters as the handler's own model; raises ParametersRefused naming each."""
    try:
        return task.parameters.model_validate(parameters)
    except ValidationError as refusal:
        reasons = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'all'}: {e['msg']}" for e in refusal.errors())
        raise ParametersRefused(handler=task.name, reasons=reasons) from None


def refuse_unknown_parameters(task: ServiceTask, parameters: dict[str, Any]) -> None:
    """Raises ParametersRefused for parameters that the handler does not have: its model would pass over them."""
    known = task.parameters.model_fields
    reasons = "; ".join(f"{name}: there is no such parameter" for name in parameters if name not in known)
    if reasons:
        raise ParametersRefused(handler=task.name, reasons=reasons)


def json_value(handler: str, value: Any) -> Any:
    """The value as JSON, small enough for a variable; raises ResultRefused."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    try:
        written = canonical(plain)
    except ValueError as reason:
        kind = type(value).__name__
        raise ResultRefused(handler=handler, what=f"a {kind}, which is not a JSON value ({reason})") from None
    if len(written) > LARGEST_RESULT:
        size = f"{len(written):,} bytes"
        raise ResultRefused(handler=handler, what=f"{size}, of which a variable holds {LARGEST_RESULT:,}")
    if forms.holds_nul(written):
        raise ResultRefused(handler=handler, what="a text with a NUL character")
    return plain


def digest(value: Any) -> str:
    """sha256 of a JSON value's canonical bytes."""
    return hashlib.sha256(canonical(value)).hexdigest()


def wait(task: ServiceTask, attempt: int) -> timedelta:
    """How long to wait after this failed attempt (the first is 1): exponential, at most five minutes."""
    return min(timedelta(seconds=task.backoff_seconds * 2 ** (attempt - 1)), LONGEST_WAIT)


def write(moving: Moving, rest: bpmn.Rest, before: list[str]) -> list[str]:
    """Cancel the jobs whose step is gone (an interrupting event took the token); returns the tasks under way."""
    open_now = sorted(call.task_id for call in rest.jobs)
    gone = [UUID(task) for task in before if task not in open_now and task not in moving.closed]
    if gone:
        moving.session.execute(
            update(JobRow)
            .where(JobRow.task.in_(gone), JobRow.state.in_(["queued", "running", "retrying", "failed"]))
            .values(state="cancelled", ended_at=moving.now)
        )
        incidents.close(moving, [str(task) for task in gone], "the diagram went another way")
    return open_now


def enqueue(moving: Moving, task: UUID, handler: str, at: datetime | None = None) -> None:
    """Hand the job to the queue, in this transaction; from `at` on where it is given."""
    pack = registry.find_service_task(handler).pack
    entry = {"pack": pack, "token": str(task), "at": at}
    moving.changes.rows.setdefault("entries", []).append(entry)
    if at is None or at <= moving.now:
        wakeups.jobs_waiting(moving.session, moving.store, pack)


def requeue(moving: Moving) -> None:
    """Hand the jobs of a resumed instance to the queue that no worker has begun: their entries were passed over."""
    waiting = select(JobRow).where(JobRow.instance == moving.row.id, JobRow.state.in_(["queued", "retrying"]))
    for row in moving.session.scalars(waiting.order_by(JobRow.task)):
        enqueue(moving, row.task, row.handler, row.next_attempt_at)


def _queue(moving: Moving, call: bpmn.ServiceCall, task: ServiceTask) -> None:
    row: dict[str, Any] = {
        "task": call.task_id,
        "instance": moving.row.id,
        "element": call.element,
        "name": call.name,
        "process": call.process,
        "handler": task.name,
        "parameters": call.parameters,
        "state": "queued",
        "attempt": 0,
        "attempts": task.attempts,
        "progress": 0.0,
        "progress_text": "",
        "queued_at": moving.now,
        "trace": tracing.carried(),
    }
    moving.changes.rows.setdefault("jobs", []).append(row)
    enqueue(moving, UUID(call.task_id), task.name)
    moving.record("job.queued", element=call.element, handler=task.name)
