"""Single answers of models, and the way back from each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_openapi3.models.file import FileStorage
from pydantic import BaseModel, ConfigDict, Field

from engine.governance import explanations, lineage
from engine.governance.explanations import Explained
from engine.governance.lineage import Lineage
from engine.inferences import labels, queries, search
from engine.inferences.inference import Inference
from engine.inferences.labels import Label
from engine.inferences.queries import Summary, Window
from engine.inventory import queries as inventory
from engine.monitoring import label_files
from engine.monitoring.label_files import Taken
from web import access
from web.access import needs
from web.api.blueprint import answers, api, plain, tag
from web.api.models import ModelPath

_TAGS = tag("Inferences", "Single answers of models, and what led to them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsAdded:
    """What became of labels."""

    sent: int
    new: int


class InferencePath(BaseModel):
    """One inference."""

    inference: UUID


class WantedInferences(BaseModel):
    """Which inferences are asked for."""

    limit: int = Field(default=50, ge=1, le=500)
    before: datetime | None = Field(default=None, description="Logged before this moment.")


class WantedId(BaseModel):
    """The id that somebody holds."""

    id: str = Field(
        min_length=1, max_length=200, description="Of the inference, of its request, or the caller's reference of it."
    )
    limit: int = Field(default=50, ge=1, le=500, description="How many at most: a request may have many rows.")


class WantedSummary(BaseModel):
    """Which span of event time is asked for."""

    since: datetime | None = Field(default=None, description="From this moment on.")
    until: datetime | None = Field(default=None, description="Before this moment.")
    version: int | None = Field(default=None, ge=1, le=10**9)
    environment: str | None = Field(default=None, max_length=100)


class SentLabel(BaseModel):
    """The truth about one inference."""

    inference: UUID
    value: str = Field(max_length=200)
    known_at: datetime


class SentLabels(BaseModel):
    """Labels of one model."""

    labels: list[SentLabel] = Field(min_length=1, max_length=5000)


class LabelForm(BaseModel):
    """A file of labels."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: FileStorage = Field(
        description="Parquet, or CSV with a header line: inference or reference, value, known_at with its zone."
    )


@api.get("/inferences", tags=_TAGS, responses=answers(list[Inference]))
@needs("inference.view")
def find_inferences(query: WantedId) -> list[Any]:
    """The inferences that an id names: their own, that of their request, or the caller's reference; newest first."""
    found: list[Any] = plain(search.by_any_id(access.session(), query.id, limit=query.limit))
    return found


@api.get("/inferences/<uuid:inference>", tags=_TAGS, responses=answers(Lineage))
@needs("inference.view")
def show_inference(path: InferencePath) -> dict[str, Any]:
    """From an answer back to the version, its data and code, the life cycle's step and who approved it."""
    found: dict[str, Any] = plain(lineage.of_inference(access.session(), path.inference))
    return found


@api.get("/inferences/<uuid:inference>/explanation", tags=_TAGS, responses=answers(Explained))
@needs("inference.view")
def explain_inference(path: InferencePath) -> dict[str, Any]:
    """Why it was answered so: what each column contributed, and the reasons of a decision against the person."""
    found: dict[str, Any] = plain(explanations.of_inference(access.house(), access.current_person(), path.inference))
    return found


@api.get("/models/<model>/inferences", tags=_TAGS, responses=answers(list[Inference]))
@needs("inference.view")
def list_inferences(path: ModelPath, query: WantedInferences) -> list[Any]:
    """A model's latest inferences, the newest first."""
    inventory.model(access.session(), path.model)
    found: list[Any] = plain(queries.latest(access.session(), path.model, limit=query.limit, before=query.before))
    return found


@api.get("/models/<model>/inference-summary", tags=_TAGS, responses=answers(Summary))
@needs("inference.view")
def summarise_inferences(path: ModelPath, query: WantedSummary) -> dict[str, Any]:
    """How many inferences a span of event time holds, by decision, with latency and labels."""
    inventory.model(access.session(), path.model)
    window = Window(model=path.model, **query.model_dump())
    found: dict[str, Any] = plain(queries.summary(access.session(), window))
    return found


@api.post("/models/<model>/labels", tags=_TAGS, responses=answers(LabelsAdded))
@needs("label.write")
def add_labels(path: ModelPath, body: SentLabels) -> dict[str, Any]:
    """Tell what became known later about inferences; an unknown id refuses all of them."""
    sent = [Label(inference=each.inference, value=each.value, known_at=each.known_at) for each in body.labels]
    new = labels.add(access.session(), access.current_person(), model=path.model, labels=sent)
    found: dict[str, Any] = plain(LabelsAdded(sent=len(sent), new=new))
    return found


@api.post("/models/<model>/label-files", tags=_TAGS, responses=answers(Taken))
@needs("label.write")
def add_label_file(path: ModelPath, form: LabelForm) -> dict[str, Any]:
    """Hand in a file of what became known later; a row that is wrong is named by its line and refuses all of them."""
    content = form.file.read()
    inventory.model(access.session(), path.model)
    taken = label_files.take(access.session(), access.current_person(), model=path.model, content=content)
    found: dict[str, Any] = plain(taken)
    return found
