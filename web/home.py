"""Home: what waits for the person, what is in trouble, and where a newcomer begins."""

from __future__ import annotations

from flask import Blueprint, render_template

from engine.inventory import queries as inventory
from engine.runtime import queries
from engine.store import now
from web.access import anyone, current_person, needs, session

pages = Blueprint("home", __name__)


@pages.get("/")
@needs("task.view")
def page() -> str:
    """The page after sign-in."""
    person = current_person()
    inbox = queries.inbox(session(), person, limit=6)
    started = queries.instances(session(), starter=person.id, state="running", limit=6)
    return render_template(
        "home/page.html",
        inbox=inbox,
        incidents=queries.open_incidents(session(), limit=6),
        counts=queries.counts(session()),
        started=started,
        n_models=inventory.models(session(), limit=1).total,
        n_instances=queries.instances(session(), limit=1).total,
        now=now(session()),
    )


@pages.get("/health")
@anyone
def health() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "ok"}
