"""What changed in the columns of a table against those that were promised: one change each; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.statistics.columns import Column

KINDS = ("dropped", "added", "renamed", "retyped", "widened")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one column."""

    kind: str  #: one of KINDS; widened: from whole numbers to numbers
    column: str
    was: str  #: its family, its name, or empty
    now: str


def changes(
    promised: Mapping[str, str], columns: Sequence[tuple[str, str]], renamed: Mapping[str, str]
) -> list[Change]:
    """promised: column -> family, empty where it is not known. columns: as they came. renamed: old name -> new one."""
    came, known = dict(columns), {*promised, *renamed.values()}
    found = [Change("renamed", old, old, new) for old, new in renamed.items() if old in promised and new in came]
    for column, family in promised.items():
        now = came.get(renamed.get(column, column))
        if now is None:
            if column not in renamed:
                found.append(Change("dropped", column, family, ""))
        elif family and now and not fits(family, now):
            widened = (family, now) == ("whole", "number")
            found.append(Change("widened" if widened else "retyped", column, family, now))
    found += [Change("added", name, "", family) for name, family in came.items() if name not in known]
    return found


def fits(promised: str, came: str) -> bool:
    """Whether a family is within what was promised; `numeric`, of a reference, holds whole numbers and others."""
    return (
        came == promised
        or (promised == "numeric" and came in ("whole", "number", "boolean"))
        or ((promised, came) == ("number", "whole"))
    )


def promised_by(columns: Sequence[Column]) -> dict[str, str]:
    """What a reference promises of its columns: numbers or texts; nothing where both occurred."""
    found = {}
    for column in columns:
        texts = sum(isinstance(code, str) for code in column.codes)
        found[column.name] = "numeric" if column.cells or not texts else ("text" if texts == len(column.codes) else "")
    return found
