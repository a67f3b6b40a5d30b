"""An instance begins: its definition and all it calls are resolved and stay, whatever is published later."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine import audit, bpmn, identity
from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import bundles, forms, observed, rows, user_tasks
from engine.runtime.held import Held
from engine.runtime.transaction import Moving, run_to_rest
from engine.store import Store, new_id, now, replayed
from engine.telemetry import tracing


class AlreadyRunning(GatewrightError):
    """{process} already runs for {subject}."""

    code = "already-running"
    hint = "Go on with the running one: it is on the subject's page."
    status = 409


class SubjectRefused(GatewrightError):
    """{process} was to start for {subject}, but its form names {named}."""

    code = "subject-refused"
    hint = "Name the same in both, or leave the subject out: the form's {field} is taken."
    status = 422


class SubjectMalformed(GatewrightError):
    """{subject!a} cannot be what {process} is about."""

    code = "subject-malformed"
    hint = "Name a model by its id, or whatever else by a text of 1 to 200 characters without control characters."
    status = 422


@observed.start
def start(
    house: Store,
    person: Person,
    process: str,
    subject: str = "",
    variables: dict[str, Any] | None = None,
    *,
    origin: str = "person",
) -> UUID:
    """The id of a new instance of the latest published version, run to its first rest.

    variables: the answer to the start form; nothing else may be set. subject: the business key, a model's id.
    Raises NotPermitted, DefinitionUnknown, AnswerRefused, SubjectRefused, SubjectMalformed, AlreadyRunning.
    """
    try:
        identity.require(person, "instance.start")
        return replayed(house, lambda session: begin(house, session, person, process, subject, variables, origin))
    except GatewrightError as refusal:
        audit.refusal(
            house,
            "system",
            "act.refused",
            actor=person.id,
            subject=subject[:200] if subject.isprintable() else "",
            tried="instance.started",
            process=process,
            reason=refusal.code,
            message=refusal.message,
        )
        raise


def answered(
    bundle: bpmn.Bundle, description: bpmn.ProcessDescription, subject: str, variables: dict[str, Any] | None
) -> tuple[str, dict[str, Any]]:
    """The business key and the checked answer to the start form; a subject that is given answers the field for it.

    Raises AnswerRefused, SubjectRefused, SubjectMalformed.
    """
    given, field = dict(variables or {}), description.start_properties.get("subject", "")
    if field and subject:
        given.setdefault(field, subject)
    answer = forms.check(user_tasks.form_of(bundle, description.process_id, description.start_form), given)
    return subject_of(description, subject, answer), answer


def subject_of(description: bpmn.ProcessDescription, subject: str, answer: dict[str, Any]) -> str:
    """The business key: the field of the start form that the start event's property `subject` names, or what was given.

    Handlers trust the key and not the variables, so the two must not differ. Raises SubjectRefused, SubjectMalformed.
    """
    field = description.start_properties.get("subject", "")
    named = str(answer.get(field, "")) if field else ""
    if named and subject and named != subject:
        raise SubjectRefused(process=description.process_id, subject=subject, named=named, field=field)
    key = named or subject
    if len(key) > 200 or not key.isprintable():
        raise SubjectMalformed(process=description.process_id, subject=key[:50])
    return key


def begin(
    house: Store,
    session: Session,
    person: Person,
    process: str,
    subject: str,
    variables: dict[str, Any] | None,
    origin: str,
    *,
    event: str = "",
    payload: dict[str, Any] | None = None,
    told: tuple[str, str] | None = None,
) -> UUID:
    """The same inside the caller's transaction, for a schedule that starts and counts its run in one.

    event: the start event, where a message, a signal or a timer starts it; nobody answers a form then. told: the kind
    and the name of what came, with this payload.
    """
    bundle, definition = bundles.resolve(session, process)
    description = bundles.description(session, definition.id)
    if event:
        subject, answer = subject_of(description, subject, {}), dict(variables or {})
    else:
        subject, answer = answered(bundle, description, subject, variables)
    at = now(session)
    execution = bpmn.Execution.start(
        bundle,
        {**answer, "subject": subject},
        now=at,
        zone=house.settings.timezone,
        event=event,
        payload=payload,
        told=told,
    )
    row = Held(
        id=new_id(),
        process=process,
        version=definition.version,
        sha256=definition.sha256,
        bundle=bundle.digest,
        subject=subject,
        starter=person.id,
        origin=origin,
        state="running",
        suspended=False,
        exclusive=description.start_properties.get("once_per_subject") == "true",
        revision=0,
        workflow=b"",
        active={},
        waiting={},
        outcome=None,
        started_at=at,
        moved_at=at,
        ended_at=None,
    )
    moving = Moving(session, house, row, bundle, execution, person, at)
    try:
        rows.begin(session, row, moving.changes)
    except IntegrityError as taken:
        if "uq_instances_one_per_subject" in str(taken.orig):
            raise AlreadyRunning(process=process, subject=subject or "no subject") from None
        raise
    tracing.tell(instance=row.id, definition=f"{process}@{row.version}")
    moving.record(
        "instance.started", version=row.version, sha256=row.sha256, bundle=row.bundle, origin=origin, variables=answer
    )
    run_to_rest(moving)
    moving.changes.write(session, row)
    return row.id
