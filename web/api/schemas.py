"""JSON Schemas of the house's values, as `web.plain` writes them: the documentation of what the API answers."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union
from uuid import UUID

from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, BeforeValidator

Schema = dict[str, Any]

#: the schemas that others refer to, by the name of their class
COMPONENTS: dict[str, Schema] = {}

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"]},  # what is unknown or infinite is null
    bool: {"type": "boolean"},
    bytes: {"type": "string", "description": "Hexadecimal digits."},
    UUID: {"type": "string", "format": "uuid"},
    Path: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    type(None): {"type": "null"},
    Any: {},
    object: {},
}


def _whole(value: Any) -> Any:
    """4.0 is the integer 4, as JSON means it; "4" and true are none."""
    if isinstance(value, bool | str) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("Input should be a whole number")
    return value


#: an integer in a body: pydantic alone would take "5", or, being strict, refuse 4.0
Int = Annotated[int, BeforeValidator(_whole)]


def schema(kind: Any) -> Schema:
    """The schema of a type; dataclasses and pydantic models become components that are referred to by name."""
    try:
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
    except TypeError:
        pass  # a type that cannot be hashed is none of those
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return schema(arguments[0])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema(each) for each in arguments]}
    if kind in (list, tuple, set, frozenset) or origin in (list, tuple, set, frozenset, Sequence):
        items = [each for each in arguments if each is not Ellipsis]
        inner = schema(items[0]) if items and len(set(map(str, items))) == 1 else {}
        return {"type": "array", "items": inner}
    if kind is dict or origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": schema(arguments[1]) if arguments else {}}
    if isinstance(kind, TypeVar):
        return {}
    return _component(kind)


def _component(kind: Any) -> Schema:
    origin = typing.get_origin(kind) or kind
    if origin.__name__ == "VersionRef":
        return {"type": "string", "pattern": "^.+@[1-9][0-9]*$", "examples": ["credit@3"]}
    name = _name(kind)
    if name not in COMPONENTS:
        COMPONENTS[name] = {}  # a class may refer to itself
        COMPONENTS[name] = _of_model(origin) if issubclass(origin, BaseModel) else _of_dataclass(kind)
    return {"$ref": f"#/components/schemas/{name}"}


def _name(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    room = origin.__module__.split(".")
    within = room[1].title().replace("_", "") if room[0] == "engine" and len(room) > 1 else ""
    return within + origin.__name__ + "".join(_name(each) for each in arguments)


def _of_dataclass(kind: Any) -> Schema:
    origin = typing.get_origin(kind) or kind
    if not dataclasses.is_dataclass(origin):
        raise TypeError(f"{kind} has no schema: it is no dataclass")
    meant = dict(zip(getattr(origin, "__parameters__", ()), typing.get_args(kind), strict=False))
    hints = typing.get_type_hints(origin, include_extras=True)
    properties = {}
    for field in dataclasses.fields(origin):
        properties[field.name] = schema(_filled(hints[field.name], meant))
    return {
        "type": "object",
        "description": (origin.__doc__ or "").split("\n", 1)[0],
        "properties": properties,
        "required": list(properties),
    }


def _filled(hint: Any, meant: Mapping[Any, Any]) -> Any:
    """The hint with type variables replaced by what they stand for here."""
    if isinstance(hint, TypeVar):
        return meant.get(hint, Any)
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(meant.get(each, Any) for each in parameters)] if parameters else hint


def _of_model(kind: type[BaseModel]) -> Schema:
    hints = typing.get_type_hints(kind, include_extras=True)
    properties = {}
    for name, field in kind.model_fields.items():
        described = schema(hints[name])
        if field.description:
            described["description"] = field.description
        properties[name] = described
    return {
        "type": "object",
        "description": (kind.__doc__ or "").split("\n", 1)[0],
        "properties": properties,
        "required": list(properties),
    }


def answers(kind: Any, status: int = 200) -> ResponseDict:
    """The documentation of an answer: what flask-openapi3 takes as `responses`. None: no content."""
    if kind is None:
        return {str(status): {"description": HTTPStatus(status).phrase}}
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": schema(kind)}},
        }
    }
