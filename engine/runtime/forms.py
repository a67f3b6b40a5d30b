"""Forms as JSON Schema: what a person answers is checked on the server, by `jsonschema`, whatever the page did.

A form file is {"title", "schema": <JSON Schema 2020-12>, "order": [field, ...]}. It stands for itself: a schema that
refers to another could name an address or a file of this machine, which `jsonschema` would open.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.exceptions import SchemaError

from engine.errors import GatewrightError
from engine.runtime import patterns
from engine.store import canonical

MAX_BYTES = 200_000
MAX_DEPTH = 20
#: the whole of an answer, in canonical bytes: it goes into a row of the audit log, which holds 65,536
LARGEST_ANSWER = 48_000

#: a reference leaves the file or goes in circles; the other holds a pattern over names that nobody asks for
_REFUSED = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "patternProperties"})
_OF_NAMES = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
_OF_VALUES = frozenset({"enum", "const", "default", "examples"})


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
    """The form in a file; raises FormUnreadable for what a page cannot draw or an answer cannot be held to."""
    try:
        if len(content) > MAX_BYTES:
            raise ValueError(f"it has {len(content):,} bytes; at most {MAX_BYTES:,} are read")
        document = json.loads(content)
        schema = document["schema"]
        title, order = document.get("title", name), document.get("order", [])
        if not isinstance(title, str) or not isinstance(order, list):
            raise ValueError("its title is a text and its order a list of fields")
        if not isinstance(schema, dict) or schema.get("type", "object") != "object":
            raise ValueError("its schema is that of an object")
        _walk(schema, "schema", 0)
        Draft202012Validator.check_schema(schema)
        for each, declared in schema.get("properties", {}).items():
            if not isinstance(declared, dict):
                raise ValueError(f"the field {each} has no schema")
    except KeyError as missing:
        raise FormUnreadable(form=name, reason=f"it has no {missing.args[0]}") from None
    except (ValueError, TypeError, AttributeError, SchemaError, RecursionError) as reason:
        raise FormUnreadable(form=name, reason=str(reason).split("\n", 1)[0]) from None
    return Form(name, title, schema, order)


#: Reading takes a millisecond, most of it the check of the schema, and the files of a published process never change.
known = lru_cache(maxsize=256)(read)


def _walk(schema: Any, where: str, depth: int) -> None:
    """Raises ValueError at the first keyword that is not let in."""
    if depth > MAX_DEPTH:
        raise ValueError(f"{where} nests deeper than {MAX_DEPTH}")
    if isinstance(schema, list):
        for number, part in enumerate(schema):
            _walk(part, f"{where}.{number}", depth + 1)
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        if keyword in _REFUSED:
            raise ValueError(f"{where} holds {keyword}: write out what it stands for")
        if keyword == "pattern" and isinstance(value, str):
            try:
                patterns.compiled(value)
            except patterns.PatternRefused as reason:
                raise ValueError(f"{where}.pattern cannot be used: {reason}") from None
        elif keyword in _OF_NAMES and isinstance(value, dict):
            for name, part in value.items():
                _walk(part, f"{where}.{keyword}.{name}", depth + 1)
        elif keyword not in _OF_VALUES:
            _walk(value, f"{where}.{keyword}", depth + 1)


def _pattern(validator: Any, pattern: str, text: Any, schema: Any) -> Iterator[ValidationError]:
    """The keyword `pattern`, in linear time."""
    if not isinstance(text, str):
        return
    if len(text) > patterns.LONGEST_TEXT:
        yield ValidationError(
            f"has {len(text):,} characters; a text with a pattern has at most {patterns.LONGEST_TEXT:,}"
        )
    elif not patterns.compiled(pattern).found_in(text):
        yield ValidationError(f"does not match the pattern {pattern}")


_Validator = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def check(form: Form | None, answer: Any) -> dict[str, Any]:
    """The answer, where it fits; raises AnswerRefused naming each field.

    A form lets through only what it declares: unknown fields are refused, so that no answer sets another variable.
    """
    if not isinstance(answer, dict):
        raise _refused({"": "must be an object of fields"})
    properties = form.schema.get("properties", {}) if form else {}
    wrong = {name: "is not a field of this form" for name in answer if name not in properties}
    _refuse_unkept({name: value for name, value in answer.items() if name in properties})
    if form:
        for error in _Validator(form.schema, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(answer):
            name = str(error.absolute_path[0]) if error.absolute_path else _missing(error.message)
            wrong.setdefault(name, error.message[:300])
    if wrong:
        raise _refused(wrong)
    return answer


def _refuse_unkept(answer: dict[str, Any]) -> None:
    """Raises AnswerRefused for what neither the log nor PostgreSQL keeps as it was written."""
    size, wrong = 0, {}
    for name, value in answer.items():
        try:
            written = canonical(value)
        except ValueError as reason:
            wrong[name] = f"cannot be kept: {reason}"
            continue
        size += len(written)
        if holds_nul(written):
            wrong[name] = "holds a NUL character"
    if size > LARGEST_ANSWER:
        wrong[max(answer, key=lambda name: len(str(answer[name])))] = (
            f"is too long: the whole answer has {size:,} bytes, {LARGEST_ANSWER:,} are kept"
        )
    if wrong:
        raise _refused(wrong)


def holds_nul(canonical: bytes) -> bool:
    """Whether a value in canonical bytes holds a NUL character, which PostgreSQL keeps in no text."""
    # RFC 8785 writes it as these six, and a backslash as two.
    return b"\\u0000" in canonical.replace(b"\\\\", b"")


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
