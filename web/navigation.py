"""The navigation at the side: what the person's roles may see, and how much waits there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import request, url_for

from engine.identity import may
from engine.monitoring.alerts import queries as alerts
from engine.runtime import queries
from web import access


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the navigation."""

    title: str
    address: str
    icon: str
    current: bool
    count: int = 0


#: heading -> (title, endpoint, permission, icon)
_PARTS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "Work": (
        ("Home", "home.page", "task.view", "home"),
        ("Inbox", "inbox.listing", "task.view", "inbox"),
        ("Alerts", "alerts.listing", "alert.view", "bell"),
        ("Life cycles", "life_cycles.listing", "instance.view", "cycle"),
    ),
    "Models": (
        ("Operations", "operations.page", "model.view", "gauge"),
        ("Portfolio", "portfolio.listing", "model.view", "portfolio"),
        ("Models", "models.listing", "model.view", "model"),
        ("Inferences", "inferences.listing", "inference.view", "log"),
        ("Batches", "batches.listing", "deployment.view", "inbox"),
        ("Monitors", "monitors.listing", "monitor.view", "eye"),
        ("Findings", "findings.listing", "monitor.view", "flag"),
    ),
    "Define": (
        ("Processes", "library.listing", "process.view", "process"),
        ("Schedules", "schedules.listing", "schedule.view", "clock"),
        ("Environments", "environments.listing", "deployment.view", "place"),
        ("Feeds", "feeds.listing", "feed.view", "cycle"),
    ),
    "Oversight": (
        ("Delivery", "delivery.page", "model.view", "cycle"),
        ("Service tasks", "service_tasks.listing", "instance.view", "gauge"),
        ("Audit trail", "audit_trail.listing", "audit.view", "log"),
        ("Users", "people.listing", "user.view", "people"),
    ),
}

#: pages that stand under an entry of another name
_WITHIN = {
    "versions": "models",
    "differences": "models",
    "importing": "models",
    "drift": "models",
    "explanations": "inferences",
    "production": "models",
    "operating": "life_cycles",
    "waits": "life_cycles",
}


def entries() -> dict[str, list[Entry]]:
    """Heading -> the entries that the person may see, in order; empty where nobody is signed in."""
    person = access.known_person()
    if person is None or person.must_change_password:
        return {}
    module = (request.endpoint or "").partition(".")[0]
    module = _WITHIN.get(module, module)
    found: dict[str, list[Entry]] = {}
    for heading, lines in _PARTS.items():
        shown = [
            Entry(
                title=title,
                address=url_for(endpoint),
                icon=icon,
                current=endpoint.partition(".")[0] == module,
                count=_WAITING[endpoint]() if endpoint in _WAITING else 0,
            )
            for title, endpoint, permission, icon in lines
            if may(person, permission)
        ]
        if shown:
            found[heading] = shown
    return found


def _tasks() -> int:
    return queries.inbox(access.session(), access.current_person(), limit=1).total


def _alerts() -> int:
    return alerts.waiting(access.session())


#: endpoint -> how much waits there
_WAITING: dict[str, Callable[[], int]] = {"inbox.listing": _tasks, "alerts.listing": _alerts}
