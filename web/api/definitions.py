"""Life cycles as definitions: read, checked, drafted, reviewed, published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response
from pydantic import AwareDatetime, BaseModel, Field

from engine import bpmn
from engine.bpmn import Issue
from engine.errors import GatewrightError
from engine.runtime import definitions, preview, queries, waits
from engine.runtime.definitions import Definition
from engine.runtime.forms import Form
from engine.runtime.preview import Path
from engine.runtime.waits import Waits
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, house, page, page_of, plain, tag
from web.proven import Proved, proved

_TAGS = tag("Life cycles", "Definitions: diagrams, decision tables and forms.")


class FileUnknown(GatewrightError):
    """{definition} has no file {name}."""

    code = "definition-file-unknown"
    hint = "Read the list of its files first."
    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found."""

    issues: list[Issue]
    publishable: bool  #: there is no error among them
    proof: Proved | None  #: what holds on every path; null where errors keep the diagram from being executed


class ProcessPath(BaseModel):
    """One life cycle."""

    process: str = Field(max_length=200, description="The process id.")


class WantedWaits(BaseModel):
    """Of which instances."""

    version: int | None = Field(default=None, ge=1, le=10**6, description="Only those of this version.")
    since: AwareDatetime | None = Field(default=None, description="Only those started since then.")


class DefinitionPath(BaseModel):
    """One definition or draft."""

    definition: UUID


class FilePath(DefinitionPath):
    """One file of a definition."""

    name: str = Field(max_length=200)


class WantedDefinitions(Listed):
    """Which definitions are asked for."""

    name: str = Field(default="", max_length=200, description="Of this process only.")
    state: str = Field(default="", max_length=50, description="draft, in_review, published or rejected.")


class Files(BaseModel):
    """The files of a definition."""

    files: dict[str, str] = Field(
        min_length=1, max_length=50, description="Name to content: process.bpmn, *.dmn, *.form.json, scenario.yaml."
    )

    process: str = Field(
        default="",
        max_length=255,
        description="The id of the process that is meant, where the diagram holds several executable ones.",
    )

    def contents(self) -> dict[str, bytes]:
        """Name to bytes."""
        sent = {name: text.encode(errors="surrogatepass") for name, text in self.files.items()}
        return dict(bpmn.chosen(sent, self.process)) if self.process else sent


class Word(BaseModel):
    """A reviewer's word."""

    comment: str = Field(default="", max_length=4000)
    accept_undecided: bool = Field(
        default=False,
        description="Answer for what the proof did not decide; only with a comment that says why. It is recorded.",
    )


class Reason(BaseModel):
    """Why."""

    comment: str = Field(min_length=1, max_length=4000)


class Start(BaseModel):
    """What a life cycle would be started with."""

    subject: str = Field(default="", max_length=200, description="The business key: a model's id.")
    answer: dict[str, Any] = Field(default={}, description="The answer to the start form.")


@api.get("/processes", tags=_TAGS, responses=answers(list[Definition]))
@needs("process.view")
def list_processes() -> list[Any]:
    """The latest published version of each life cycle: what can be started."""
    found: list[Any] = plain(queries.library(access.session()))
    return found


@api.get("/processes/<process>/start-form", tags=_TAGS, responses=answers(Form | None))
@needs("process.view")
def start_form(path: ProcessPath) -> Response:
    """The form whose answer starts a life cycle; null where it asks for nothing."""
    return _json(queries.start_form(access.session(), path.process))


@api.get("/processes/<process>/waits", tags=_TAGS, responses=page_of(Waits))
@needs("instance.view")
def process_waits(path: ProcessPath, query: WantedWaits) -> dict[str, Any]:
    """What the instances of a life cycle waited for, for whom and how long, the longest in total first."""
    session = access.session()
    definitions.latest(session, path.process)
    found = waits.of_process(session, path.process, version=query.version, since=query.since)
    return page(found, len(found))


@api.post("/processes/<process>/path", tags=_TAGS, responses=answers(Path))
@needs("instance.start")
def preview_path(path: ProcessPath, body: Start) -> dict[str, Any]:
    """The path that an instance would take, computed and rolled back; nothing is started."""
    found: dict[str, Any] = plain(
        preview.path(house(), access.current_person(), path.process, body.subject, body.answer)
    )
    return found


