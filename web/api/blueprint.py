"""The blueprint of /api/v1: who may come is asked before what was sent is read, and every refusal is in the log."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, current_app, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, Field, ValidationError

from engine import audit
from engine.errors import GatewrightError
from engine.identity import require
from engine.store import Store
from web import access, errors
from web.api.schemas import Schema, answers
from web.plain import plain

PREFIX = "/api/v1"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong, and what to do (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "What happened."},
        "detail": {"type": "string", "description": "What to do."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "The name of the error; docs/errors.md lists them."},
        "element": {"type": "string", "description": "Where in a life cycle it happened."},
        "reference": {"type": "string", "description": "Names the line in the server's log."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
                "required": ["field", "reason"],
            },
        },
    },
    "required": ["type", "title", "detail", "status"],
}


def problem(description: str) -> dict[str, Any]:
    """The documentation of a refusal."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


#: any operation may be answered so
_PROBLEMS: ResponseDict = {
    "400": problem("The request could not be read."),
    "401": problem("Nobody is signed in, or the token is not accepted."),
    "403": problem("Who asks may not do this."),
    "404": problem("There is no such thing."),
    "405": problem("This address does not take that kind of request."),
    "409": problem("It does not fit what happened meanwhile."),
    "413": problem("What was sent is too large."),
    "415": problem("This kind of content is not accepted here."),
    "422": problem("What was sent does not fit."),
    "429": problem("Too many requests."),
    "500": problem("Gatewright met something that it did not expect."),
    "503": problem("Gatewright cannot answer just now."),
}


class TextRefused(GatewrightError):
    """{where} holds a character that no text may hold: {character}."""

    code = "text-refused"
    hint = "Leave out NUL characters and halves of surrogate pairs."
    status = 422


api = APIBlueprint(
    "api",
    __name__,
    url_prefix=PREFIX,
    abp_security=[{"token": []}],
    abp_responses=_PROBLEMS,
    # The name of the function, which is the same word as in the tests' table of roles.
    operation_id_callback=lambda *, name, path, method: name,
)


def tag(name: str, description: str) -> list[Tag]:
    """The tag of a module's operations."""
    return [Tag(name=name, description=description)]


class Listed(BaseModel):
    """Which part of a list is asked for."""

    limit: int = Field(default=50, ge=1, le=500, description="How many at most.")
    offset: int = Field(default=0, ge=0, le=10**9, description="How many to leave out at the beginning.")


def page_of(kind: Any) -> ResponseDict:
    """The documentation of one page of a list."""
    from web.api.schemas import schema

    found = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": schema(kind)}, "total": {"type": "integer"}},
        "required": ["items", "total"],
    }
    return {"200": {"description": "OK", "content": {"application/json": {"schema": found}}}}


def page(items: Any, total: int) -> dict[str, Any]:
    """One page of a list."""
    return {"items": plain(list(items)), "total": total}


def house() -> Store:
    """The store, for an act that owns its transaction and writes its own refusals into the log."""
    g.refusals_are_recorded = True
    return access.house()


@api.before_request
def _let_in() -> None:
    """Ask who comes and what they may before flask-openapi3 reads what they sent."""
    wanted = access.declared(current_app.view_functions[request.endpoint or ""])
    if wanted == access.ANYONE:
        return
    person = access.current_person()
    if wanted not in (access.SIGNED_IN, None):
        require(person, wanted)


@api.before_request
def _refuse_unstorable() -> None:
    """PostgreSQL keeps no NUL, UTF-8 no half of a surrogate pair: refused by name before they meet either."""
    for name, value in request.args.items(multi=True):
        _refuse_text(f"The query parameter {name!a}", value)
    for name, value in (request.view_args or {}).items():
        _refuse_text(f"The address ({name})", value)
    if request.is_json:
        _refuse_text("The body", request.get_json(silent=True))
    for name, value in request.form.items(multi=True):
        _refuse_text(f"The field {name!a}", value)


def _refuse_text(where: str, value: Any) -> None:
    waiting = [value]  # no recursion: the body may be nested as deep as its size allows
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            for character in each:
                if character == "\x00" or "\ud800" <= character <= "\udfff":
                    raise TextRefused(where=where, character=f"U+{ord(character):04X}")
        elif isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            waiting += each


@api.errorhandler(GatewrightError)
def _refused(error: GatewrightError) -> Response:
    """The problem object; an act that was refused to somebody we know is a row of the log, too."""
    person = access.known_person() if error.status != 401 else None
    if request.method not in _SAFE and person is not None and not g.get("refusals_are_recorded") and error.status < 500:
        access.undo()
        audit.refusal(
            access.store(),
            "system",
            "act.refused",
            actor=person.id,
            subject=_subject(),
            tried=(request.endpoint or "").removeprefix("api."),
            reason=error.code,
            message=error.message[:500],
        )
    return errors.refused(error)


def _subject() -> str:
    """What the act was about, as far as its address tells."""
    return "/".join(str(value) for value in (request.view_args or {}).values())[:200]


def faults(error: ValidationError) -> Response:
    """The answer to a request that does not fit: each field with what is wrong with it."""
    found = [
        {"field": ".".join(map(str, each["loc"])) or "the whole", "reason": each["msg"].removeprefix("Value error, ")}
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    named = "; ".join(f"{each['field']}: {each['reason']}" for each in found[:5])
    content = {
        "type": "urn:gatewright:error:request-refused",
        "title": f"What was sent does not fit: {named}",
        "detail": "Correct the named fields and send it again; /api/v1/openapi.json tells what each one holds.",
        "status": 422,
        "code": "request-refused",
        "errors": found,
    }
    return Response(json.dumps(content), status=422, mimetype="application/problem+json")


__all__ = ["PREFIX", "PROBLEM", "Listed", "answers", "api", "faults", "house", "page", "page_of", "plain", "tag"]
