"""Versions taken over from an MLflow registry: what it offers, and the form for one of them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.inventory import queries
from engine.inventory.metadata import Metadata
from engine.inventory.models import ModelExists
from engine.training import imports
from engine.training.imports import Offered
from engine.training.mlflow import Mlflow
from web import access, lists, registering
from web.access import current_person, needs, session

pages = Blueprint("importing", __name__)

COLUMNS: lists.Columns[Offered] = lists.Columns(
    "mlflow",
    {
        "model": lambda each: each.name,
        "version": lambda each: each.number,
        "run": lambda each: each.run,
        "made": lambda each: each.made_at,
        "description": lambda each: each.description,
    },
)
#: fields of the form for a model that is new here
FIELDS = ("id", "name", "owner", "team", "purpose", "decisions_per_year")


@pages.get("/import/mlflow")
@needs("model.register")
def listing() -> str | Response:
    """What the MLflow registry offers, last changed first."""
    asked = lists.asked()
    refusal, found = None, []
    try:
        found = imports.offered(Mlflow(access.store().settings), search=asked.search)
    except GatewrightError as away:
        refusal = away
    return lists.answer("importing/list.html", lists.whole(asked, found), COLUMNS, refusal=refusal)


@pages.get("/import/mlflow/version")
@needs("model.register")
def form() -> str:
    """The form for one version: into a model that is here, or a new one."""
    name = request.args.get("name", "")[:500]
    given = {"id": imports.slug(name), "name": name, "owner": current_person().id}
    return _form(name, request.args.get("version", "")[:20], given)


@pages.post("/import/mlflow/version")
@needs("model.register")
def take_over() -> Response | tuple[str, int]:
    """Fetches the version, looks at it in the sandbox, and adds it."""
    given, store = request.form, access.store()
    name, number = given.get("mlflow_name", "")[:500], given.get("mlflow_version", "")[:20]
    try:
        chosen = imports.read(
            Mlflow(store.settings), store.files, store.settings, name=name, number=number, declared=_declared()
        )
        version = registering.import_version(store, current_person(), chosen)
    except GatewrightError as refusal:
        return _form(name, number, given, refusal), refusal.status
    flash(f"{version.ref} is added, as {chosen.note}.", "done")
    return redirect(url_for("versions.page", model=version.ref.model, number=version.ref.number))


def _declared() -> Metadata | dict[str, Any]:
    """The metadata of the model that gets the version, or what the form says of a new one."""
    if into := request.form.get("into", ""):
        return queries.model(session(), into).metadata
    given = {field: text for field in FIELDS if (text := request.form.get(field, "").strip())}
    with suppress(queries.ModelUnknown):
        raise ModelExists(model=queries.model(session(), given.get("id", "")).id)
    return {**given, "affects_people": request.form.get("affects_people") == "yes"}


def _form(name: str, number: str, given: Any, refusal: GatewrightError | None = None) -> str:
    known = queries.models(session(), retired=False, limit=lists.MOST).items
    field = str(refusal.facts.get("field", "")) if refusal else ""
    return render_template(
        "importing/form.html",
        name=name,
        number=number,
        given=given,
        models=[(each.model.id, f"{each.model.name} ({each.model.id})") for each in known],
        here=imports.slug(name) in {each.model.id for each in known},
        refusal=refusal,
        wrong={field: str(refusal.facts.get("reason", ""))} if refusal and field else {},
    )
