"""Late labels from a file: joined to their inferences by id, or by the caller's own reference; all of them or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inferences import labels, queries
from engine.inferences.labels import Label
from engine.training import frames

AT_ONCE = 5_000
#: more rows of one file than this are sent in several files
MOST_ROWS = 500_000
_SHOWN = 20
_VALUE_CHARACTERS = 200


class LabelFileRefused(GatewrightError):
    """The file of labels is refused: {faults}."""

    code = "label-file-refused"
    hint = "Correct these rows and send the whole file again; none of its labels was taken."
    status = 422


def take(session: Session, person: Person, *, model: str, content: bytes) -> tuple[int, int]:
    """(labels sent, of them new) from Parquet or CSV: `inference` or `reference`, `value`, `known_at` with its zone.

    A label that is there already is replaced, as `labels.add` does. Raises NotPermitted, TableRefused, LabelUnreadable,
    and LabelFileRefused, which names the first rows that are wrong by their line.
    """
    require(person, "label.write")
    table = frames.read(content, "labels")
    by_id = "inference" in table.column_names
    if not by_id and "reference" not in table.column_names:
        raise LabelFileRefused(faults="it has neither a column inference nor a column reference")
    if table.num_rows > MOST_ROWS:
        raise LabelFileRefused(faults=f"it has {table.num_rows:,} rows; at most {MOST_ROWS:,} are taken at a time")
    names = ["inference" if by_id else "reference", "value", "known_at"]
    rows = frames.choose(table, names, "labels").to_pylist()
    # A header line comes before the first row of CSV, nothing before that of Parquet.
    first = 1 if content[:4] == b"PAR1" else 2
    known = {} if by_id else queries.by_reference(session, model, [str(row["reference"]) for row in rows])
    faults, found = [], []
    for line, row in enumerate(rows, start=first):
        try:
            found.append(_label(row, known, by_id=by_id))
        except ValueError as fault:
            faults.append(f"line {line}: {fault}")
    ids = [label.inference for label in found]
    if by_id and not faults:
        missing = set(ids) - queries.of_model(session, model, ids)
        faults = [f"line {n}: there is no inference {id}" for n, id in enumerate(ids, start=first) if id in missing]
    if faults:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise LabelFileRefused(faults="; ".join(faults[:_SHOWN]) + more)
    new = 0
    for start in range(0, len(found), AT_ONCE):
        new += labels.add(session, person, model=model, labels=found[start : start + AT_ONCE])
    return len(found), new


def _label(row: Mapping[str, Any], known: Mapping[str, Sequence[UUID]], *, by_id: bool) -> Label:
    """The label of one row; ValueError says what is wrong with it."""
    value, known_at = row["value"], row["known_at"]
    if value is None or not 0 < len(str(value)) <= _VALUE_CHARACTERS:
        raise ValueError(f"the value is no text of 1 to {_VALUE_CHARACTERS} characters")
    if isinstance(known_at, str):
        try:
            known_at = datetime.fromisoformat(known_at)
        except ValueError:
            known_at = None
    if not isinstance(known_at, datetime) or known_at.tzinfo is None:
        raise ValueError("known_at is no time with its zone, such as 2026-11-24T12:00:00Z")
    if by_id:
        try:
            inference = UUID(str(row["inference"]))
        except ValueError:
            raise ValueError(f"{str(row['inference'])[:60]!r} is no id of an inference") from None
    else:
        several = known.get(str(row["reference"]), ())
        if len(several) != 1:
            raise ValueError(f"{len(several) or 'no'} inferences have the reference {str(row['reference'])[:60]!r}")
        inference = several[0]
    return Label(inference=inference, value=str(value), known_at=known_at)
