"""Life cycles that run, or ran: the list, and the page of one instance with its live diagram."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.identity import queries as people
from engine.runtime import bundles, instances, queries
from engine.runtime.values import Instance, InstanceDetail
from engine.store import now
from web import access, lists
from web.access import current_person, needs, session

pages = Blueprint("life_cycles", __name__)

COLUMNS: lists.Columns[Instance] = lists.Columns(
    "life-cycles",
    {
        "process": lambda each: each.process,
        "version": lambda each: each.version,
        "subject": lambda each: each.subject,
        "state": lambda each: "suspended" if each.suspended else each.state,
        "outcome": lambda each: each.outcome,
        "started by": lambda each: each.starter,
        "origin": lambda each: each.origin,
        "started": lambda each: each.started_at,
        "moved": lambda each: each.moved_at,
        "ended": lambda each: each.ended_at,
        "id": lambda each: each.id,
    },
)


@pages.get("/instances")
@needs("instance.view")
def listing() -> str | Response:
    """All instances, the newest first."""
    asked = lists.asked("state", "process", "subject", "starter", "incident")
    found = queries.instances(
        session(),
        search=asked.search,
        state=asked["state"],
        process=asked["process"],
        subject=asked["subject"],
        starter=asked["starter"],
        incident=bool(asked["incident"]),
        limit=asked.limit,
        offset=asked.offset,
    )
    names = [each.name for each in queries.library(session())]
    return lists.answer(
        "life_cycles/list.html", lists.counted(asked, found.rows, found.total), COLUMNS, processes=names
    )


@pages.get("/instances/<uuid:instance>")
@needs("instance.view")
def page(instance: UUID) -> str:
    """Where an instance stands, what it waits for and who owes the next act, and all that happened."""
    detail = queries.instance(session(), instance)
    chosen = request.args.get("process", "")
    process = chosen if chosen in detail.members else _busiest(detail)
    # The main diagram first, then the called ones in the order in which they were reached.
    order = list(dict.fromkeys([detail.instance.process, *(step.process for step in detail.steps)]))
    members = sorted(detail.members, key=lambda name: (order.index(name) if name in order else len(order), name))
    return render_template(
        "life_cycles/page.html",
        detail=detail,
        members=members,
        instance=detail.instance,
        process=process,
        definition=detail.members[process],
        variables=queries.variables(session(), instance),
        open_incidents=[each for each in detail.incidents if each.closed_at is None],
        closed_incidents=[each for each in detail.incidents if each.closed_at is not None],
        now=now(session()),
        holders=_holders(detail),
        service_tasks={step.task for step in detail.steps if step.kind == "serviceTask"},
    )


@pages.get("/instances/<uuid:instance>/state")
@needs("instance.view")
def state(instance: UUID) -> dict[str, Any]:
    """Where tokens stand in one of the instance's diagrams, for the viewer."""
    detail = queries.instance(session(), instance)
    process = request.args.get("process", detail.instance.process)
    links = {}
    if process in detail.members:
        for element in bundles.description(session(), detail.members[process]).elements.values():
            if element.called in detail.members:
                address = url_for("life_cycles.page", instance=instance, process=element.called)
                links[element.id] = {"url": address, "text": "open"}
    return {
        "active": detail.instance.active.get(process, {}),
        "done": sorted({s.element for s in detail.steps if s.process == process and s.outcome == "completed"}),
        "incidents": {
            each.element: each.cause for each in detail.incidents if each.process == process and each.closed_at is None
        },
        "links": links,
    }


@pages.post("/instances/<uuid:instance>/retry")
@needs("instance.operate")
def retry(instance: UUID) -> Response:
    """Tries a failed step again, or all of them."""
    task = request.form.get("task", "")
    count = instances.retry(access.house(), current_person(), instance, UUID(task) if task else None, _reason())
    flash(f"{count} failed {'step is' if count == 1 else 'steps are'} tried again.", "done")
    return _to(instance)


@pages.post("/instances/<uuid:instance>/suspend")
@needs("instance.operate")
def suspend(instance: UUID) -> Response:
    """Holds the instance."""
    instances.suspend(access.house(), current_person(), instance, _reason())
    flash("The life cycle is held: nothing moves it until it is resumed.", "attention")
    return _to(instance)


@pages.post("/instances/<uuid:instance>/resume")
@needs("instance.operate")
def resume(instance: UUID) -> Response:
    """Lets the instance go on."""
    instances.resume(access.house(), current_person(), instance, _reason())
    flash("The life cycle goes on.", "done")
    return _to(instance)


@pages.post("/instances/<uuid:instance>/cancel")
@needs("instance.operate")
def cancel(instance: UUID) -> Response:
    """Ends the instance for good."""
    instances.cancel(access.house(), current_person(), instance, _reason())
    flash("The life cycle is cancelled.", "attention")
    return _to(instance)


def _busiest(detail: InstanceDetail) -> str:
    """The diagram in which something waits: the called one rather than the one that waits for it."""
    for each in detail.waiting:
        if each.process in detail.members:
            return each.process
    return detail.instance.process


def _holders(detail: InstanceDetail) -> dict[str, str]:
    """Role -> the names of who has it, for what the instance waits for."""
    wanted = {each.owed_by for each in detail.waiting if each.kind in ("user task", "incident")}
    found = {}
    for role in sorted(wanted):
        names = [each.name for each in people.listing(session(), role=role, limit=5) if not each.disabled]
        if names:
            found[role] = ", ".join(names)
    return found


def _reason() -> str:
    return request.form.get("reason", "").strip()[:2000]


def _to(instance: UUID) -> Response:
    return redirect(url_for("life_cycles.page", instance=instance))  # type: ignore[return-value]