@api.get("/definitions", tags=_TAGS, responses=page_of(Definition))
@needs("process.view")
def list_definitions(query: WantedDefinitions) -> dict[str, Any]:
    """Definitions and drafts, the newest version of each first."""
    found = queries.definition_list(
        access.session(), name=query.name, state=query.state, limit=query.limit, offset=query.offset
    )
    return page(found.rows, found.total)


@api.post("/definitions", tags=_TAGS, responses=answers(Definition, 201))
@needs("process.draft")
def draft_definition(body: Files) -> tuple[dict[str, Any], int]:
    """Save a draft."""
    return plain(definitions.draft(access.session(), access.current_person(), body.contents())), 201


@api.post("/definitions/check", tags=_TAGS, responses=answers(Checked))
@needs("process.view")
def check_definition(body: Files) -> dict[str, Any]:
    """What is wrong with a diagram and its files, and what holds on every path of it; nothing is saved."""
    examined = definitions.examine(access.session(), body.contents())
    found: dict[str, Any] = plain(
        Checked(issues=examined.issues, publishable=examined.publishable, proof=proved(examined.proof))
    )
    return found


@api.get("/definitions/<uuid:definition>", tags=_TAGS, responses=answers(Definition))
@needs("process.view")
def show_definition(path: DefinitionPath) -> dict[str, Any]:
    """One definition or draft."""
    found: dict[str, Any] = plain(definitions.get(access.session(), path.definition))
    return found


@api.get("/definitions/<uuid:definition>/files", tags=_TAGS, responses=answers(dict[str, str]))
@needs("process.view")
def definition_files(path: DefinitionPath) -> dict[str, str]:
    """The files of a definition by name."""
    definitions.get(access.session(), path.definition)
    files = definitions.files_of(access.session(), path.definition)
    return {name: content.decode(errors="replace") for name, content in files.items()}


@api.get(
    "/definitions/<uuid:definition>/files/<name>",
    tags=_TAGS,
    responses={"200": {"description": "OK", "content": {"application/octet-stream": {}}}},
)
@needs("process.view")
def definition_file(path: FilePath) -> Response:
    """One file of a definition, byte by byte."""
    definition = definitions.get(access.session(), path.definition)
    files = definitions.files_of(access.session(), path.definition)
    if path.name not in files:
        raise FileUnknown(definition=definition.label, name=path.name)
    return Response(files[path.name], mimetype="application/octet-stream")


@api.put("/definitions/<uuid:definition>/files", tags=_TAGS, responses=answers(Definition))
@needs("process.draft")
def edit_definition(path: DefinitionPath, body: Files) -> dict[str, Any]:
    """Give a draft other files."""
    found: dict[str, Any] = plain(
        definitions.edit(access.session(), access.current_person(), path.definition, body.contents())
    )
    return found


@api.post("/definitions/<uuid:definition>/submit", tags=_TAGS, responses=answers(Definition))
@needs("process.draft")
def submit_definition(path: DefinitionPath) -> dict[str, Any]:
    """Put a draft before a second architect."""
    found: dict[str, Any] = plain(definitions.submit(access.session(), access.current_person(), path.definition))
    return found


@api.post("/definitions/<uuid:definition>/publish", tags=_TAGS, responses=answers(Definition))
@needs("process.publish")
def publish_definition(path: DefinitionPath, body: Word) -> dict[str, Any]:
    """Publish what another architect has drawn."""
    found: dict[str, Any] = plain(
        definitions.publish(
            access.session(),
            access.current_person(),
            path.definition,
            body.comment,
            undecided_accepted=body.accept_undecided,
        )
    )
    return found


@api.post("/definitions/<uuid:definition>/reject", tags=_TAGS, responses=answers(Definition))
@needs("process.review")
def reject_definition(path: DefinitionPath, body: Reason) -> dict[str, Any]:
    """Send a draft back to its author."""
    found: dict[str, Any] = plain(
        definitions.reject(access.session(), access.current_person(), path.definition, body.comment)
    )
    return found


def _json(value: Any) -> Response:
    """A value as JSON, null among the values."""
    import json

    return Response(json.dumps(plain(value)), mimetype="application/json")
