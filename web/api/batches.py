"""Batches: files of rows that a version scores as a whole."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask_openapi3.models.file import FileStorage
from pydantic import BaseModel, ConfigDict, Field

from engine.serving import batches
from engine.serving.batch import Batch
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, plain, tag
from web.api.models import ModelPath
from web.api.versions import UploadRefused

_TAGS = tag("Batches", "Files of rows that a version scores as a whole.")


class BatchPath(BaseModel):
    """One batch."""

    batch: UUID


class WantedBatches(Listed):
    """Which batches are asked for."""

    model: str | None = Field(default=None, max_length=200)
    version: int | None = Field(default=None, ge=1, le=10**9)


class BatchQuery(BaseModel):
    """Where the rows are scored, and how the batch is told from another."""

    environment: str = Field(default="", max_length=100, description="Empty: the last in which the model answers.")
    place: str = Field(default="", max_length=400, description="Below the exchange folder; the result lies there too.")
    key: str = Field(default="", max_length=200, description="The same key is the same batch, sent again.")


class BatchForm(BaseModel):
    """The file of rows."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: FileStorage = Field(description="Parquet, or CSV in UTF-8 with a header line.")


@api.post("/models/<model>/batches", tags=_TAGS, responses=answers(Batch, 202))
@needs("score.call")
def request_batch(path: ModelPath, query: BatchQuery, form: BatchForm) -> tuple[dict[str, Any], int]:
    """Hand in a file of rows; a worker scores it with the version that is live, and logs each row."""
    session = access.session()
    content = form.file.read()
    if not content:
        raise UploadRefused(reason="the file of rows is empty")
    found = batches.request(
        session,
        access.current_person(),
        model=path.model,
        environment=query.environment or batches.highest(session, path.model),
        source=access.store().files.put(content),
        name=(form.file.filename or "rows").replace("\\", "/").rpartition("/")[2],
        place=query.place,
        key=query.key and batches.key_of("api", access.current_person().id, query.key),
    )
    made: dict[str, Any] = plain(found)
    return made, 202


@api.get("/batches", tags=_TAGS, responses=answers(list[Batch]))
@needs("deployment.view")
def list_batches(query: WantedBatches) -> list[Any]:
    """The batches, the newest first."""
    found: list[Any] = plain(batches.listing(access.session(), **query.model_dump()))
    return found


@api.get("/batches/<uuid:batch>", tags=_TAGS, responses=answers(Batch))
@needs("deployment.view")
def show_batch(path: BatchPath) -> dict[str, Any]:
    """A batch: how far it is, and what is wrong with its file where it failed."""
    found: dict[str, Any] = plain(batches.get(access.session(), path.batch))
    return found


@api.get(
    "/batches/<uuid:batch>/result",
    tags=_TAGS,
    responses={"200": {"description": "OK", "content": {"application/vnd.apache.parquet": {}}}},
)
@needs("inference.view")
def read_result(path: BatchPath) -> Response:
    """The answers as Parquet, one a row, in the order of the file."""
    found = batches.result_of(access.session(), path.batch)
    response = Response(access.store().files.read(found.result or ""), mimetype="application/vnd.apache.parquet")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.model}-{found.id}.parquet"'
    return response
