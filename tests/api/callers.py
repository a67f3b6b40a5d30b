"""Calling the API as somebody, each answer held against the document."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from engine.identity import Person, people, tokens
from engine.store import Store, transaction
from web import api

#: who makes the people of a test
FOUNDER = Person(id="founder", name="Founder", roles=frozenset({"admin"}))


def person(store: Store, id: str, *roles: str, password: str | None = None, must_change: bool = False) -> Person:
    """A person with these roles."""
    with transaction(store) as session:
        return people.add(
            session, FOUNDER, id, name=id.title(), roles=roles, password=password, must_change=must_change
        )


def token(store: Store, who: Person, *scopes: str) -> str:
    """A fresh token of the person's."""
    with transaction(store) as session:
        return tokens.issue(session, who, name="test", scopes=scopes or ["api"])[1]


class Caller:
    """Somebody with a token, or nobody."""

    def __init__(self, app: Flask, secret: str | None = None) -> None:
        self._client = app.test_client(use_cookies=False)
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def __call__(self, method: str, path: str, expect: int | None = None, **words: Any) -> Any:
        """The JSON of an answer that had the expected status and kept to the document."""
        response = self.ask(method, path, **words)
        if expect is not None:
            assert response.status_code == expect, (
                f"{method} {path}: {response.status} {response.get_data(as_text=True)}"
            )
        return response.get_json(silent=True)

    def ask(self, method: str, path: str, **words: Any) -> TestResponse:
        """The answer, held against the document."""
        response = self._client.open(api.PREFIX + path, method=method, headers=self._headers, **words)
        hold(method, path, response)
        return response


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """What the document says of a request; the most literal address counts."""
    found = []
    for template, item in api.document()["paths"].items():
        pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, api.PREFIX + path.split("?")[0]) and method.lower() in item:
            found.append((template.count("{"), item[method.lower()]))
    return min(found, key=lambda each: each[0])[1] if found else None


def hold(method: str, path: str, response: TestResponse) -> None:
    """Fail unless status, content type and content are documented."""
    operation = operation_of(method, path)
    if operation is None:
        assert response.status_code in (404, 405), f"{method} {path} is not documented and answers {response.status}"
        return
    where = f"{method} {path} -> {response.status_code}: {response.get_data()[:500].decode(errors='replace')}"
    documented = operation["responses"].get(str(response.status_code))
    assert documented is not None, f"undocumented status: {where}"
    content = documented.get("content")
    if not content:
        assert not response.data, where
        return
    assert response.mimetype in content, f"undocumented content type {response.mimetype}: {where}"
    if response.mimetype.endswith("json"):
        schema = {**content[response.mimetype]["schema"], "components": api.document()["components"]}
        errors = list(Draft202012Validator(schema).iter_errors(response.get_json()))
        assert not errors, f"{errors[0].json_path} {errors[0].message}: {where}"
