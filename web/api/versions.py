"""Versions of models and their files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from flask import Response, request
from flask_openapi3.models.file import FileStorage
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from werkzeug.datastructures import FileStorage as Upload

from engine.errors import GatewrightError
from engine.governance import differences
from engine.governance.differences import Differences
from engine.inventory import completeness, kinds, queries, versions
from engine.inventory.assets import ROLES
from engine.inventory.completeness import Completeness
from engine.inventory.references import VersionRef
from engine.inventory.values import Asset, Version
from engine.training import fits, frames
from web import access, registering
from web.access import needs
from web.api.blueprint import answers, api, plain, tag
from web.api.models import ModelPath

_TAGS = tag("Versions", "Versions of models and their files.")


#: roles whose files are JSON
_JSON = frozenset({"input_schema", "output_schema", "parameters", "libraries", "probe", "predictions"})


class UploadRefused(GatewrightError):
    """What was uploaded is refused: {reason}."""

    code = "upload-refused"
    hint = "Send multipart/form-data, each file in a field named by its role; several documents as `documentation`."
    status = 422


def _as_it_was_sent(value: Any) -> str:
    """A field of a form as text: flask-openapi3 reads it as JSON where it can, and a note "12" comes as a number."""
    if isinstance(value, Upload):
        raise ValueError("a text is expected here, not a file")
    return value if isinstance(value, str) else json.dumps(value)


Text = Annotated[str, BeforeValidator(_as_it_was_sent)]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDetail:
    """A version with its files and what it still owes."""

    version: Version
    assets: list[Asset]
    completeness: Completeness


class VersionPath(ModelPath):
    """One version."""

    number: int = Field(ge=1, le=10**9)

    @property
    def ref(self) -> VersionRef:
        """The version that the address names."""
        return VersionRef(self.model, self.number)


class AssetPath(VersionPath):
    """One file of a version."""

    role: str = Field(max_length=100, description=f"One of {', '.join(ROLES)}.")


class NamedAsset(BaseModel):
    """Which of several files in one role."""

    name: str | None = Field(default=None, max_length=200)


class VersionForm(BaseModel):
    """A version to be added: its files, each in a field named by its role, and what was said of them."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    source_kind: str = Field(
        default="uploaded", pattern="^(uploaded|trained)$", description="`trained`: its life cycle trains it."
    )
    seed: int | None = Field(default=None, description="The seed of the training.")
    parameters_json: Text | None = Field(default=None, max_length=100_000, description="The training's parameters.")
    note: Text = Field(default="", max_length=4000)
    artefact: FileStorage | None = Field(default=None, description="The model file.")
    source: FileStorage | None = Field(default=None, description="What trains it, or the table as it was written.")
    training_data: FileStorage | None = Field(default=None, description="Parquet or CSV.")
    test_data: FileStorage | None = Field(default=None, description="Parquet or CSV.")
    input_schema: FileStorage | None = Field(default=None, description="A JSON Schema of one row.")
    output_schema: FileStorage | None = Field(default=None)
    parameters: FileStorage | None = Field(default=None)
    libraries: FileStorage | None = Field(default=None)
    metrics: FileStorage | None = Field(default=None)
    probe: FileStorage | None = Field(default=None)
    predictions: FileStorage | None = Field(default=None)
    documentation: list[FileStorage] | None = Field(default=None, description="The model card and other documents.")


