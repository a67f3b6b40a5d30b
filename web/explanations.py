"""Why a model answered as it did, column by column."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template

from engine.governance import explanations
from web import access
from web.access import needs

pages = Blueprint("explanations", __name__)


@pages.get("/inferences/<uuid:inference>/explanation")
@needs("inference.view")
def page(inference: UUID) -> str:
    """What each column contributed to one answer, the furthest first; the model is asked in the sandbox meanwhile."""
    found = explanations.of_inference(access.house(), access.current_person(), inference)
    told = found.explanation.attribution
    values = {name: told.interval(name).as_json() for name in told.furthest_first}
    return render_template(
        "inferences/explanation.html", found=found, explanation=found.explanation, told=told, values=values
    )
