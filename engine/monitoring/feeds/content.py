"""What a window of a feed holds: its columns and their types, counted in the groups of a version's reference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from engine.monitoring.batches import Counting
from engine.statistics.columns import Column
from engine.statistics.tallies import OUTPUT, Reference, Tally, total
from engine.statistics.total_variation import total_variation

FAMILIES = ("whole", "number", "text", "boolean", "time", "other")
_LOOKED_AT = 50_000  #: rows of a column without a name of ours, when it is compared with one that lacks
_ALIKE = 0.2  #: total variation up to which two columns may be one under another name


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Some rows: each column as an Arrow array, or as a list of JSON values; all of one length."""

    columns: Mapping[str, Any]
    rows: int
    untyped: bool = False  #: from a file without types, whose texts may mean numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A window, counted."""

    tally: Tally
    columns: Mapping[str, str]  #: column -> the family of its type, in their order
    renamed: Mapping[str, str] = field(default_factory=dict)  #: column of the reference -> what it seems to be called

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return self.tally.rows


def counted(parts: Iterator[Table | Tally], reference: Reference, output: str) -> Content:
    """All parts of a window, counted as they come; output: the column that holds what the model answered."""
    names = {column.name: output if column.name == OUTPUT and output else column.name for column in reference.columns}
    counting = [Counting(column) for column in reference.columns]
    tallies: list[Tally] = []
    columns: dict[str, str] = {}
    further: dict[str, list[Any]] = {}
    rows = looked = 0
    for part in parts:
        if isinstance(part, Tally):
            tallies.append(part)
            continue
        rows += part.rows
        for column, each in zip(reference.columns, counting, strict=True):
            values = part.columns.get(names[column.name])
            if values is None:
                each.absent(part.rows)
            else:
                _add(each, values, part.untyped and _of_numbers(column))
        for name, values in part.columns.items():
            columns[name] = _wider(columns.get(name), _family(values))
            if name not in names.values() and looked < _LOOKED_AT:
                further.setdefault(name, []).append((values, part.untyped))
        looked += part.rows
    tallies.append(reference.tally_of(rows, [each.counts() for each in counting]))
    return Content(
        tally=total(tallies, len(reference.columns)),
        columns=columns,
        renamed=_renamed(reference, names, list(columns), further) if rows else {},
    )


def _add(counting: Counting, values: Any, untyped: bool) -> None:
    if isinstance(values, list):
        counting.add_values(values)
    elif untyped:
        counting.add_texts_of_numbers(values)
    else:
        counting.add(values)


def _of_numbers(column: Column) -> bool:
    return bool(column.cells) or not all(isinstance(code, str) for code in column.codes)


def _renamed(
    reference: Reference, names: Mapping[str, str], order: Sequence[str], further: Mapping[str, Sequence[Any]]
) -> dict[str, str]:
    """Columns that lack, each with the one that is distributed as it was; of several alike, the one in its place."""
    lacking = [column for column in reference.columns if names[column.name] not in order and column.name != OUTPUT]
    pairs = []
    for column in lacking:
        before = reference.counts(column.name)
        groups = column.quantile_groups(before)
        place = [each.name for each in reference.columns].index(column.name)
        for name, parts in further.items():
            counting = Counting(column)
            for values, untyped in parts:
                _add(counting, values, untyped and _of_numbers(column))
            now = counting.counts()
            size = int(groups.max()) + 1
            was, is_now = (np.bincount(groups, weights=each.groups, minlength=size) for each in (before, now))
            apart = total_variation(was, is_now).value
            if not math.isnan(apart) and apart <= _ALIKE:
                pairs.append((abs(order.index(name) - place), apart, column.name, name))
    found: dict[str, str] = {}
    for _, _, lost, called in sorted(pairs):
        if lost not in found and called not in found.values():
            found[lost] = called
    return found


def _family(values: Any) -> str | None:
    """The family of a column's type; None where every value is missing."""
    if isinstance(values, list):
        families = {_family_of(each) for each in values if each is not None}
        return (
            families.pop()
            if len(families) == 1
            else ("number" if families == {"whole", "number"} else _mixed(families))
        )
    import pyarrow.types as types

    kind = values.type.value_type if types.is_dictionary(values.type) else values.type
    if values.null_count == len(values):
        return None
    if types.is_integer(kind):
        return "whole"
    if types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind):
        return "text"
    if types.is_boolean(kind):
        return "boolean"
    return "time" if types.is_temporal(kind) else "other"


def _mixed(families: set[str]) -> str | None:
    return "other" if families else None


def _family_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "whole"
    if isinstance(value, float | Decimal):
        return "number"
    if isinstance(value, str):
        return "text"
    return "time" if isinstance(value, date | datetime) else "other"


def _wider(one: str | None, other: str | None) -> Any:
    """The family that holds both."""
    known = {each for each in (one, other) if each}
    if len(known) < 2:
        return next(iter(known), "")
    return "number" if known == {"whole", "number"} else "other"
