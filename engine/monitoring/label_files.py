"""Late labels from a file or a query, joined by inference id or by the caller's own reference; all of them or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inferences import labels, queries
from engine.inferences.labels import Label
from engine.inventory.references import VersionRef
from engine.monitoring.feeds.content import Table
from engine.monitoring.feeds.kinds import sql
from engine.monitoring.feeds.registry import Wanted
from engine.store import Store
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of labels that were sent; sent = new + replaced + repeated."""

    sent: int
    new: int  #: of inferences whose truth was not known before
    replaced: int  #: of inferences that had a label already
    repeated: int  #: of inferences that stood in an earlier row of the same sending; the last row holds


def take(session: Session, person: Person, *, model: str, content: bytes) -> Taken:
    """Labels taken from Parquet or CSV: `inference` or `reference`, `value`, `known_at` with its zone.

    A label that is there already is replaced, as `labels.add` does. Raises NotPermitted, TableRefused, LabelUnreadable,
    and LabelFileRefused, which names the first rows that are wrong by their line.
    """
    require(person, "label.write")
    table = frames.read(content, "labels")
    key = _key(table.column_names)
    rows = frames.choose(table, [key, "value", "known_at"], "labels")
    _refuse_length(rows.num_rows)
    # A header line comes before the first row of CSV, nothing before that of Parquet.
    return _take(session, person, model, rows.to_pylist(), key, 1 if content[:4] == b"PAR1" else 2)


def asked(
    store: Store, model: str, *, url_from: str, query: str, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """The rows that a read-only SELECT on another database gives, with the columns of a file.

    url_from: X of the environment variable GATEWRIGHT_FEED_X that holds the address. query: names %(since)s and
    %(until)s. Raises FeedMissing, FeedCorrupt, and LabelFileRefused where the query is none.
    """
    try:
        settings = sql.Settings(url_from=url_from, query=query)
    except ValidationError as error:
        raise LabelFileRefused(faults=error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    name = f"labels of {model}"
    wanted = Wanted(feed=name, environment="", version=VersionRef(model, 1), reference="", since=since, until=until)
    found: list[dict[str, Any]] = []
    for part in sql.read(store, settings, wanted):
        if isinstance(part, Table):
            found += [{name: values[at] for name, values in part.columns.items()} for at in range(part.rows)]
            _refuse_length(len(found))
    return found


def take_rows(session: Session, person: Person, *, model: str, rows: Sequence[Mapping[str, Any]]) -> Taken:
    """As `take`, from the rows of a query; a row that is wrong is named by its place, from 1 on."""
    require(person, "label.write")
    if not rows:
        return Taken(sent=0, new=0, replaced=0, repeated=0)
    for name in ("value", "known_at"):
        if name not in rows[0]:
            raise LabelFileRefused(faults=f"it has no column {name}")
    return _take(session, person, model, rows, _key(list(rows[0])), 1)


def _key(names: Sequence[str]) -> str:
    for name in ("inference", "reference"):
        if name in names:
            return name
    raise LabelFileRefused(faults="it has neither a column inference nor a column reference")


def _refuse_length(rows: int) -> None:
    if rows > MOST_ROWS:
        raise LabelFileRefused(faults=f"it has {rows:,} rows; at most {MOST_ROWS:,} are taken at a time")


def _take(
    session: Session, person: Person, model: str, rows: Sequence[Mapping[str, Any]], key: str, first: int
) -> Taken:
    by_id = key == "inference"
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
    distinct = len({label.inference for label in found})
    return Taken(sent=len(found), new=new, replaced=distinct - new, repeated=len(found) - distinct)


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
