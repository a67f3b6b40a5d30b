"""The rows of a batch: read from Parquet or CSV, held to the input schema and scored as rows over HTTP are.

One form of the model for all: the child is started by `scoring.versions`, the rows are read by `scoring.batch` and
checked by `scoring.checks`, and decisions are made by the version's own cut-off. So a batch, a dropped file and a
request that hold the same rows get the same answers. A fault in one row refuses the whole file, as it does a request.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engine.config import Settings
from engine.errors import GatewrightError
from engine.inferences.inference import Answered
from engine.inventory.schemas import RowFault
from engine.sandbox import Child, Predictions
from engine.serving.batch import Batch, Scored, inference_id
from engine.serving.deployment import Deployment
from engine.serving.scoring import batch as scoring_batch
from engine.serving.scoring import versions
from engine.serving.scoring.batch import BatchMalformed
from engine.serving.scoring.checks import InputInvalid, InputSchema
from engine.serving.scoring.directory import Version
from engine.store import Files
from engine.training import frames
from engine.training.frames import TableRefused

if TYPE_CHECKING:
    import pyarrow

#: Rows in one call to the model: as many as one call of the scoring service carries.
ROWS_PER_CALL = 2_000
#: Rows in one part of the result, which is logged in one transaction.
ROWS_PER_PART = 20_000
CALL_SECONDS = 120.0
MOST_ROWS = 100_000_000
_ARROW = {"integer": "int64", "number": "float64", "string": "string", "boolean": "bool_"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Where a batch is scored: files and settings, no database."""

    files: Files
    settings: Settings


class RowsMissing(GatewrightError):
    """The file {name} holds no rows."""

    code = "rows-missing"
    hint = "Hand in a file with a row at least."
    status = 422


def score(
    worker: Worker,
    deployment: Deployment,
    settings: Mapping[str, Any],
    *,
    source: str,
    name: str,
    id: UUID,
    at: datetime,
    heard: Callable[[int], None] = lambda rows: None,
) -> Scored:
    """The answers to every row of a file, kept as Parquet in the file store; constant memory, whatever the rows.

    id, at: the batch's, from which the ids of its inferences come. heard: told after each call how many rows are
    scored. Raises TableRefused, InputInvalid, BatchMalformed, RowsMissing, or what the sandbox raises.
    """
    import pyarrow as pa

    parts: list[str] = []
    n_rows = 0
    with started(worker, deployment, settings) as (version, ask):
        for table in _tables(worker.files, source, name, version.schema, ROWS_PER_PART):
            pieces = []
            for first in range(0, table.num_rows, ROWS_PER_CALL):
                given = _rows(table.slice(first, ROWS_PER_CALL), version.schema, n_rows)
                began = time.perf_counter_ns()
                columns = {field: [row.get(field) for row in given.rows] for field in version.schema.fields}
                predictions = ask(columns)
                latency_us = (time.perf_counter_ns() - began) // 1_000
                pieces.append(_answers(given, predictions, version.decide(predictions), id, at, n_rows, latency_us))
                n_rows += len(given.rows)
                heard(n_rows)
                if n_rows > MOST_ROWS:
                    raise TableRefused(name=name, reason=f"it has more than {MOST_ROWS:,} rows")
            parts.append(worker.files.put(frames.write(pa.concat_tables(pieces))))
    if not n_rows:
        raise RowsMissing(name=name)
    return Scored(id=id, at=at, rows=n_rows, parts=tuple(parts), result=_result(worker.files, parts))


@contextmanager
def started(
    worker: Worker, deployment: Deployment, settings: Mapping[str, Any]
) -> Iterator[tuple[Version, Callable[[Mapping[str, Sequence[Any]]], Predictions]]]:
    """The version and how it is asked for columns of rows: in its child, or in the compiled form where that serves."""
    version, form = versions.start(worker, deployment, settings)
    if not isinstance(form, Child):
        yield version, form.score
        return
    with form:
        yield version, partial(form.score_columns, seconds=CALL_SECONDS)


def answered(files: Files, batch: Batch, schema: str) -> Iterator[tuple[int, Answered]]:
    """The parts of a scored batch that are not logged yet, by number: its file beside its answers.

    schema: digest of the version's input schema.
    """
    import pyarrow.parquet as pq

    told = InputSchema(json.loads(files.read(schema)))
    for part, table in enumerate(_tables(files, batch.source, batch.name, told, ROWS_PER_PART)):
        if part < batch.logged_parts:
            continue
        given = _rows(table, told, part * ROWS_PER_PART)
        answers = pq.read_table(io.BytesIO(files.read(batch.parts[part])), use_threads=False).to_pydict()
        reasons = answers.get("reasons")
        yield (
            part,
            Answered(
                # Its own for each part, and the same in every attempt.
                request=inference_id(batch.id, batch.requested_at, (1 << 32) - 1 - part),
                logged_at=batch.requested_at,
                model=batch.model,
                version=batch.version,
                environment=batch.environment,
                deployment=batch.deployment,
                caller=batch.requested_by,
                latency_us=max(answers["latency_us"]),
                ids=[UUID(each) for each in answers["id"]],
                event_times=given.event_times,
                references=given.references,
                inputs=given.rows,
                scores=answers["score" if "score" in answers else "value"],
                decisions=answers["decision"],
                outputs=None if reasons is None else [{"reasons": each} for each in reasons],
            ),
        )


