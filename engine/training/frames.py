"""Tables of rows: Parquet or CSV in, chosen rows out, always in the order of the file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import GatewrightError

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")
HASH_STEPS = 1 << 64
#: rows times columns of a Parquet file; a gigabyte, where each is a number
MOST_VALUES = 128_000_000


class TableRefused(GatewrightError):
    """The table {name} cannot be read: {reason}."""

    code = "table-refused"
    hint = "Hand in Parquet, or CSV in UTF-8 with a header line."
    status = 422


class ColumnMissing(GatewrightError):
    """The table {name} has no column {column}; it has {known}."""

    code = "column-missing"
    hint = "Name a column that is there, or hand in the rows with it."
    status = 422


def read(content: bytes, name: str = "rows") -> pyarrow.Table:
    """The table in a Parquet or CSV file, dictionary columns as plain ones."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    try:
        if content[:4] == b"PAR1":
            # Asked before a row is read: one value repeated takes a few bytes, for as many rows as one likes.
            told = pq.read_metadata(io.BytesIO(content))
            if told.num_rows * told.num_columns > MOST_VALUES:
                size = f"{told.num_rows:,} rows of {told.num_columns} columns"
                raise TableRefused(name=name, reason=f"it holds {size}; at most {MOST_VALUES:,} values are read")
            table = pq.read_table(io.BytesIO(content), use_threads=False)
        else:
            table = pyarrow.csv.read_csv(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise TableRefused(name=name, reason=" ".join(str(error).split())[:300]) from error
    for place, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(place, column.name, table.column(place).cast(column.type.value_type))
    return table


def write(table: pyarrow.Table) -> bytes:
    """The table as Parquet; the same rows give the same bytes under the same version of pyarrow."""
    import pyarrow.parquet as pq

    target = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), target, compression="zstd")
    return target.getvalue()


def choose(table: pyarrow.Table, columns: Sequence[str], name: str = "rows") -> pyarrow.Table:
    """The columns in the order given; ColumnMissing names the first that is not there."""
    for column in columns:
        if column not in table.column_names:
            raise ColumnMissing(name=name, column=column, known=", ".join(table.column_names))
    return table.select(list(columns))


def where(table: pyarrow.Table, conditions: Mapping[str, Any], name: str = "rows") -> pyarrow.Table:
    """The rows that meet every condition: a value, a list of values, or {"from": a, "to": b}, both ends included.

    `{"AGEP": {"from": 16, "to": 49}, "year": 2015}`. A missing value meets none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    choose(table, list(conditions), name)
    for column, condition in conditions.items():
        values = table.column(column)
        if isinstance(condition, Mapping):
            unknown = set(condition) - {"from", "to"}
            if unknown:
                raise TableRefused(name=name, reason=f"unknown condition {sorted(unknown)[0]!r} on {column}")
            mask = pc.is_valid(values)
            if "from" in condition:
                mask = pc.and_(mask, pc.greater_equal(values, condition["from"]))
            if "to" in condition:
                mask = pc.and_(mask, pc.less_equal(values, condition["to"]))
        else:
            wanted = condition if isinstance(condition, list) else [condition]
            mask = pc.is_in(values, value_set=pa.array(wanted).cast(values.type))
        table = table.filter(mask)
    return table


def hold_out(table: pyarrow.Table, id_column: str, share: float) -> tuple[pyarrow.Table, pyarrow.Table]:
    """(rows to train on, rows held out): a row is held out by the hash of its id, whatever other rows there are.

    A row whose sha256(id), read as a fraction, lies under `share` is held out, and stays so when rows are added.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not 0 < share < 1:
        raise ValueError(f"share is {share}, not between 0 and 1")
    choose(table, [id_column])
    held = pa.array([_fraction(value) < share for value in table.column(id_column).to_pylist()])
    return table.filter(pc.invert(held)), table.filter(held)


def _fraction(value: Any) -> float:
    return int.from_bytes(hashlib.sha256(str(value).encode()).digest()[:8], "big") / HASH_STEPS


def spread(table: pyarrow.Table, n_rows: int) -> pyarrow.Table:
    """At most `n_rows` rows, evenly spread over the table."""
    return table if table.num_rows <= n_rows else table.take(evenly(range(table.num_rows), n_rows))


def evenly(values: Sequence[T], n: int) -> list[T]:
    """At most n of the values, evenly spread, in their order."""
    total = len(values)
    return list(values) if total <= n else [values[step * total // n] for step in range(n)]
