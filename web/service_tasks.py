"""Service tasks at work: what runs and waits, the limits that hold, the breakers that are open."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.runtime import limiting, limits
from engine.runtime.limits import Limits
from web import access
from web.access import current_person, needs, session

pages = Blueprint("service_tasks", __name__)


@pages.get("/service-tasks")
@needs("instance.view")
def listing() -> str:
    """Every service task that runs as a job."""
    return render_template("service_tasks/list.html", handlers=limiting.overview(session()))


@pages.get("/service-tasks/<name>")
@needs("instance.view")
def page(name: str) -> str:
    """One service task: its limits, its breakers, and the forms for who may change them."""
    return _page(name)


@pages.post("/service-tasks/<name>/limits")
@needs("instance.operate")
def limit(name: str) -> Response | tuple[str, int]:
    """Sets limits in place of those that are declared."""
    given = request.form.to_dict()
    try:
        wanted = Limits(
            concurrency=limits.concurrency(given.get("concurrency", "").strip() or "none"),
            rate=limits.rate(given.get("rate", "").strip() or "none"),
            breaker=limits.breaker(given.get("breaker", "").strip() or "none"),
        )
    except limits.LimitRefused as refusal:
        return _page(name, given=given, refusal=refusal), refusal.status
    limiting.set_limits(access.house(), current_person(), name, wanted, _reason())
    flash("These limits hold now, on every worker.", "done")
    return _to(name)


@pages.post("/service-tasks/<name>/as-declared")
@needs("instance.operate")
def unlimit(name: str) -> Response:
    """Has the declared limits hold again."""
    limiting.forget_limits(access.house(), current_person(), name, _reason())
    flash("What the service task declares holds again.", "done")
    return _to(name)


@pages.post("/service-tasks/<name>/close")
@needs("instance.operate")
def close(name: str) -> Response:
    """Closes a breaker: what waits in line runs again."""
    limiting.close_breaker(access.house(), current_person(), name, request.form.get("target", "")[:200], _reason())
    flash("The breaker is closed: its jobs run again.", "done")
    return _to(name)


def _page(name: str, *, given: dict[str, Any] | None = None, refusal: GatewrightError | None = None) -> str:
    limiting.limits_of(session(), name)  # refuses what is no job, and names the nearest
    handler = next(each for each in limiting.overview(session()) if each.handler == name)
    now = {"concurrency": handler.concurrency, "rate": handler.rate, "breaker": handler.breaker}
    return render_template("service_tasks/page.html", handler=handler, given=given or now, refusal=refusal)


def _reason() -> str:
    return request.form.get("reason", "").strip()[:2000] or "no reason given"


def _to(name: str) -> Response:
    return redirect(url_for("service_tasks.page", name=name))  # type: ignore[return-value]
