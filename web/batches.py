"""Batches: files of rows that a version scores as a whole, handed in here or dropped into a watched folder."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.serving import batch as batch_of
from engine.serving import batches, drops
from engine.serving import queries as serving
from engine.serving.batch import Batch
from engine.training.frames import TableRefused
from web import access, lists
from web.access import current_person, needs, session

pages = Blueprint("batches", __name__)

COLUMNS: lists.Columns[Batch] = lists.Columns(
    "batches",
    {
        "batch": lambda each: each.id,
        "model": lambda each: each.model,
        "version": lambda each: each.version,
        "environment": lambda each: each.environment,
        "file": lambda each: each.name,
        "state": lambda each: each.state,
        "rows": lambda each: each.rows,
        "asked by": lambda each: each.requested_by,
        "asked": lambda each: each.requested_at,
        "ended": lambda each: each.ended_at,
        "problem": lambda each: (each.problem or {}).get("message"),
    },
)
#: state of a batch -> the colour that repeats the word
LOOKS = {"waiting": "waiting", "scoring": "moving", "scored": "moving", "done": "done", "failed": "failed"}


@pages.get("/batches")
@needs("deployment.view")
def listing() -> str | Response:
    """The batches, the newest first."""
    asked = lists.asked("model", "state")
    state = asked["state"] if asked["state"] in batch_of.STATES else None

    def read(limit: int, offset: int) -> list[Batch]:
        return batches.listing(session(), model=asked["model"] or None, state=state, limit=limit, offset=offset)

    return lists.answer("batches/list.html", lists.uncounted(asked, read), COLUMNS, looks=LOOKS, states=batch_of.STATES)


@pages.get("/batches/new")
@needs("score.call")
def new() -> str:
    """The form that hands a file of rows in."""
    return _form(request.args)


@pages.post("/batches")
@needs("score.call")
def ask() -> Response | tuple[str, int]:
    """Hands a file of rows in; a worker scores it with the version that is live, and logs each row."""
    given = request.form
    model, _, environment = given.get("where", "")[:300].partition(" ")
    upload = request.files.get("file")
    content = upload.read() if upload and upload.filename else b""
    try:
        if not content or upload is None:
            raise TableRefused(name="rows", reason="no file was chosen, or it is empty")
        found = batches.request(
            session(),
            current_person(),
            model=model,
            environment=environment or batches.highest(session(), model),
            source=access.store().files.put(content),
            name=(upload.filename or "rows").replace("\\", "/").rpartition("/")[2],
            place=given.get("place", "").strip(),
        )
    except GatewrightError as refusal:
        return _form(given, refusal), refusal.status
    flash("The file is taken; a worker scores it next.", "done")
    return redirect(url_for("batches.page", batch=found.id))  # type: ignore[return-value]


@pages.get("/batches/<uuid:batch>")
@needs("deployment.view")
def page(batch: UUID) -> str:
    """One batch: how far it is, what is wrong with its file where it failed, and its answers."""
    found = batches.get(session(), batch)
    logged = found.state == "done" and found.rows
    first = batch_of.inference_id(found.id, found.requested_at, 0) if logged else None
    return render_template("batches/page.html", batch=found, looks=LOOKS, first=first)


@pages.get("/batches/<uuid:batch>/result")
@needs("inference.view")
def result(batch: UUID) -> Response:
    """The answers as Parquet, one a row, in the order of the file."""
    found = batches.result_of(session(), batch)
    response = Response(access.store().files.read(found.result or ""), mimetype="application/vnd.apache.parquet")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.model}-{found.id}.parquet"'
    return response


@pages.get("/drops")
@needs("deployment.view")
def folders() -> str:
    """The folders that are watched for files, and what lies in them."""
    return render_template("batches/folders.html", watched=drops.watched(session(), access.store().settings))


def _form(given: Any, refusal: GatewrightError | None = None) -> str:
    routes = serving.routes(session())
    places = {f"{each.model} {each.environment}": f"{each.model} in {each.environment}" for each in routes}
    return render_template("batches/new.html", given=given, refusal=refusal, places=list(places.items()))
