"""Forms as JSON Schema: what a person answers is checked on the server, by `jsonschema`, whatever the page did.

A form file is {"title", "schema": <JSON Schema 2020-12>, "order": [field, ...]}.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from engine.errors import GatewrightError


class FormUnreadable(GatewrightError):
    """Form {form} cannot be used: {reason}."""

    code = "form-unreadable"
    hint = 'Write a JSON object with a JSON Schema under "schema".'
    status = 500


class AnswerRefused(GatewrightError):
    """The answer does not fit the form: {reasons}"""

    code = "answer-refused"
    hint = "Correct the named fields and send it again."
    status = 422

    fields: dict[str, str]  #: field -> what is wrong with it


@dataclass(frozen=True, slots=True)
class Form:
    """A form as the page draws it."""

    name: str
    title: str
    schema: dict[str, Any]
    order: list[str] = field(default_factory=list)

    @property
    def fields(self) -> list[tuple[str, dict[str, Any], bool]]:
        """(name, schema, required) of each field, in the order in which it is asked."""
        properties: dict[str, dict[str, Any]] = self.schema.get("properties", {})
        names = [name for name in self.order if name in properties]
        names += [name for name in properties if name not in names]
        required = self.schema.get("required", [])
        return [(name, properties[name], name in required) for name in names]


def read(name: str, content: bytes) -> Form:
    """The form in a file; raises FormUnreadable."""
    try:
        document = json.loads(content)
        schema = document["schema"]
        Draft202012Validator.check_schema(schema)
    except (ValueError, KeyError, TypeError, SchemaError, RecursionError) as reason:
        raise FormUnreadable(form=name, reason=str(reason).split("\n", 1)[0]) from None
    return Form(name, document.get("title", name), schema, document.get("order", []))


def check(form: Form | None, answer: Any) -> dict[str, Any]:
    """The answer, where it fits; raises AnswerRefused naming each field.

    A form lets through only what it declares: unknown fields are refused, so that no answer sets another variable.
    """
    if not isinstance(answer, dict):
        raise _refused({"": "must be an object of fields"})
    properties = form.schema.get("properties", {}) if form else {}
    wrong = {name: "is not a field of this form" for name in answer if name not in properties}
    if form:
        for error in Draft202012Validator(form.schema, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(
            answer
        ):
            name = str(error.absolute_path[0]) if error.absolute_path else _missing(error.message)
            wrong.setdefault(name, error.message[:300])
    if wrong:
        raise _refused(wrong)
    return answer


def assumed(form: Form | None) -> dict[str, Any]:
    """The answer assumed when a path is computed: the form's example, else its defaults and first choices."""
    if form is None:
        return {}
    if form.schema.get("examples"):
        return dict(form.schema["examples"][0])
    answer = {}
    for name, schema, required in form.fields:
        if "default" in schema:
            answer[name] = schema["default"]
        elif "enum" in schema:
            answer[name] = schema["enum"][0]
        elif required:
            answer[name] = {"string": "-", "boolean": True, "integer": 0, "number": 0, "array": []}.get(
                schema.get("type", ""), {}
            )
    return answer


def _missing(message: str) -> str:
    return message.split("'")[1] if message.endswith("is a required property") else ""


def _refused(fields: dict[str, str]) -> AnswerRefused:
    refusal = AnswerRefused(reasons="; ".join(f"{name or 'answer'}: {reason}" for name, reason in fields.items()) + ".")
    refusal.fields = fields
    return refusal
