"""Alerts: what waits for somebody, who has it in hand, and what is silenced until when."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.monitoring import alerts
from engine.monitoring.alerts import SilenceRefused, queries
from engine.monitoring.alerts.queries import Alert
from engine.store import now
from web import access, lists
from web.access import current_person, needs, session

pages = Blueprint("alerts", __name__)

COLUMNS: lists.Columns[Alert] = lists.Columns(
    "alerts",
    {
        "alert": lambda each: each.id,
        "title": lambda each: each.title,
        "severity": lambda each: each.severity,
        "state": lambda each: each.state,
        "cause": lambda each: each.cause,
        "models": lambda each: each.models,
        "opened": lambda each: each.opened_at,
        "told": lambda each: each.handed_at,
        "acknowledged": lambda each: each.acknowledged_at,
        "by": lambda each: each.acknowledged_by,
        "closed": lambda each: each.closed_at,
    },
)
_MONTH = timedelta(days=30)


@pages.get("/alerts")
@needs("alert.view")
def listing() -> str | Response:
    """The alerts, those that wait for somebody first, the worst on top."""
    asked = lists.asked("state", "model")
    found = queries.alerts(
        session(),
        state=asked["state"] if asked["state"] in queries.STATES else "",
        model=asked["model"],
        limit=asked.limit,
        offset=asked.offset,
    )
    return lists.answer(
        "alerts/list.html",
        lists.counted(asked, found.rows, found.total),
        COLUMNS,
        states=queries.STATES,
        silences=queries.silences(session()),
        reaction=queries.reaction(session(), now(session()) - _MONTH),
        channels={name: each.least for name, each in access.store().settings.alert_channels.items()},
    )


@pages.get("/alerts/<uuid:alert>")
@needs("alert.view")
def page(alert: UUID) -> str:
    """One alert with its findings, and who was told."""
    return _page(alert)


@pages.post("/alerts/<uuid:alert>/acknowledge")
@needs("alert.handle")
def acknowledge(alert: UUID) -> Response | tuple[str, int]:
    """Takes the alert in hand."""
    try:
        alerts.acknowledge(session(), current_person(), alert, request.form.get("note", "").strip())
    except GatewrightError as refusal:
        return _page(alert, refusal), refusal.status
    flash("The alert is in your hand: it is told again only where it becomes worse.", "done")
    return redirect(url_for("alerts.page", alert=alert))  # type: ignore[return-value]


@pages.post("/alerts/<uuid:alert>/silence")
@needs("alert.handle")
def silence(alert: UUID) -> Response | tuple[str, int]:
    """Silences the alert's cause, or one of its models, until the end of a day."""
    given = request.form
    shown = queries.alert(session(), alert)
    model = given.get("model", "")
    try:
        if model and model not in shown.models:
            raise SilenceRefused(reason="the alert is not about that model")
        alerts.silence(
            session(),
            current_person(),
            model=model or None,
            cause=None if model else shown.cause,
            until=_end_of(given.get("until", "")),
            reason=given.get("reason", ""),
        )
    except GatewrightError as refusal:
        return _page(alert, refusal), refusal.status
    flash("Nobody is told of it until then; it is still shown here.", "attention")
    return redirect(url_for("alerts.page", alert=alert))  # type: ignore[return-value]


@pages.post("/alerts/silences/<uuid:silence>/end")
@needs("alert.handle")
def end_silence(silence: UUID) -> Response:
    """Lets it be told again from now on."""
    alerts.end_silence(session(), current_person(), silence)
    flash("The silence has ended.", "done")
    return redirect(url_for("alerts.listing"))  # type: ignore[return-value]


def _page(alert: UUID, refusal: GatewrightError | None = None) -> str:
    return render_template("alerts/page.html", alert=queries.alert(session(), alert), refusal=refusal)


def _end_of(day: str) -> datetime:
    """The end of a day of the house's zone; raises SilenceRefused."""
    try:
        parsed = datetime.fromisoformat(day).date()
    except ValueError:
        raise SilenceRefused(reason="its end is no date such as 2026-11-24") from None
    zone = ZoneInfo(access.store().settings.timezone)
    return datetime.combine(parsed + timedelta(days=1), time(), zone).astimezone(UTC)
