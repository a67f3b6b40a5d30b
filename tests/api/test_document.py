"""The document of the API is valid, whole, and says who may come."""

from __future__ import annotations

from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.callers import Caller
from web import access, api
from web.api.blueprint import api as blueprint


def test_the_document_is_valid_openapi_3_1() -> None:
    """By the validator of the OpenAPI initiative's schema."""
    document = api.document()
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_everybody_can_read_it(nobody: Caller) -> None:
    """It holds no secret."""
    assert nobody("GET", "/openapi.json")["info"]["title"] == "Gatewright"


def test_every_operation_tells_what_it_does_and_what_it_answers() -> None:
    """A summary, a tag, a success, and the problems."""
    for path, item in api.document()["paths"].items():
        for method, operation in item.items():
            assert operation.get("summary"), f"{method} {path}"
            assert operation.get("tags"), f"{method} {path}"
            assert {"401", "403", "404", "422", "500"} <= operation["responses"].keys()
            assert [status for status in operation["responses"] if status.startswith("2")], f"{method} {path}"


def test_operations_have_names_of_their_own() -> None:
    """The name of the function: the word in the table of roles."""
    names = [operation["operationId"] for item in api.document()["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))


def test_every_view_of_the_api_says_who_may_see_it(app: object) -> None:
    """One that says nothing is not answered at all."""
    views = {name: view for name, view in app.view_functions.items() if name.startswith(f"{blueprint.name}.")}  # type: ignore[attr-defined]
    assert len(views) > 50
    assert [name for name, view in views.items() if access.declared(view) is None] == []
