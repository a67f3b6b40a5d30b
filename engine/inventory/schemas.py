"""Input and output schemas: JSON Schema of one row, checked fast and with the row and field named."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.errors import GatewrightError

if TYPE_CHECKING:
    import pyarrow

TYPES = ("integer", "number", "string", "boolean", "null")
KEYWORDS = ("type", "minimum", "maximum", "enum", "description", "title", "examples", "x-observed")
#: More faults than this are not told one by one.
MOST_FAULTS = 100


class SchemaRefused(GatewrightError):
    """The schema is refused at {where}: {reason}."""

    code = "schema-refused"
    hint = "Write a JSON Schema object: `properties` of plain types, `required`; docs/models.md shows one."
    status = 422


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with one value."""

    row: int  #: counted from 0
    field: str
    reason: str

    def __str__(self) -> str:
        return f"row {self.row}, field {self.field}: {self.reason}"


Checker = Callable[[Any], str | None]


def columns(schema: Mapping[str, Any]) -> list[str]:
    """The names of the schema's columns, in its order."""
    return list(schema.get("properties", {}))


def validate_rows(schema: Mapping[str, Any], rows: Iterable[Any]) -> list[RowFault]:
    """What is wrong with the rows, each fault naming row and field; empty where they may be scored.

    A field that is required and absent, one that the schema does not know, a wrong type, a number out of range or not
    finite, a value outside `enum`. At most 100 faults are told. Costs about 2 µs a value.
    """
    checkers, required, open_ended = _compiled(json.dumps(schema, sort_keys=True))
    faults: list[RowFault] = []
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            faults.append(RowFault(number, "", f"{_shown(row)} is not an object of named values"))
        else:
            for name in required:
                if name not in row:
                    faults.append(RowFault(number, name, "is missing"))
            for name, value in row.items():
                checker = checkers.get(name)
                if checker is None:
                    if not open_ended:
                        faults.append(RowFault(number, str(name), "is not in the input schema"))
                elif (reason := checker(value)) is not None:
                    faults.append(RowFault(number, name, reason))
        if len(faults) >= MOST_FAULTS:
            return faults[:MOST_FAULTS]
    return faults


def check(schema: Any) -> None:
    """Raise SchemaRefused, naming the place, where the schema is none that we can hold rows to."""
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise SchemaRefused(where="type", reason="a row is an object")
    known = ("$schema", "type", "title", "description", "properties", "required", "additionalProperties")
    for keyword in schema:
        if keyword not in known:
            raise SchemaRefused(where=keyword, reason=f"unknown keyword; known are {', '.join(known)}")
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        raise SchemaRefused(where="properties", reason="at least one column is needed")
    for name, rule in properties.items():
        _check_property(name, rule)
    required = schema.get("required", [])
    if not isinstance(required, list):
        raise SchemaRefused(where="required", reason="it is not a list")
    for name in required:
        if name not in properties:
            raise SchemaRefused(where="required", reason=f"{name!r} is no column")
    if not isinstance(schema.get("additionalProperties", False), bool):
        raise SchemaRefused(where="additionalProperties", reason="it is neither true nor false")


def _check_property(name: str, rule: Any) -> None:
    where = f"properties.{name}"
    if not isinstance(rule, dict):
        raise SchemaRefused(where=where, reason="it is not an object")
    for keyword in rule:
        if keyword not in KEYWORDS:
            raise SchemaRefused(where=f"{where}.{keyword}", reason=f"unknown keyword; known are {', '.join(KEYWORDS)}")
    types = rule.get("type")
    for kind in types if isinstance(types, list) and types else [types]:
        if kind not in TYPES:
            raise SchemaRefused(where=f"{where}.type", reason=f"{kind!r} is none of {', '.join(TYPES)}")
    for bound in ("minimum", "maximum"):
        if bound in rule and not _is_number(rule[bound]):
            raise SchemaRefused(where=f"{where}.{bound}", reason="it is not a number")
    if rule.get("minimum", -math.inf) > rule.get("maximum", math.inf):
        raise SchemaRefused(where=f"{where}.minimum", reason="it lies above the maximum")
    if "enum" in rule and (not isinstance(rule["enum"], list) or not rule["enum"]):
        raise SchemaRefused(where=f"{where}.enum", reason="it is not a list of values")


