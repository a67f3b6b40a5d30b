"""Inferences as rows of the table: by COPY for new ones, by INSERT for those that may already be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from psycopg import Connection
from sqlalchemy.orm import Session

from engine.inferences.inference import Answered, Inference
from engine.store import execute

ENDPOINT = ("model", "version", "environment", "deployment", "caller")
SHARED = (*ENDPOINT, "logged_at", "request", "request_rows", "latency_us")
OWN = ("id", "position", "event_time", "caller_reference", "input", "score", "decision", "output")
COPY = f"COPY inferences.inferences ({', '.join(SHARED + OWN)}) FROM STDIN"
INSERT = (
    f"INSERT INTO inferences.inferences ({', '.join(SHARED + OWN)}) "  # noqa: S608 - the columns are constants above
    f"VALUES ({', '.join(['%s'] * len(SHARED + OWN))}) ON CONFLICT DO NOTHING RETURNING id"
)
_INSERTED_AT_ONCE = 1_000
NULL = "\\N"
#: What stands for itself in COPY's text format must be told apart from its separators.
ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy(connection: Connection[Any], group: Iterable[Answered]) -> None:
    """Write rows that are certainly new; fails as a whole."""
    # One write: each costs psycopg 10 us, and a group is a few hundred requests at most.
    text = "".join(lines(group)).encode()
    with connection.cursor() as cursor, cursor.copy(COPY) as stream:
        stream.write(text)


def lines(group: Iterable[Answered]) -> Iterator[str]:
    """The rows in COPY's text format (PostgreSQL's manual, COPY, "Text Format").

    Written here and not by psycopg's `write_row`, which formats the nine shared columns anew for each row.
    """
    endpoints: dict[tuple[Any, ...], str] = {}
    words: dict[str | None, str] = {}  # the decisions are few
    for answered in group:
        endpoint = answered.model, answered.version, answered.environment, answered.deployment, answered.caller
        if (known := endpoints.get(endpoint)) is None:
            known = endpoints[endpoint] = "\t".join(_text(str(each)) for each in endpoint)
        logged_at, many = answered.logged_at.isoformat(), len(answered.ids)
        shared = f"{known}\t{logged_at}\t{answered.request.hex}\t{many}\t{answered.latency_us}"
        outputs = answered.outputs or (None,) * many
        own = zip(
            answered.ids,
            answered.event_times,
            answered.references,
            answered.inputs,
            answered.scores,
            answered.decisions,
            outputs,
            strict=True,
        )
        for position, (id, event_time, reference, given, score, decision, output) in enumerate(own):
            happened = event_time.isoformat() if event_time else logged_at
            number = NULL if score is None else repr(float(score))
            named = NULL if reference is None else _text(reference)
            told = _json(output) if output else "{}"
            if (word := words.get(decision)) is None:
                word = words[decision] = _text(decision)
            yield (f"{shared}\t{id.hex}\t{position}\t{happened}\t{named}\t{_json(given)}\t{number}\t{word}\t{told}\n")


def insert(session: Session, table: str, columns: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
    """Write rows of the room's small tables, in a statement for each 1,000 of them.

    Written out, since every group of the log has some: SQLAlchemy's insert costs 0.4 ms, this 0.1.
    """
    for start in range(0, len(values), _INSERTED_AT_ONCE):
        part = values[start : start + _INSERTED_AT_ONCE]
        row = f"({', '.join(['%s'] * len(columns))})"
        statement = f"INSERT INTO inferences.{table} ({', '.join(columns)}) VALUES {', '.join([row] * len(part))}"  # noqa: S608 - our own names
        execute(session, statement, [value for each in part for value in each])


def insert_again(connection: Connection[Any], inferences: Sequence[Inference]) -> list[Inference]:
    """Write inferences some of which may be there already: after a lost connection the commit may have arrived.

    Returns those that were not there.
    """
    written: set[Any] = set()
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, [_values(inference) for inference in inferences], returning=True)
        for result in cursor.results():
            written.update(id for (id,) in result)
    return [each for each in inferences if each.id in written]


def _values(inference: Inference) -> tuple[Any, ...]:
    found = {name: getattr(inference, name) for name in SHARED + OWN}
    return tuple(
        orjson.dumps(value).decode() if name in ("input", "output") else value for name, value in found.items()
    )


def _text(value: str | None) -> str:
    return NULL if value is None else value.translate(ESCAPED)


def _json(value: Any) -> str:
    # orjson writes no control character as itself: only its backslashes need care.
    return orjson.dumps(value).decode().replace("\\", "\\\\")
