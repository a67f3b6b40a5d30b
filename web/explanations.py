"""Why a model answered as it did, column by column."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template

from engine.governance import explanations
from engine.statistics import Estimate
from web import access
from web.access import needs

pages = Blueprint("explanations", __name__)
_HALF = 1.959963984540054  #: of a normal interval at 95 percent


@pages.get("/inferences/<uuid:inference>/explanation")
@needs("inference.view")
def page(inference: UUID) -> str:
    """What each column contributed to one answer, the furthest first; the model is asked in the sandbox meanwhile."""
    found = explanations.of_inference(access.house(), access.current_person(), inference)
    told = found.explanation.attribution
    values = {
        name: Estimate(value, value - _HALF * told.errors[name], value + _HALF * told.errors[name], 0.95).as_json()
        for name, value in sorted(told.values.items(), key=lambda each: (-abs(each[1]), each[0]))
    }
    return render_template(
        "inferences/explanation.html", found=found, explanation=found.explanation, told=told, values=values
    )
