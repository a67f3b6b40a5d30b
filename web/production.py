"""What is done with a model in production: going back to what answered before, and telling what became known late."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from markupsafe import Markup

from engine.bpmn import BpmnError
from engine.errors import GatewrightError
from engine.handlers.roll_back_model import way_back
from engine.inferences import queries as inferences
from engine.inventory import queries
from engine.monitoring import label_files
from engine.monitoring.label_files import Taken
from engine.runtime import instances
from engine.serving import queries as serving
from engine.training.frames import TableRefused
from web.access import current_person, house, needs, session

pages = Blueprint("production", __name__)


@pages.get("/models/<model>/roll-back")
@needs("deployment.request")
def before_roll_back(model: str) -> str:
    """What answers now in each environment, what would come back, and the button."""
    return _roll_back_page(model)


@pages.post("/models/<model>/roll-back")
@needs("deployment.request")
def roll_back(model: str) -> Response | tuple[str, int]:
    """Starts the life cycle that ends a canary, or brings back the last version whose approval still holds."""
    given = request.form
    answer = {
        "model": model,
        "environment": given.get("environment", "")[:100],
        "reason": given.get("reason", "").strip()[:2000],
    }
    try:
        instance = instances.start(house(), current_person(), "roll_back", model, answer)
    except GatewrightError as refusal:
        return _roll_back_page(model, refusal), refusal.status
    address = url_for("life_cycles.page", instance=instance)
    flash(Markup('The roll-back is under way: <a href="{}">see what comes of it</a>.').format(address), "moving")
    return redirect(url_for("models.page", model=model))  # type: ignore[return-value]


@pages.get("/models/<model>/labels")
@needs("label.write")
def labels(model: str) -> str:
    """The form for a file of labels."""
    return _labels_page(model)


@pages.post("/models/<model>/labels")
@needs("label.write")
def add_labels(model: str) -> str | tuple[str, int]:
    """Takes a file of labels and tells what became of them; a row that is wrong is named and refuses all of them."""
    queries.model(session(), model)
    upload = request.files.get("file")
    content = upload.read() if upload and upload.filename else b""
    try:
        if not content:
            raise TableRefused(name="labels", reason="no file was chosen, or it is empty")
        taken = label_files.take(session(), current_person(), model=model, content=content)
    except GatewrightError as refusal:
        return _labels_page(model, refusal=refusal), refusal.status
    return _labels_page(model, taken=taken)


def _roll_back_page(model: str, refusal: GatewrightError | None = None) -> str:
    routes = serving.routes(session(), model=model)
    ways, kept_out = {}, {}
    for environment in dict.fromkeys(each.environment for each in routes):
        try:
            ways[environment] = way_back(session(), model, environment)
        except BpmnError as reason:
            kept_out[environment] = str(reason)
    return render_template(
        "production/roll_back.html",
        model=queries.model(session(), model),
        routes=routes,
        ways=ways,
        kept_out=kept_out,
        given=request.form,
        refusal=refusal,
    )


def _labels_page(model: str, *, taken: Taken | None = None, refusal: GatewrightError | None = None) -> str:
    return render_template(
        "production/labels.html",
        model=queries.model(session(), model),
        known=inferences.summary(session(), inferences.Window(model=model)),
        taken=taken,
        refusal=refusal,
    )
