"""/api/v1: the same acts as on the pages, for programs; described by OpenAPI 3.1 at /api/v1/openapi.json."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from flask import Flask
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from web import access
from web.api import (
    alerts,
    audit,
    batches,
    business,
    definitions,
    delivery,
    feeds,
    health,
    inferences,
    instances,
    models,
    monitoring,
    monitors,
    operations,
    people,
    schedules,
    service_tasks,
    serving,
    sign_in,
    tasks,
    versions,
)
from web.api.blueprint import PREFIX, PROBLEM, answers, api, faults, tag
from web.api.schemas import COMPONENTS

MODULES = (
    sign_in,
    people,
    definitions,
    instances,
    tasks,
    models,
    versions,
    serving,
    batches,
    business,
    inferences,
    monitoring,
    monitors,
    alerts,
    delivery,
    operations,
    schedules,
    service_tasks,
    audit,
    feeds,
    health,
)


@api.get("/openapi.json", tags=tag("Health", ""), security=[], responses=answers(dict[str, Any]))
@access.anyone
def openapi() -> dict[str, Any]:
    """The description of this API."""
    return document()


def register(app: Flask) -> None:
    """Put the API into the application."""
    app.validation_error_callback = faults  # type: ignore[attr-defined]  # flask-openapi3 asks the application for it
    app.register_blueprint(api)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    describing = OpenAPI(
        __name__,
        info=Info(
            title="Gatewright",
            version=version("gatewright"),
            description="Model life cycles drawn as BPMN, executed, gated and proven. Every act is authorised by the "
            "roles of the person whose token is sent, and is a row of the audit log, refused acts included.",
        ),
        # Without a scheme the document would hold `securitySchemes: null`, which is not valid.
        security_schemes={
            "token": {"type": "http", "scheme": "bearer", "description": "From POST /sign-in or POST /me/tokens."}
        },
        doc_ui=False,
    )
    describing.register_api(api)
    found: dict[str, Any] = describing.api_doc
    schemas = found["components"]["schemas"]
    schemas.pop("ValidationErrorModel", None)
    schemas |= {"Problem": PROBLEM, **COMPONENTS}
    return found


__all__ = ["MODULES", "PREFIX", "document", "register"]
