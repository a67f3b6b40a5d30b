"""The inbox by role, and the page of one task: evidence beside the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.identity import queries as people
from engine.runtime import instances, queries, user_tasks
from engine.runtime.forms import AnswerRefused
from engine.runtime.values import UserTask
from engine.store import now
from web import access, answers, lists
from web.access import current_person, needs, session

pages = Blueprint("inbox", __name__)

COLUMNS: lists.Columns[UserTask] = lists.Columns(
    "inbox",
    {
        "task": lambda each: each.name,
        "subject": lambda each: each.subject,
        "process": lambda each: each.process,
        "role": lambda each: each.role,
        "in the hands of": lambda each: each.assignee,
        "opened": lambda each: each.opened_at,
        "due": lambda each: each.due_at,
        "id": lambda each: each.id,
    },
)
#: in front of the digest of a piece of evidence in the decision's form
_SHOWN = "shown-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutOut:
    """Somebody whom the diagram keeps from a task, and why."""

    person: str
    why: str


@pages.get("/inbox")
@needs("task.view")
def listing() -> str | Response:
    """The open tasks of the person's roles: all, their own, those in nobody's hands, those overdue."""
    asked, person = lists.asked("role", "show"), current_person()
    found = queries.inbox(
        session(),
        person,
        search=asked.search,
        role=asked["role"],
        mine=asked["show"] == "mine",
        unclaimed=asked["show"] == "unclaimed",
        overdue=asked["show"] == "overdue",
        limit=asked.limit,
        offset=asked.offset,
    )
    return lists.answer("inbox/list.html", lists.counted(asked, found.rows, found.total), COLUMNS, now=now(session()))


@pages.get("/tasks/<uuid:task>")
@needs("task.view")
def task(task: UUID) -> str:
    """One task: what it is about, the evidence, and the decision for who may make it."""
    return _page(task)


@pages.post("/tasks/<uuid:task>/decide")
@needs("task.work")
def decide(task: UUID) -> Response | tuple[str, int]:
    """Completes the task with the answer, on the evidence that the page showed."""
    shown = {name.removeprefix(_SHOWN): digest for name, digest in request.form.items() if name.startswith(_SHOWN)}
    form = queries.task_form(session(), queries.task(session(), task))
    answer = answers.read(form, request.form)
    try:
        instances.complete(access.house(), current_person(), task, answer, shown)
    except AnswerRefused as refusal:
        return _page(task, given=answer, wrong=refusal.fields), refusal.status
    except (
        user_tasks.StaleEvidence,
        user_tasks.OwnWork,
        user_tasks.TakenByAnother,
        user_tasks.EvidenceMissing,
    ) as refusal:
        return _page(task, given=answer, refusal=refusal), refusal.status
    flash("Your decision is taken; the life cycle went on.", "done")
    return _to(task)


@pages.post("/tasks/<uuid:task>/claim")
@needs("task.work")
def claim(task: UUID) -> Response:
    """Takes the task into one's own hands."""
    user_tasks.claim(access.house(), current_person(), task)
    flash("The task is in your hands.", "done")
    return _to(task)


@pages.post("/tasks/<uuid:task>/release")
@needs("task.work")
def release(task: UUID) -> Response:
    """Gives the task back to its role."""
    user_tasks.release(access.house(), current_person(), task)
    flash("The task is back in the inbox of its role.", "done")
    return _to(task)


@pages.post("/tasks/<uuid:task>/assign")
@needs("task.assign")
def assign(task: UUID) -> Response:
    """Puts the task into somebody's hands."""
    to = people.get(session(), request.form.get("to", "").strip())
    user_tasks.assign(access.house(), current_person(), task, to)
    flash(f"The task is in the hands of {to.name}.", "done")
    return _to(task)


def _page(
    task: UUID,
    *,
    given: Mapping[str, Any] | None = None,
    wrong: Mapping[str, str] | None = None,
    refusal: GatewrightError | None = None,
) -> str:
    person = current_person()
    found = queries.task(session(), task)
    detail = queries.instance(session(), found.instance)
    form = queries.task_form(session(), found)
    shut_out = [ShutOut(person=who, why=why) for who, why in user_tasks.shut_out(session(), found).items()]
    holders = people.listing(session(), role=found.role, limit=200)
    evidence = [(each, user_tasks.evidence_content(session(), each)) for each in found.evidence]
    return render_template(
        "inbox/task.html",
        task=found,
        instance=detail.instance,
        form=form,
        fields=answers.fields(form, given, wrong),
        general=answers.general(wrong or {}, form),
        wrong=wrong,
        refusal=refusal,
        evidence=evidence,
        shut_out=shut_out,
        holders=[each for each in holders if not each.disabled],
        why_not=_why_not(found, person, {each.person: each.why for each in shut_out}),
        definition=detail.members.get(found.process),
        shown_prefix=_SHOWN,
        now=now(session()),
    )


def _why_not(task: UserTask, person: Any, shut_out: Mapping[str, str]) -> str:
    """Why this person cannot decide the task; empty where they can."""
    if task.state != "open":
        return "closed"
    if task.role not in person.roles:
        return f"It waits for a {task.role.replace('_', ' ')}; you do not have that role."
    if person.id in shut_out:
        return f"You {shut_out[person.id]}; four eyes are asked for, so somebody else decides."
    if task.assignee not in (None, person.id):
        return f"It is in the hands of {task.assignee}."
    return ""


def _to(task: UUID) -> Response:
    return redirect(url_for("inbox.task", task=task))  # type: ignore[return-value]
