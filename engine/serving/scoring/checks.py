"""Rows held against a version's input schema, a column at a time.

`inventory.schemas.validate_rows` says what is right and names what is not; it looks at each value by itself, on the one
thread that answers everybody. Here a column's types are one set, and its range is one min and max; only what does not
pass so is handed over. A property test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import GatewrightError
from engine.inventory import schemas
from engine.inventory.schemas import RowFault

#: Faults named in one answer; a caller with a wrong column would else get one per row.
FAULTS_NAMED = 20
TYPES: Mapping[str, frozenset[type]] = {
    "number": frozenset({int, float}),
    "integer": frozenset({int}),  # 3.0 is one as well: such a column takes the slow way
    "string": frozenset({str}),
    "boolean": frozenset({bool}),
    "null": frozenset({type(None)}),
}
NUMBERS = frozenset({int, float})
EXACT = 2.0**53

#: columns by name, nan where a row has no number
Numbers = Mapping[str, NDArray[np.float64]]


class InputInvalid(GatewrightError):
    """Row {row}, field {field}: {reason}."""

    code = "input-invalid"
    hint = "Correct the rows and send the request again; nothing of it was scored. Faults found: {n_faults}."
    status = 422

    def __init__(self, faults: Sequence[RowFault]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        super().__init__(row=first.row, field=first.field, reason=first.reason, n_faults=len(self.faults))

    def as_problem(self) -> dict[str, Any]:
        """The problem, with the faults one by one."""
        named = [
            {"row": fault.row, "field": fault.field, "reason": fault.reason} for fault in self.faults[:FAULTS_NAMED]
        ]
        return super().as_problem() | {"faults": named}


class InputSchema:
    """A version's input schema, made ready for many rows."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Raises SchemaRefused for a schema that rows cannot be held to."""
        self.schema = dict(schema)
        schemas.check(self.schema)
        self.properties: dict[str, dict[str, Any]] = self.schema["properties"]
        self.fields = tuple(self.properties)
        self._known = frozenset(self.fields)
        self._required = frozenset(self.schema.get("required", ()))
        self._columns = {name: _Column(rule) for name, rule in self.properties.items()}

    def check(self, rows: Sequence[Mapping[str, Any]]) -> Numbers:
        """Raises InputInvalid naming rows and fields.

        Where every row fits: those columns of many rows that are numbers in all of them, ready for walk and counts.
        """
        numbers: dict[str, NDArray[np.float64]] = {}
        if self._pass(rows, numbers):
            return numbers
        faults = schemas.validate_rows(self.schema, rows) or [
            RowFault(row, str(field), "holds a NUL character, which cannot be stored")
            for row, given in enumerate(rows)
            for field, value in given.items()
            if _holds_nul([field, value])
        ]
        if faults:
            raise InputInvalid(faults)
        return {}

    def _pass(self, rows: Sequence[Mapping[str, Any]], numbers: dict[str, NDArray[np.float64]]) -> bool:
        if len(rows) == 1:
            row = rows[0]
            if not self._required <= row.keys() <= self._known:
                return False
            return all(column.passes_one(row[name]) for name, column in self._columns.items() if name in row)
        if set(map(len, rows)) == {len(self.fields)}:
            try:
                columns = [list(map(itemgetter(name), rows)) for name in self.fields]
            except KeyError:  # an unknown field stands for one that is not there
                return False
            for name, values in zip(self.fields, columns, strict=True):
                passed, as_numbers = self._columns[name].passes(values)
                if not passed:
                    return False
                if as_numbers is not None:
                    numbers[name] = as_numbers
            return True
        if not all(self._required <= row.keys() <= self._known for row in rows):
            return False
        return all(
            column.passes([row[name] for row in rows if name in row])[0] for name, column in self._columns.items()
        )


class _Column:
    """The rule of one field, for whole columns: True only where every value fits for certain."""

    def __init__(self, rule: Mapping[str, Any]) -> None:
        names = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        self._types = frozenset[type]().union(*(TYPES[name] for name in names))
        self._least, self._most = rule.get("minimum", -math.inf), rule.get("maximum", math.inf)
        self._choices: frozenset[Any] | None = None
        if "enum" in rule:
            self._choices = frozenset(value for value in rule["enum"] if isinstance(value, str | int | float | None))

    def passes_one(self, value: Any) -> bool:
        """The same of one value, a fifth of the cost of a column of it."""
        kind = type(value)
        if kind not in self._types or (self._choices is not None and value not in self._choices):
            return False
        if kind is str:
            return "\0" not in value
        return kind not in NUMBERS or (math.isfinite(value) and self._least <= value <= self._most)

    def passes(self, values: Sequence[Any]) -> tuple[bool, NDArray[np.float64] | None]:
        """Also the values as an array, where they all are numbers that a float holds."""
        kinds = set(map(type, values))
        if not kinds <= self._types:
            return False, None
        if self._choices is not None and not self._choices.issuperset(values):
            return False, None
        if str in kinds and any("\0" in value for value in values if type(value) is str):
            return False, None
        if kinds <= NUMBERS and (found := _array(values)) is not None:
            return bool(self._least <= found.min() and found.max() <= self._most), found
        if kinds & NUMBERS:
            numbers = values if kinds <= NUMBERS else [value for value in values if type(value) in NUMBERS]
            # min and max pass over a NaN that does not come first, so it is looked for by itself.
            if float in kinds and not all(map(math.isfinite, numbers)):
                return False, None
            return bool(self._least <= min(numbers) and max(numbers) <= self._most), None
        return True, None


def _array(values: Sequence[Any]) -> NDArray[np.float64] | None:
    """Numbers as floats; None where one is not finite, or so large that whole numbers are rounded."""
    try:
        found = np.array(values, dtype=np.float64)
    except OverflowError:
        return None
    # A nan is no greatest number, so it fails here as well.
    return found if len(found) and np.abs(found).max() <= EXACT else None


def _holds_nul(value: Any) -> bool:
    """Whether PostgreSQL would refuse the value: it stores no NUL in text or jsonb."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    return False
