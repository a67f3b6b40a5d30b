"""Versions of a model: uploaded, shown with assets, test reports, approvals and lineage."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage

from engine.errors import GatewrightError
from engine.governance import approvals
from engine.inferences import queries as inferences
from engine.inventory import assets, completeness, kinds, queries
from engine.inventory.metadata import MetadataRefused
from engine.inventory.references import VersionRef
from engine.inventory.values import Model
from engine.serving import queries as serving
from engine.training import explanations, fits, frames
from engine.training.fits import Recipe
from engine.training.plans import Plan
from web import access, registering
from web.access import current_person, needs, session

pages = Blueprint("versions", __name__)

#: roles that somebody hands in; the others come of training, tests and a look in the sandbox
HANDED_IN = ("source", "training_data", "test_data", "input_schema", "libraries", "metrics", "documentation")
_SHOWN_BYTES = 60_000


@pages.get("/models/<model>/versions/new")
@needs("model.register")
def new(model: str) -> str:
    """The form for a new version: trained here, or handed in ready made."""
    return _form(queries.model(session(), model))


@pages.post("/models/<model>/versions")
@needs("model.register")
def add(model: str) -> Response | tuple[str, int]:
    """Adds the uploaded version."""
    found = queries.model(session(), model)
    try:
        plan = registering.looked_at(access.store(), _plan(found))
        version = registering.add_version(session(), current_person(), plan)
    except GatewrightError as refusal:
        return _form(found, refusal), refusal.status
    flash(f"{version.ref} is added. Its life cycle tests it and asks for the decisions that it needs.", "done")
    return _to(version.ref)


@pages.get("/models/<model>/versions/<int:number>")
@needs("model.view")
def page(model: str, number: int) -> str:
    """One version: assets, gaps, test reports, approvals, where it runs, and what it came from."""
    ref = VersionRef(model, number)
    version = queries.version(session(), ref)
    found = queries.assets(session(), ref)
    return render_template(
        "versions/page.html",
        version=version,
        model=queries.model(session(), model),
        assets=found,
        meanings=assets.ROLES,
        documents=[
            (each, _text(each.digest)) for each in found if each.role == "documentation" and each.size <= _SHOWN_BYTES
        ],
        weights=[
            weight
            for each in found
            if each.role == "attributions"
            for weight in explanations.read(access.store().files.read(each.digest))
        ],
        reports={suite: report.as_json() for suite, report in queries.test_reports(session(), ref).items()},
        completeness=completeness.score(session(), ref),
        approvals=approvals.of_version(session(), str(ref)),
        deployments=serving.deployments(session(), model=model, version=number),
        n_inferences=inferences.count(session(), inferences.Window(model=model, version=number)),
        handed_in=HANDED_IN,
        siblings=[each.ref.number for each in queries.versions(session(), model)],
    )


@pages.get("/models/<model>/versions/<int:number>/assets/<role>/<path:name>")
@needs("model.view")
def asset(model: str, number: int, role: str, name: str) -> Response:
    """An asset's file, its digest checked."""
    found = queries.asset(session(), VersionRef(model, number), role, name)
    response = Response(access.store().files.read(found.digest), mimetype="application/octet-stream")
    file_name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{model}-{number}-{found.name}")
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response.headers["Digest"] = f"sha-256={found.digest}"
    return response


@pages.post("/models/<model>/versions/<int:number>/assets")
@needs("model.edit")
def attach(model: str, number: int) -> Response:
    """Attaches a file; one that had its role and name is replaced, and approvals given on it are void."""
    ref = VersionRef(model, number)
    upload = request.files.get("file")
    if not upload or not upload.filename:
        raise MetadataRefused(field="file", reason="no file was chosen")
    content = upload.read()
    if not content:
        raise MetadataRefused(field="file", reason=f"{upload.filename} is empty")
    digest = access.store().files.put(content)
    role = request.form.get("role", "")
    name = _name(upload) if role in assets.SEVERAL else None
    registering.attach(access.store(), session(), current_person(), ref, role, digest, name=name)
    flash("The file is attached.", "done")
    return _to(ref)


def _text(digest: str) -> str:
    """A small text file of the store."""
    return access.store().files.read(digest).decode("utf-8", "replace")


def _form(model: Model, refusal: GatewrightError | None = None) -> str:
    return render_template(
        "versions/new.html", model=model, kind=kinds.get(model.kind), given=request.form, refusal=refusal
    )


def _plan(model: Model) -> Plan:
    """What was uploaded, its files kept in the store; what a folder with a model.yaml gives the command line."""
    files, kind, declared = access.store().files, kinds.get(model.kind), model.metadata
    sent = {name: upload for name, upload in request.files.items() if upload.filename}
    test_data = (
        files.put(frames.write(frames.read(sent["test_data"].read(), "test data"))) if "test_data" in sent else None
    )
    documents = {_name(each): files.put(each.read()) for each in request.files.getlist("documents") if each.filename}
    if request.form.get("made") == "here":
        return Plan(metadata=declared, recipe=_recipe(model, sent), assets={}, test_data=test_data, documents=documents)
    if "artefact" not in sent:
        raise MetadataRefused(field="artefact", reason="no model file was chosen")
    handed_in = sent["artefact"].read()
    chosen = {"artefact": files.put(kind.accept(handed_in, _name(sent["artefact"])))}
    chosen["source"] = files.put(sent["source"].read() if "source" in sent else handed_in)
    for role in ("training_data", "libraries", "metrics"):
        if role in sent:
            chosen[role] = files.put(sent[role].read())
    chosen["input_schema"] = files.put(fits.as_file(_schema(model, sent)))
    if test_data is not None and declared.features:
        rows = frames.choose(frames.read(files.read(test_data), "test data"), declared.features, "test data")
        chosen["probe"] = files.put(fits.probe_file(rows))
    return Plan(metadata=declared, recipe=None, assets=chosen, test_data=test_data, documents=documents)


def _recipe(model: Model, sent: dict[str, FileStorage]) -> Recipe:
    files, declared = access.store().files, model.metadata
    for name in ("source", "training_data"):
        if name not in sent:
            raise MetadataRefused(field=name, reason="a training needs it")
    if declared.target is None:
        raise MetadataRefused(field="target", reason="a training needs it: edit the model and name the column")
    rows = frames.read(sent["training_data"].read(), "training data")
    return Recipe(
        kind=model.kind,
        source=files.put(sent["source"].read()),
        training_data=files.put(frames.write(rows)),
        target=declared.target,
        features=declared.features,
        seed=request.form.get("seed", 0, type=int),
        parameters={},
        declared=declared.input_schema,
    )


def _schema(model: Model, sent: dict[str, FileStorage]) -> Any:
    if "input_schema" in sent:
        try:
            return json.loads(sent["input_schema"].read())
        except ValueError as error:
            raise MetadataRefused(field="input_schema", reason=f"it is no JSON: {error}") from None
    if model.metadata.input_schema is None:
        raise MetadataRefused(field="input_schema", reason="neither the model nor this version has one")
    return model.metadata.input_schema


def _name(upload: FileStorage) -> str:
    name = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._ -]", "_", name)[:120] or "file"


def _to(ref: VersionRef) -> Response:
    return redirect(url_for("versions.page", model=ref.model, number=ref.number))  # type: ignore[return-value]
