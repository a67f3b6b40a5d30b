"""Monitors: what looks at a model in production, what it saw last, and the bounds that it holds it to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for

from engine.errors import GatewrightError
from engine.handlers import monitoring
from engine.inventory.references import VersionRef
from engine.monitoring import micro_batches, monitors, queries, sensitivity, thresholds
from engine.monitoring.measures import all_measures
from engine.monitoring.monitors import Monitor
from engine.monitoring.queries import Watched
from engine.monitoring.runs import Run, RunUnknown
from engine.monitoring.sensitivity import Sensitivity
from engine.monitoring.thresholds import BoundsRefused
from web import access, lists
from web.access import current_person, needs, session

pages = Blueprint("monitors", __name__)

COLUMNS: lists.Columns[Watched] = lists.Columns(
    "monitors",
    {
        "monitor": lambda each: each.monitor.id,
        "model": lambda each: each.monitor.model,
        "environment": lambda each: each.monitor.environment,
        "name": lambda each: each.monitor.name,
        "state": lambda each: each.monitor.state,
        "verdict": lambda each: each.monitor.verdict,
        "statistical": lambda each: each.monitor.statistical,
        "technical": lambda each: each.monitor.technical,
        "business": lambda each: each.monitor.business,
        "open findings": lambda each: each.open_findings,
        "lead": lambda each: each.lead,
        "timing": lambda each: each.monitor.timing,
        "zone": lambda each: each.monitor.timezone,
        "window": lambda each: each.monitor.window,
        "last": lambda each: each.monitor.last_due_at,
        "next": lambda each: each.monitor.next_due_at,
    },
)
RUN_COLUMNS: lists.Columns[Run] = lists.Columns(
    "monitor-runs",
    {
        "due": lambda each: each.due_at,
        "state": lambda each: each.state,
        "since": lambda each: each.since,
        "until": lambda each: each.until,
        "version": lambda each: each.version,
        "verdict": lambda each: each.verdict,
        "statistical": lambda each: each.statistical,
        "technical": lambda each: each.technical,
        "business": lambda each: each.business,
        "rows": lambda each: each.rows,
        "recorded": lambda each: each.recorded_at,
        "detail": lambda each: each.detail,
    },
)


@pages.get("/monitors")
@needs("monitor.view")
def listing() -> str | Response:
    """The monitors: running before stopped, then the worst first."""
    asked = lists.asked("verdict", "state")
    found = queries.monitors(
        session(),
        verdict=asked["verdict"] if asked["verdict"] in queries.ATTENTION else None,
        state=asked["state"] if asked["state"] in ("running", "stopped") else None,
        search=asked.search,
        limit=asked.limit,
        offset=asked.offset,
    )
    return lists.answer(
        "monitors/list.html", lists.counted(asked, found.items, found.total), COLUMNS, verdicts=queries.ATTENTION
    )


@pages.get("/monitors/<uuid:monitor>")
@needs("monitor.view")
def page(monitor: UUID) -> str | Response:
    """One monitor: the readings of a run with their bounds, its runs, and the bounds that people proposed."""
    return _page(monitor)


@pages.post("/monitors/<uuid:monitor>/run")
@needs("instance.start")
def run(monitor: UUID) -> Response:
    """Starts a run out of turn."""
    person = current_person()
    instance = monitoring.run_now(access.house(), person, monitor)
    flash("The run has begun; what it sees stands here in a moment.", "done")
    return redirect(url_for("life_cycles.page", instance=instance))  # type: ignore[return-value]


@pages.post("/monitors/<uuid:monitor>")
@needs("monitor.edit")
def edit(monitor: UUID) -> Response | tuple[str | Response, int]:
    """Gives it another timing, window or choice of measures."""
    given = request.form
    changes: dict[str, Any] = {
        name: given[name].strip()[:200]
        for name in ("timing", "timezone", "window", "ends", "missed", "floor", "batch_rows", "batch_seconds")
        if given.get(name, "").strip()
    }
    if "chosen" in given:
        measures = given.getlist("measures")
        changes["measures"] = [] if set(measures) >= set(all_measures()) else measures
    try:
        monitoring.edit(session(), current_person(), monitor, changes)
    except GatewrightError as refusal:
        access.undo()
        return _page(monitor, refusal=refusal), refusal.status
    flash("The monitor is changed, and its schedule with it.", "done")
    return _to(monitor)


@pages.post("/monitors/<uuid:monitor>/thresholds")
@needs("threshold.propose")
def propose(monitor: UUID) -> Response | tuple[str | Response, int]:
    """Proposes bounds of a metric, for somebody else to approve."""
    given = request.form
    found = monitors.get(session(), monitor)
    metric, _, subject = given.get("metric", "").partition("/")
    try:
        thresholds.propose(
            session(),
            current_person(),
            found.model,
            metric,
            subject=subject,
            warn=_number(metric, given.get("warn", "")),
            breach=_number(metric, given.get("breach", "")),
            reason=given.get("reason", "")[:2000],
        )
    except GatewrightError as refusal:
        access.undo()
        return _page(monitor, refusal=refusal), refusal.status
    flash("The bounds are proposed. A risk manager who is not you approves them.", "done")
    return _to(monitor)


@pages.post("/monitors/<uuid:monitor>/thresholds/<uuid:proposal>")
@needs("threshold.approve")
def decide(monitor: UUID, proposal: UUID) -> Response | tuple[str | Response, int]:
    """Puts proposed bounds in force, or turns them down."""
    comment = request.form.get("comment", "")[:2000]
    try:
        if request.form.get("decision") == "approve":
            thresholds.approve(session(), current_person(), proposal, comment=comment)
            flash("The bounds are in force from the next run on.", "done")
        else:
            thresholds.reject(session(), current_person(), proposal, comment=comment)
            flash("The bounds are turned down.", "attention")
    except GatewrightError as refusal:
        access.undo()
        return _page(monitor, refusal=refusal), refusal.status
    return _to(monitor)


def _page(monitor: UUID, *, refusal: GatewrightError | None = None) -> str | Response:
    asked = lists.asked("due")
    found = monitors.get(session(), monitor)
    kept = queries.runs(session(), monitor, limit=asked.limit, offset=asked.offset)
    shown = _asked_for(monitor, asked["due"])
    readings = shown.readings if shown else ()
    return lists.answer(
        "monitors/page.html",
        lists.counted(asked, kept.items, kept.total),
        RUN_COLUMNS,
        monitor=found,
        run=shown,
        readings=readings,
        metrics=_metrics(readings),
        findings=queries.findings(session(), monitor=monitor, is_open=True, limit=200).items,
        bounds=thresholds.history(session(), found.model)[:50],
        measures=all_measures(),
        refusal=refusal,
        sensitivity=_sensitivity(found, shown),
        hours=micro_batches.hours(session(), monitor),
    )


def _sensitivity(monitor: Monitor, run: Run | None) -> Sensitivity | None:
    """What drift can be seen in windows as large as that of the run; None where nothing was counted."""
    if run is None or run.version is None:
        return None
    rows = max((each["rows"] for each in run.readings if each["metric"] == "psi"), default=0)
    return sensitivity.of_version(session(), VersionRef(monitor.model, run.version), rows, monitor.floor)


def _asked_for(monitor: UUID, due: str) -> Run | None:
    """The run that was asked for by when it was due, else the last that was measured."""
    if not due:
        return queries.last_run(session(), monitor)
    try:
        moment = datetime.fromisoformat(due)
        if moment.tzinfo is None:
            raise ValueError(due)
    except ValueError:
        raise RunUnknown(monitor=monitor, due=due) from None
    return queries.run(session(), monitor, moment)


def _metrics(readings: tuple[Mapping[str, Any], ...]) -> list[tuple[str, str]]:
    """What bounds can be proposed for: each metric as a whole, and each of its subjects; (value, words)."""
    seen = dict.fromkeys(each["metric"] for each in readings)
    choices = [(metric, metric.replace("_", " ")) for metric in (*seen, *thresholds.known_metrics())]
    choices += [
        (f"{each['metric']}/{each['subject']}", f"{each['metric'].replace('_', ' ')} of {each['subject']}")
        for each in readings
        if each["subject"]
    ]
    return list(dict(choices).items())


def _number(metric: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BoundsRefused(metric=metric, reason=f"{text!r} is no number") from None


def _to(monitor: UUID) -> Response:
    return redirect(url_for("monitors.page", monitor=monitor))  # type: ignore[return-value]