def _answers(
    given: scoring_batch.Batch,
    predictions: Predictions,
    decisions: Sequence[str | None],
    id: UUID,
    at: datetime,
    first: int,
    latency_us: int,
) -> pyarrow.Table:
    import pyarrow as pa

    n_rows = len(given.rows)
    columns = {
        "row": pa.array(range(first, first + n_rows), pa.int64()),
        "reference": pa.array(given.references, pa.string()),
        "id": pa.array([str(inference_id(id, at, first + n)) for n in range(n_rows)], pa.string()),
        predictions.output: pa.array(predictions.values, pa.float64()),
        "decision": pa.array(decisions, pa.string()),
        "latency_us": pa.array([latency_us] * n_rows, pa.int64()),
    }
    if predictions.reasons is not None:
        columns["reasons"] = pa.array([list(each) for each in predictions.reasons], pa.list_(pa.string()))
    return pa.table(columns)


def _result(files: Files, parts: Sequence[str]) -> str:
    """All parts as one file, without what is for the log alone; its sha256."""
    import pyarrow.parquet as pq

    with tempfile.NamedTemporaryFile(prefix="gatewright-") as written:
        writer: Any = None
        for digest in parts:
            table = pq.read_table(io.BytesIO(files.read(digest)), use_threads=False).drop_columns(["latency_us"])
            writer = writer or pq.ParquetWriter(written.name, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is not None:
            writer.close()
        return files.put(Path(written.name))


def _rows(table: pyarrow.Table, schema: InputSchema, first: int) -> scoring_batch.Batch:
    """Rows as a request over HTTP would bring them, checked; faults count rows from the beginning of the file."""
    rows = table.to_pylist()
    droppable = [
        name for name in schema.fields if name not in schema.schema.get("required", ()) and not _nullable(schema, name)
    ]
    for row in rows:
        # A file has a cell for every field of every row; a request leaves out what a row has not.
        for name in droppable:
            if row.get(name, 0) is None:
                del row[name]
        for name in ("event_time", "reference"):
            if name in row and name not in schema.properties:
                row[name] = _spoken(row[name])
    try:
        found = scoring_batch.read(rows, fields=frozenset(schema.fields), limit_rows=ROWS_PER_PART)
        schema.check(found.rows)
    except InputInvalid as refused:
        raise InputInvalid([RowFault(each.row + first, each.field, each.reason) for each in refused.faults]) from None
    except BatchMalformed as refused:
        raise BatchMalformed(reason=f"{refused.facts['reason']}, counted from row {first} of the file") from None
    return found


def _nullable(schema: InputSchema, name: str) -> bool:
    types = schema.properties[name]["type"]
    return "null" in (types if isinstance(types, list) else [types])


def _spoken(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _tables(files: Files, source: str, name: str, schema: InputSchema, rows: int) -> Iterator[pyarrow.Table]:
    """The file's rows in tables of so many; the last may have fewer. Raises TableRefused."""
    import pyarrow as pa

    with files.local(source) as path:
        try:
            with _batches(path, name, schema, rows) as found:
                waiting: list[Any] = []
                n_waiting = 0
                for each in found:
                    waiting.append(each)
                    n_waiting += each.num_rows
                    while n_waiting >= rows:
                        together = pa.Table.from_batches(waiting)
                        yield together.slice(0, rows)
                        waiting = together.slice(rows).to_batches()
                        n_waiting -= rows
                if n_waiting:
                    yield pa.Table.from_batches(waiting)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise TableRefused(name=name, reason=" ".join(str(error).split())[:300]) from error


@contextmanager
def _batches(path: Path, name: str, schema: InputSchema, rows: int) -> Iterator[Iterator[Any]]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    with path.open("rb") as stream:
        if stream.read(4) == b"PAR1":
            with pq.ParquetFile(path) as file:
                if file.metadata.num_columns > frames.MOST_VALUES // rows:
                    raise TableRefused(name=name, reason=f"it has {file.metadata.num_columns:,} columns")
                yield file.iter_batches(batch_size=rows, use_threads=False)
            return
    # What a column of a text file holds is said by the schema: "007" stays a text where a text is wanted.
    types = {field: _arrow(schema, field) for field in schema.fields} | {"reference": pa.string()}
    types.setdefault("event_time", pa.string())
    convert = pyarrow.csv.ConvertOptions(
        column_types={field: kind for field, kind in types.items() if kind is not None},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    with pyarrow.csv.open_csv(path, convert_options=convert) as reader:
        yield iter(reader)


def _arrow(schema: InputSchema, field: str) -> Any:
    import pyarrow as pa

    types = schema.properties[field]["type"]
    kinds = [kind for kind in (types if isinstance(types, list) else [types]) if kind != "null"]
    return getattr(pa, _ARROW[kinds[0]])() if len(kinds) == 1 else None
