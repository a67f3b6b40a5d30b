"""What is different between two versions: assets, parameters, libraries, data, metrics, decisions."""

from __future__ import annotations

from flask import Blueprint, Response

from engine.governance import differences
from engine.governance.differences import Difference
from engine.inventory import queries
from engine.inventory.references import VersionRef
from web import lists
from web.access import needs, session
from web.plain import plain

pages = Blueprint("differences", __name__)

COLUMNS: lists.Columns[Difference] = lists.Columns(
    "differences",
    {
        "part": lambda each: each.part,
        "name": lambda each: each.name,
        "before": lambda each: plain(each.before),
        "after": lambda each: plain(each.after),
        "intervals apart": lambda each: each.apart,
    },
)


@pages.get("/models/<model>/versions/<int:number>/differences")
@needs("model.view")
def page(model: str, number: int) -> str | Response:
    """A version beside another, which `before` names as model@number; by itself beside the one before it."""
    after, asked = VersionRef(model, number), lists.asked("before", "part")
    siblings = [each.ref for each in queries.versions(session(), model)]  # the newest first
    older = [ref for ref in siblings if ref.number < number]
    before = VersionRef.parse(asked["before"]) if asked["before"] else (older or [after])[0]
    found = differences.between(session(), before, after)
    rows = [each for each in found.differences if asked["part"] in ("", each.part)]
    return lists.answer(
        "differences/page.html",
        lists.whole(asked, rows),
        COLUMNS,
        model=queries.model(session(), model),
        found=found,
        named=differences.PARTS,
        siblings=[ref for ref in siblings if ref != after],
    )
