"""Inferences: found by any id that somebody holds, and each with all that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, url_for

from engine.governance import lineage
from engine.governance.lineage import Lineage
from engine.inferences import search
from engine.inferences.inference import Inference
from engine.runtime.passed import Passed
from web import lists
from web.access import needs, session

pages = Blueprint("inferences", __name__)
#: as many rows as one request may have
_OF_A_REQUEST = 5_000

COLUMNS: lists.Columns[Inference] = lists.Columns(
    "inferences",
    {
        "inference": lambda each: each.id,
        "model": lambda each: each.model,
        "version": lambda each: each.version,
        "environment": lambda each: each.environment,
        "event time": lambda each: each.event_time,
        "answered": lambda each: each.logged_at,
        "score": lambda each: each.score,
        "decision": lambda each: each.decision,
        "caller": lambda each: each.caller,
        "reference": lambda each: each.caller_reference,
        "request": lambda each: each.request,
        "row of the request": lambda each: each.position,
    },
)


@pages.get("/inferences")
@needs("inference.view")
def listing() -> str | Response:
    """The newest inferences, or those that an id names: theirs, their request's, or the caller's reference."""
    asked = lists.asked("model")
    if asked.search:
        rows = lists.whole(asked, _named(asked.search, asked["model"]))
    else:
        rows = lists.uncounted(asked, _newest(asked["model"]))
    return lists.answer("inferences/list.html", rows, COLUMNS)


@pages.get("/inferences/<uuid:inference>")
@needs("inference.view")
def page(inference: UUID) -> str:
    """One inference, and all that it rests on: version, data, the life cycle's steps, who approved."""
    found = lineage.of_inference(session(), inference)
    return render_template(
        "inferences/page.html",
        lineage=found,
        inference=found.inference,
        deployment=found.deployment,
        label=found.label,
        deployed=next((each for each in found.steps if str(each.task) == found.deployment.task), None),
        diagrams={each.process: each for each in found.steps},
    )


@pages.get("/inferences/<uuid:inference>/steps/<process>")
@needs("inference.view")
def state(inference: UUID, process: str) -> dict[str, Any]:
    """The steps on which the inference rests in one diagram, for the viewer."""
    found = lineage.of_inference(session(), inference)
    passed = [each for each in found.steps if each.process == process]
    if not passed:
        abort(404)
    return {
        "done": [each.element for each in passed],
        "links": {each.element: {"url": _address(each), "text": _told(found, each)} for each in passed},
    }


def _named(id: str, model: str) -> Sequence[Inference]:
    return [each for each in search.by_any_id(session(), id, limit=_OF_A_REQUEST) if model in ("", each.model)]


def _newest(model: str) -> Any:
    def read(limit: int, offset: int) -> Sequence[Inference]:
        return search.newest(session(), model=model, limit=limit, offset=offset)

    return read


def _address(step: Passed) -> str:
    if step.kind == "userTask":
        return url_for("inbox.task", task=step.task)
    return url_for("life_cycles.page", instance=step.instance, process=step.process)


def _told(found: Lineage, step: Passed) -> str:
    by = next((each.actor for each in found.approvals if each.task == step.task), None)
    return f"approved by {by}" if by else f"deployed {found.deployment.reference}"