class AssetForm(BaseModel):
    """A file to be attached."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: FileStorage = Field(description="The file.")


@api.get("/models/<model>/versions", tags=_TAGS, responses=answers(list[Version]))
@needs("model.view")
def list_versions(path: ModelPath) -> list[Any]:
    """The versions of a model, the newest first."""
    queries.model(access.session(), path.model)
    found: list[Any] = plain(queries.versions(access.session(), path.model))
    return found


@api.post("/models/<model>/versions", tags=_TAGS, responses=answers(VersionDetail, 201))
@needs("model.register")
def add_version(path: ModelPath, form: VersionForm) -> tuple[dict[str, Any], int]:
    """Add a version with its files; the life cycle of a model that runs already hears of it."""
    declared = queries.model(access.session(), path.model).metadata
    kind = kinds.get(declared.kind)
    files: dict[str, str] = {}
    documents: dict[str, str] = {}
    for role, upload in request.files.items(multi=True):
        upload.seek(0)  # checking the form has read a list of files, each line by line
        content, name = upload.read(), (upload.filename or role).replace("\\", "/").rpartition("/")[2]
        if not content:
            raise UploadRefused(reason=f"{name}, sent as {role}, is empty")
        if role == "documentation":
            documents[name] = access.store().files.put(content)
            continue
        if role not in ROLES:
            raise UploadRefused(reason=f"{role} is no role; there are {', '.join(ROLES)}")
        if role in files:
            raise UploadRefused(reason=f"two files as {role}")
        if role == "artefact":
            content = kind.accept(content, name)
        if role in _JSON:
            content = _json_of(role, content)
        files[role] = access.store().files.put(content)
    if not files:
        raise UploadRefused(reason="it holds no file")
    if form.source_kind == "uploaded":
        files = registering.complete(access.house(), declared, files)
    version = versions.add(
        access.session(),
        access.current_person(),
        path.model,
        files,
        source=form.source_kind,
        seed=form.seed,
        parameters=_object(request.form.get("parameters_json")),
        documents=documents,
        note=request.form.get("note", ""),
    )
    return _detail(version.ref), 201


@api.get("/models/<model>/versions/<int:number>", tags=_TAGS, responses=answers(VersionDetail))
@needs("model.view")
def show_version(path: VersionPath) -> dict[str, Any]:
    """A version with its files and what it still owes."""
    return _detail(path.ref)


@api.get(
    "/models/<model>/versions/<int:number>/assets/<role>",
    tags=_TAGS,
    responses={"200": {"description": "OK", "content": {"application/octet-stream": {}}}},
)
@needs("model.view")
def read_asset(path: AssetPath, query: NamedAsset) -> Response:
    """One file of a version, its digest checked."""
    queries.version(access.session(), path.ref)
    found = queries.asset(access.session(), path.ref, path.role, query.name)
    response = Response(access.store().files.read(found.digest), mimetype="application/octet-stream")
    response.headers["Digest"] = f"sha-256={found.digest}"
    response.headers["Content-Disposition"] = "attachment"
    return response


@api.put("/models/<model>/versions/<int:number>/assets/<role>", tags=_TAGS, responses=answers(Asset))
@needs("model.edit")
def attach_asset(path: AssetPath, query: NamedAsset, form: AssetForm) -> dict[str, Any]:
    """Attach a file, or replace it; an approval that was given on the old one becomes void."""
    session = access.session()
    content = form.file.read()
    if not content:
        raise UploadRefused(reason=f"{form.file.filename or path.role} is empty")
    if path.role == "artefact":
        kind = kinds.get(queries.model(session, path.model).kind)
        content = kind.accept(content, form.file.filename or "artefact")
    digest = access.store().files.put(content)
    found: dict[str, Any] = plain(
        registering.attach(
            access.store(), session, access.current_person(), path.ref, path.role, digest, name=query.name
        )
    )
    return found


@api.get("/models/<model>/versions/<int:number>/test-reports", tags=_TAGS, responses=answers(dict[str, Any]))
@needs("model.view")
def test_reports(path: VersionPath) -> dict[str, Any]:
    """Suite to the report of the version's last test by it: metrics with intervals, groups, verdicts."""
    queries.version(access.session(), path.ref)
    return {suite: report.as_json() for suite, report in queries.test_reports(access.session(), path.ref).items()}


class WantedDifferences(BaseModel):
    """Beside which version."""

    before: str = Field(max_length=100, description="A version as model@number, of this model or another.")


@api.get("/models/<model>/versions/<int:number>/differences", tags=_TAGS, responses=answers(Differences))
@needs("model.view")
def version_differences(path: VersionPath, query: WantedDifferences) -> dict[str, Any]:
    """What is different between another version and this one, from its assets to the decisions on it."""
    found: dict[str, Any] = plain(differences.between(access.session(), VersionRef.parse(query.before), path.ref))
    return found


def _json_of(role: str, content: bytes) -> bytes:
    """The content of a file that must be JSON; of probe rows that came as a table, the JSON of them."""
    try:
        json.loads(content)
    except ValueError as reason:
        if role == "probe":
            return fits.probe_file(frames.read(content, "probe"))
        raise UploadRefused(reason=f"{role} is no JSON: {reason}") from reason
    return content


def _detail(ref: VersionRef) -> dict[str, Any]:
    session = access.session()
    found: dict[str, Any] = plain(
        VersionDetail(
            version=queries.version(session, ref),
            assets=queries.assets(session, ref),
            completeness=completeness.score(session, ref),
        )
    )
    return found


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError as reason:
        raise UploadRefused(reason=f"parameters_json is no JSON: {reason}") from reason
    if not isinstance(found, dict):
        raise UploadRefused(reason="parameters_json is no JSON object")
    return found
