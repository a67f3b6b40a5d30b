"""Forms drawn from JSON Schema, and what was filled in read back as JSON values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.runtime.forms import Form

#: in front of a field's name in the HTML form: a form may have a field named like one of ours
PREFIX = "answer-"
#: so many choices are shown side by side, more in a list
_SIDE_BY_SIDE = 5


class Sent(Protocol):
    """What was sent: a name may come several times."""

    def getlist(self, key: str) -> list[str]:
        """All values of a name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field as the template draws it."""

    name: str  #: in the HTML form
    label: str
    help: str
    control: str  #: choice, list, several, check, number, date, datetime-local, area, json, text
    options: list[tuple[str, str]]
    value: Any  #: text, or a list of texts for `several`
    wrong: str
    required: bool
    attributes: dict[str, Any]


def fields(
    form: Form | None, given: Mapping[str, Any] | None = None, wrong: Mapping[str, str] | None = None
) -> list[Field]:
    """The form's fields, with what was given before and what is wrong with it."""
    if form is None:
        return []
    return [
        _field(name, schema, required, given, (wrong or {}).get(name, "")) for name, schema, required in form.fields
    ]


def read(form: Form | None, sent: Sent) -> dict[str, Any]:
    """The answer that was sent, each field by its type; a field that was left empty is left out.

    What is no number stays text: the check of the answer names it then.
    """
    answer: dict[str, Any] = {}
    for name, schema, _ in form.fields if form else []:
        value = _value(schema, sent.getlist(PREFIX + name))
        if value is not None:
            answer[name] = value
    return answer


def general(wrong: Mapping[str, str], form: Form | None) -> str:
    """What is wrong with the answer as a whole, or with a field that the form does not show."""
    shown = {name for name, _, _ in form.fields} if form else set()
    return "; ".join(f"{name}: {reason}" if name else reason for name, reason in wrong.items() if name not in shown)


def _field(name: str, schema: Mapping[str, Any], required: bool, given: Mapping[str, Any] | None, wrong: str) -> Field:
    control = _control(schema)
    value = schema.get("default") if given is None else given.get(name)
    choices = schema.get("items", {}).get("enum", []) if control == "several" else schema.get("enum", [])
    words = schema.get("x-labels", {})
    attributes: dict[str, Any] = {}
    if control == "number":
        attributes["step"] = "1" if _type(schema) == "integer" else "any"
        for keyword, attribute in (("minimum", "min"), ("maximum", "max")):
            if keyword in schema:
                attributes[attribute] = schema[keyword]
    if control in ("text", "area"):
        for keyword, attribute in (("maxLength", "maxlength"), ("minLength", "minlength")):
            if keyword in schema:
                attributes[attribute] = schema[keyword]
    return Field(
        name=PREFIX + name,
        label=schema.get("title") or name.replace("_", " ").capitalize(),
        help=schema.get("description", ""),
        control=control,
        options=[
            (_text(choice), words.get(_text(choice)) or _text(choice).replace("_", " ").capitalize())
            for choice in choices
        ],
        value=[_text(each) for each in value or []] if control == "several" else _shown(control, value),
        wrong=wrong,
        required=required,
        attributes=attributes,
    )


def _control(schema: Mapping[str, Any]) -> str:
    kind = _type(schema)
    if "enum" in schema:
        return "choice" if len(schema["enum"]) <= _SIDE_BY_SIDE else "list"
    if kind == "array" and "enum" in schema.get("items", {}):
        return "several"
    if kind in ("object", "array"):
        return "json"
    if kind == "boolean":
        return "check"
    if kind in ("integer", "number"):
        return "number"
    return {"date": "date", "date-time": "datetime-local", "textarea": "area", "email": "email", "uri": "url"}.get(
        schema.get("format", ""), "area" if schema.get("maxLength", 0) > 500 else "text"
    )


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "string")
    return next((each for each in kind if each != "null"), "string") if isinstance(kind, list) else str(kind)


def _value(schema: Mapping[str, Any], sent: list[str]) -> Any:
    control = _control(schema)
    if control == "check":
        return bool(sent)
    if control == "several":
        return _typed_like(schema["items"]["enum"], sent)
    text = sent[0].strip() if sent else ""
    if not text:
        return None
    if "enum" in schema:
        return _typed_like(schema["enum"], [text])[0]
    if control == "number":
        return _number(text)
    if control == "json":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text.replace("\r\n", "\n")


def _typed_like(choices: list[Any], sent: list[str]) -> list[Any]:
    """What was sent, as the values that the form offered: 3 and not "3" where the choice is a number."""
    known = {_text(choice): choice for choice in choices}
    return [known.get(each, each) for each in sent]


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _shown(control: str, value: Any) -> Any:
    if value is None:
        return ""
    if control == "json":
        return value if isinstance(value, str) else json.dumps(value, indent=1)
    if control == "check":
        return bool(value)
    return _text(value)