def infer(table: pyarrow.Table, declared: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The input schema of a table's columns: types and nulls from the data, everything declared kept as declared.

    What the data happened to hold (smallest, largest, number of values) is told under `x-observed` and binds nobody:
    a row beyond it may be right. SchemaRefused where the declared schema names a column that the table lacks.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    stated: dict[str, Any] = dict((declared or {}).get("properties", {}))
    for name in stated:
        if name not in table.column_names:
            raise SchemaRefused(where=f"properties.{name}", reason="the training data has no such column")
    properties: dict[str, Any] = {}
    for name in table.column_names:
        column = table.column(name)
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_dictionary(column.type):
            column = column.cast(kind)
        if pa.types.is_boolean(kind):
            found = "boolean"
        elif pa.types.is_integer(kind):
            found = "integer"
        elif pa.types.is_floating(kind):
            found = "number"
        else:
            found = "string"
        rule: dict[str, Any] = {"type": [found, "null"] if column.null_count else found}
        rule.update(stated.get(name, {}))
        observed: dict[str, Any] = {"distinct": pc.count_distinct(column).as_py()}
        if found in ("integer", "number"):
            ends = pc.min_max(column).as_py()
            observed.update(minimum=ends["min"], maximum=ends["max"])
        properties[name] = {**rule, "x-observed": observed}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list((declared or {}).get("required", table.column_names)),
        "additionalProperties": bool((declared or {}).get("additionalProperties", False)),
    }
    check(schema)
    return schema


def output(kind_of_output: str, decisions: Sequence[str] | None = None) -> dict[str, Any]:
    """The schema of one answer: a score in [0, 1] or a value, and the decision that goes with it."""
    number: dict[str, Any] = {"type": "number"}
    if kind_of_output == "score":
        number.update(minimum=0, maximum=1, description="The probability of the positive class.")
    decision: dict[str, Any] = {"type": ["string", "null"], "description": "By the rules, or by the approved cut-off."}
    if decisions:
        decision["enum"] = list(decisions)
    return {
        "type": "object",
        "properties": {kind_of_output: number, "decision": decision},
        "required": [kind_of_output],
        "additionalProperties": False,
    }


@lru_cache(maxsize=256)
def _compiled(text: str) -> tuple[dict[str, Checker], tuple[str, ...], bool]:
    schema = json.loads(text)
    check(schema)
    checkers = {name: _checker(rule) for name, rule in schema["properties"].items()}
    return checkers, tuple(schema.get("required", ())), bool(schema.get("additionalProperties", False))


def _checker(rule: Mapping[str, Any]) -> Checker:
    """One function a column: the common case costs a type look-up and two comparisons."""
    types = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
    nullable, wanted = "null" in types, [kind for kind in types if kind != "null"]
    least, most = rule.get("minimum", -math.inf), rule.get("maximum", math.inf)
    allowed = rule.get("enum")
    words = " or ".join({"integer": "a whole number", "string": "a text", "boolean": "true or false"}.get(k, "a number")
                        for k in wanted)  # fmt: skip

    def checked(value: Any) -> str | None:
        if value is None:
            return None if nullable else f"is null; {words or 'a value'} is needed"
        if not any(_is_of(kind, value) for kind in wanted):
            return f"{_shown(value)} is not {words}"
        if isinstance(value, int | float) and not isinstance(value, bool) and not least <= value <= most:
            if not math.isfinite(value):
                return f"{_shown(value)} is not finite"
            side = f"below {least}" if value < least else f"above {most}"
            return f"{_shown(value)} is {side}"
        if allowed is not None and value not in allowed:
            return f"{_shown(value)} is none of {', '.join(map(_shown, allowed[:20]))}"
        return None

    return checked


def _is_of(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if kind == "number":
        return _is_number(value)
    return kind == "string" and isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
