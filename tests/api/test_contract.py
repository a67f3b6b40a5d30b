"""Whatever is sent, the API keeps to its document: no status, no content type and no field that is not in there.

Every operation is called as an admin who also has all other roles, with requests made from the document itself:
fitting ones, and some with a value of another kind.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from engine import handlers
from engine.config import Settings
from engine.identity import ROLES
from engine.runtime import definitions
from engine.store import Store, TestClock, open_store, transaction
from engine.store.postgres import EmbeddedPostgres
from tests import conftest as databases
from tests.api.callers import Caller, person, token
from web import api, shipped
from web.app import create_app

#: what is left alone: it would end the token of the test, sends files, or is a wrong password too many
LEFT_OUT = {"sign_out", "sign_in", "set_own_password", "add_version", "attach_asset", "disable_person", "edit_person"}

OTHER = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.text(max_size=5), st.lists(st.integers(), max_size=2)
)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolved(api.document()["components"]["schemas"][name])
    return schema


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a schema of ours."""
    schema = resolved(schema)
    if "anyOf" in schema:
        return st.one_of(*(values(each) for each in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "string":
        if schema.get("format") == "uuid":
            return st.uuids().map(str)
        if schema.get("format") in ("date-time", "date"):
            return st.sampled_from(["2026-01-05T09:00:00Z"] if schema["format"] == "date-time" else ["2026-01-05"])
        if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True)
        return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 20))
    if kind == "integer":
        return st.integers(schema.get("minimum", -5), schema.get("maximum", 50))
    if kind == "number":
        return st.floats(0, 10)
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind == "array":
        return st.lists(values(schema.get("items", {})), min_size=schema.get("minItems", 0), max_size=3)
    if kind == "object" and "properties" in schema:
        required = schema.get("required", [])
        fields = {name: values(each) for name, each in schema["properties"].items()}
        return st.fixed_dictionaries(
            {name: fields[name] for name in required}, optional={n: f for n, f in fields.items() if n not in required}
        )
    if kind == "object":
        inner = schema.get("additionalProperties", {})
        inner = inner if isinstance(inner, dict) else {}
        return st.dictionaries(st.text(min_size=1, max_size=8), values(inner), min_size=1, max_size=3)
    return OTHER


@st.composite
def requests(draw: st.DrawFn, path: str, operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An address and the words of a request; one time in four a value is of another kind."""
    address, query = path.removeprefix(api.PREFIX), {}
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            value = draw(values(parameter["schema"]))
            if parameter["schema"].get("type") == "string" and parameter["schema"].get("format") != "uuid":
                value = draw(st.sampled_from(["model_life_cycle", "credit", "admin-one", "production", "nothing"]))
            address = address.replace("{" + parameter["name"] + "}", str(value))
        elif draw(st.booleans()):
            query[parameter["name"]] = draw(values(parameter["schema"]))
    words: dict[str, Any] = {"query_string": {n: v for n, v in query.items() if v is not None}}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        sent = draw(values(body["schema"]))
        if isinstance(sent, dict) and sent and draw(st.integers(0, 3)) == 0:
            sent[draw(st.sampled_from(sorted(sent)))] = draw(OTHER)
        words["json"] = sent
    return address, words


@pytest.fixture(scope="module")
def everything(cluster: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Somebody who may do everything, in a house with the shipped life cycles and one model."""
    name = f"test_{secrets.token_hex(6)}"
    databases._create(cluster, name, template)
    settings_ = Settings(
        data_dir=tmp_path_factory.mktemp("contract"), database_url=SecretStr(cluster.url("application", name))
    )
    store = open_store(settings_, clock=TestClock())
    handlers.load()
    with transaction(store) as session:
        definitions.publish_shipped(session, shipped.library())
    app = create_app(store, testing=True)
    caller = _all_roles(store, app)
    declared = {
        "id": "credit",
        "name": "Credit",
        "kind": "rules",
        "owner": "admin-one",
        "team": "Credit",
        "purpose": "x",
    }
    caller("POST", "/models", 201, json={"declared": {**declared, "affects_people": False, "decisions_per_year": 1}})
    yield caller
    store.close()
    databases._admin(cluster, f"DROP DATABASE {name} WITH (FORCE)")


def _all_roles(store: Store, app: Flask) -> Caller:
    return Caller(app, token(store, person(store, "admin-one", *ROLES)))


def operations() -> list[Any]:
    """Every operation but those left out."""
    return [
        pytest.param(method.upper(), path, operation, id=operation["operationId"])
        for path, item in api.document()["paths"].items()
        for method, operation in item.items()
        if operation["operationId"] not in LEFT_OUT
    ]


@pytest.mark.parametrize(("method", "path", "operation"), operations())
def test_an_operation_keeps_to_the_document(
    everything: Caller, method: str, path: str, operation: dict[str, Any]
) -> None:
    """Asked ten times: each answer is documented, and none of them is a fault of ours."""

    @settings(
        max_examples=10,
        deadline=timedelta(seconds=10),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        derandomize=True,
    )
    @given(requests(path, operation))
    def asked(request: tuple[str, dict[str, Any]]) -> None:
        address, words = request
        response = everything.ask(method, address, **words)  # holds it against the document
        assert response.status_code < 500, response.get_data(as_text=True)

    asked()
