"""Who waited for whom, how long, per element: of one life cycle, and of all of a process; as table, CSV and diagram."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from engine.runtime import definitions, queries, waits
from engine.runtime.waits import Wait, Waits
from engine.store import now
from web import lists, words
from web.access import needs, session

pages = Blueprint("waits", __name__)

#: what was waited for, of one life cycle and of all alike
_WHAT: dict[str, Any] = {
    "process": lambda each: each.process,
    "element": lambda each: each.element,
    "name": lambda each: each.name,
    "kind": lambda each: each.kind,
    "waited": lambda each: each.part,
    "for": lambda each: each.owed_by,
}
OF_INSTANCE: lists.Columns[Wait] = lists.Columns(
    "waits",
    {
        **_WHAT,
        "since": lambda each: each.since,
        "until": lambda each: each.until,
        "seconds": lambda each: round(each.seconds, 3),
    },
)
OF_PROCESS: lists.Columns[Waits] = lists.Columns(
    "waits",
    {
        **_WHAT,
        "times": lambda each: each.n,
        "still waiting": lambda each: each.n_open,
        "life cycles": lambda each: each.n_instances,
        "total seconds": lambda each: round(each.total_seconds, 3),
        "median seconds": lambda each: round(each.median_seconds, 3),
        "90th percentile seconds": lambda each: round(each.p90_seconds, 3),
        "longest seconds": lambda each: round(each.longest_seconds, 3),
    },
)
#: how far back the page of a process looks, in days
SPANS = {"30": "started in the last 30 days", "90": "in the last 90 days", "365": "in the last year"}


@pages.get("/instances/<uuid:instance>/waits")
@needs("instance.view")
def of_instance(instance: UUID) -> str | Response:
    """What one life cycle waited for, in the order of time."""
    asked = lists.asked("process")
    detail = queries.instance(session(), instance)
    found = waits.of_instance(session(), instance)
    process = asked["process"] if asked["process"] in detail.members else _longest(found, detail.instance.process)
    shown = [each for each in found if not asked["process"] or each.process == process]
    return lists.answer(
        "waits/instance.html",
        lists.whole(asked, shown),
        OF_INSTANCE,
        instance=detail.instance,
        definition=detail.members[process],
        process=process,
        members=sorted(detail.members),
        total=_total(found),
    )


@pages.get("/instances/<uuid:instance>/waits/state")
@needs("instance.view")
def state_of_instance(instance: UUID) -> dict[str, Any]:
    """How long it waited at each element, for the viewer."""
    process = request.args.get("process", "")
    return _times(waits.of_instance(session(), instance), process)


@pages.get("/processes/<name>/waits")
@needs("instance.view")
def of_process(name: str) -> str | Response:
    """What all life cycles of a process waited for, the longest in total first."""
    asked = lists.asked("version", "days")
    latest = definitions.latest(session(), name)
    found = _of_process(name)
    return lists.answer(
        "waits/process.html",
        lists.whole(asked, found),
        OF_PROCESS,
        definition=latest,
        versions=[str(version) for version in range(latest.version or 1, 0, -1)],
        spans=list(SPANS.items()),
    )


@pages.get("/processes/<name>/waits/state")
@needs("instance.view")
def state_of_process(name: str) -> dict[str, Any]:
    """How long they waited at each element in total, for the viewer."""
    return _times(_of_process(name), name)


def _of_process(name: str) -> list[Waits]:
    version, days = request.args.get("version", ""), request.args.get("days", "")
    return waits.of_process(
        session(),
        name,
        version=int(version) if version.isascii() and version.isdigit() and len(version) < 9 else None,
        since=now(session()) - timedelta(days=int(days)) if days in SPANS else None,
    )


def _times(found: list[Wait] | list[Waits], process: str) -> dict[str, Any]:
    return {
        "times": {
            element: {"text": words.span(timedelta(seconds=share.seconds)), "heat": share.heat}
            for element, share in waits.shares(found, process).items()
        }
    }


def _longest(found: list[Wait], otherwise: str) -> str:
    """The process in which most was waited."""
    total: dict[str, float] = {}
    for each in found:
        if each.kind != "call":
            total[each.process] = total.get(each.process, 0.0) + each.seconds
    return max(total, key=lambda process: total[process], default=otherwise)


def _total(found: list[Wait]) -> dict[str, float]:
    """Whom -> seconds, the longest first; what a call waited for is told inside it."""
    total: dict[str, float] = {}
    for each in found:
        if each.kind == "call":
            continue
        total[each.owed_by] = total.get(each.owed_by, 0.0) + each.seconds
    return dict(sorted(total.items(), key=lambda each: -each[1]))
