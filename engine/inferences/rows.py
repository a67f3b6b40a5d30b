"""Inferences as rows of the table: by COPY for new ones, by INSERT for those that may already be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from psycopg import Connection

from engine.inferences.inference import Answered, Inference

SHARED = (
    "logged_at",
    "model",
    "version",
    "environment",
    "deployment",
    "caller",
    "request",
    "request_rows",
    "latency_us",
)
OWN = ("id", "position", "event_time", "caller_reference", "input", "score", "decision", "output")
COPY = f"COPY inferences.inferences ({', '.join(SHARED + OWN)}) FROM STDIN"
INSERT = (
    f"INSERT INTO inferences.inferences ({', '.join(SHARED + OWN)}) "  # noqa: S608 - the columns are constants above
    f"VALUES ({', '.join(['%s'] * len(SHARED + OWN))}) ON CONFLICT DO NOTHING RETURNING id"
)
NULL = "\\N"
#: What stands for itself in COPY's text format must be told apart from its separators.
ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy(connection: Connection[Any], group: Iterable[Answered]) -> None:
    """Write rows that are certainly new; fails as a whole."""
    with connection.cursor() as cursor, cursor.copy(COPY) as stream:
        for answered in group:
            stream.write("".join(lines(answered)).encode())


def lines(answered: Answered) -> Iterator[str]:
    """The rows in COPY's text format (PostgreSQL's manual, COPY, "Text Format").

    Written here and not by psycopg's `write_row`, which formats the nine shared columns anew for each row.
    """
    logged_at = answered.logged_at.isoformat()
    shared = "\t".join(
        (
            logged_at,
            _text(answered.model),
            str(answered.version),
            _text(answered.environment),
            str(answered.deployment),
            _text(answered.caller),
            str(answered.request),
            str(len(answered)),
            str(answered.latency_us),
        )
    )
    outputs = answered.outputs or ({},) * len(answered)
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
        yield (
            f"{shared}\t{id}\t{position}\t{happened}\t{_text(reference)}\t{_json(given)}\t{number}\t{_text(decision)}"
            f"\t{_json(output)}\n"
        )


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
