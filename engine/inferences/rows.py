"""Inferences as rows of the table: by COPY for new ones, by INSERT for those that may already be there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from psycopg import Connection

from engine.inferences.inference import Inference

COLUMNS = (
    "id",
    "logged_at",
    "event_time",
    "model",
    "version",
    "environment",
    "deployment",
    "caller",
    "caller_reference",
    "input",
    "score",
    "decision",
    "output",
    "request",
    "position",
    "request_rows",
    "latency_us",
)
COPY = f"COPY inferences.inferences ({', '.join(COLUMNS)}) FROM STDIN"
INSERT = (
    f"INSERT INTO inferences.inferences ({', '.join(COLUMNS)}) "  # noqa: S608 - the columns are constants above
    f"VALUES ({', '.join(['%s'] * len(COLUMNS))}) ON CONFLICT DO NOTHING"
)


def values(inference: Inference) -> tuple[Any, ...]:
    """The inference as values in the order of COLUMNS."""
    return (
        inference.id,
        inference.logged_at,
        inference.event_time,
        inference.model,
        inference.version,
        inference.environment,
        inference.deployment,
        inference.caller,
        inference.caller_reference,
        orjson.dumps(inference.input).decode(),
        inference.score,
        inference.decision,
        orjson.dumps(inference.output).decode(),
        inference.request,
        inference.position,
        inference.request_rows,
        inference.latency_us,
    )


def copy(connection: Connection[Any], inferences: Iterable[Inference]) -> None:
    """Write inferences that are certainly new; fails as a whole."""
    with connection.cursor() as cursor, cursor.copy(COPY) as stream:
        for inference in inferences:
            stream.write_row(values(inference))


def insert_again(connection: Connection[Any], inferences: Sequence[Inference]) -> None:
    """Write inferences some of which may be there already: after a lost connection the commit may have arrived."""
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, [values(inference) for inference in inferences])
