"""Schedules: which life cycle starts by itself, when, and how its runs went."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.runtime import bundles, definitions, queries, schedules
from engine.runtime.forms import AnswerRefused
from engine.runtime.values import Schedule, ScheduleRun
from web import access, answers, lists
from web.access import current_person, needs, session

pages = Blueprint("schedules", __name__)

COLUMNS: lists.Columns[Schedule] = lists.Columns(
    "schedules",
    {
        "schedule": lambda each: each.name,
        "process": lambda each: each.process,
        "subject": lambda each: each.subject,
        "timing": lambda each: each.timing,
        "zone": lambda each: each.timezone,
        "missed fires": lambda each: each.missed,
        "owner": lambda each: each.owner,
        "paused": lambda each: each.paused,
        "next": lambda each: each.next_due_at,
        "last": lambda each: each.last_due_at,
        "last outcome": lambda each: each.last_outcome,
    },
)
RUN_COLUMNS: lists.Columns[ScheduleRun] = lists.Columns(
    "schedule-runs",
    {
        "due": lambda each: each.due_at,
        "fired": lambda each: each.fired_at,
        "outcome": lambda each: each.outcome,
        "instance": lambda each: each.instance,
        "detail": lambda each: each.detail,
    },
)
#: policy for missed fires -> what it means
POLICIES = {
    "run_once": "run once, however many were missed",
    "run_all": "run each one that was missed",
    "skip": "mark them as missed",
}


@pages.get("/schedules")
@needs("schedule.view")
def listing() -> str | Response:
    """All schedules by name, each with its last run."""
    asked = lists.asked()
    found = queries.schedules(session(), search=asked.search, limit=asked.limit, offset=asked.offset)
    return lists.answer("schedules/list.html", lists.counted(asked, found.rows, found.total), COLUMNS)


@pages.get("/schedules/new")
@needs("schedule.edit")
def new() -> str:
    """The form for a new schedule: first the process, then what its start form asks."""
    return _form(request.args)


@pages.post("/schedules")
@needs("schedule.edit")
def add() -> Response | tuple[str, int]:
    """Adds a schedule."""
    given = request.form
    process = given.get("process", "")
    try:
        answer = answers.read(queries.start_form(session(), process), given)
        schedules.add(
            session(),
            current_person(),
            given.get("name", "").strip()[:200],
            process,
            given.get("timing", "").strip(),
            subject=given.get("subject", "").strip()[:200] or str(answer.get(_subject_field(process), "")),
            variables=answer,
            timezone=given.get("timezone", "").strip() or access.store().settings.timezone,
            missed=given.get("missed", "run_once"),
        )
    except GatewrightError as refusal:
        wrong = refusal.fields if isinstance(refusal, AnswerRefused) else {}
        return _form(given, refusal=refusal, wrong=wrong), refusal.status
    flash("The schedule is added.", "done")
    return redirect(url_for("schedules.listing"))  # type: ignore[return-value]


@pages.get("/schedules/<name>")
@needs("schedule.view")
def page(name: str) -> str | Response:
    """One schedule and its runs."""
    asked = lists.asked()
    schedule = _named(name)
    found = queries.schedule_runs(session(), schedule.id, limit=asked.limit, offset=asked.offset)
    return lists.answer(
        "schedules/page.html",
        lists.counted(asked, found.rows, found.total),
        RUN_COLUMNS,
        schedule=schedule,
        variables=json.dumps(schedule.variables),
        policies=POLICIES,
    )


@pages.post("/schedules/<name>/pause")
@needs("schedule.edit")
def pause(name: str) -> Response:
    """Stops the schedule from firing."""
    schedules.pause(session(), current_person(), name)
    flash("The schedule is paused: it starts nothing.", "attention")
    return redirect(url_for("schedules.page", name=name))  # type: ignore[return-value]


@pages.post("/schedules/<name>/resume")
@needs("schedule.edit")
def resume(name: str) -> Response:
    """Lets the schedule fire again, from now on."""
    schedules.pause(session(), current_person(), name, paused=False)
    flash("The schedule fires again.", "done")
    return redirect(url_for("schedules.page", name=name))  # type: ignore[return-value]


def _subject_field(process: str) -> str:
    """The field of the start form that holds the subject; empty where it has none."""
    latest = definitions.latest(session(), process)
    return bundles.description(session(), latest.id).start_properties.get("subject", "")


def _named(name: str) -> Schedule:
    found = next((each for each in queries.schedules(session(), search=name).rows if each.name == name), None)
    if found is None:
        abort(404)
    return found


def _form(given: Any, *, refusal: GatewrightError | None = None, wrong: dict[str, str] | None = None) -> str:
    process = given.get("process", "")
    names = [each.name for each in queries.library(session())]
    form = queries.start_form(session(), process) if process in names else None
    filled = answers.read(form, given) if request.method == "POST" else None
    return render_template(
        "schedules/new.html",
        processes=[(each, each.replace("_", " ")) for each in names],
        process=process,
        given=given,
        fields=answers.fields(form, filled, wrong or {}),
        refusal=refusal,
        policies=POLICIES,
        asks_subject=process in names and not _subject_field(process),
    )
