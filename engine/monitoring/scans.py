"""Tables in files, counted against a reference with constant memory: Parquet and CSV, one file or a folder of them.

A file is read once, batch by batch, and only the columns that are counted. Nothing but counts is kept, so that the
size of a table matters to the time and not to the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import GatewrightError
from engine.monitoring.batches import ROWS, Counting, read_text
from engine.statistics.columns import Column, held
from engine.statistics.tallies import Reference, Tally, total
from engine.training.frames import MOST_VALUES, TableRefused

if TYPE_CHECKING:
    import pyarrow

SUFFIXES = (".parquet", ".pq", ".csv")


class NothingToCount(GatewrightError):
    """{name} holds none of the columns that are counted: {wanted}; it has {known}."""

    code = "nothing-to-count"
    hint = "Hand in rows with these columns; name the one that holds the output with --output."
    status = 422


class NoTables(GatewrightError):
    """{name} holds no Parquet or CSV file."""

    code = "no-tables"
    hint = "Name a file, or a folder with files whose names end in .parquet, .pq or .csv."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Rows of a table, counted."""

    reference: Reference  #: of the columns that were counted
    tally: Tally
    absent: tuple[str, ...]  #: columns of the version's reference that the table does not have
    further: tuple[str, ...]  #: columns of the table that the reference does not have
    files: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table in a file."""

    name: str  #: as people know it
    path: Path
    columns: tuple[str, ...]
    types: Mapping[str, str] = field(default_factory=dict)  #: column -> its type, as Arrow names it


def sources(path: Path, name: str | None = None) -> list[Source]:
    """The table in a file, or those in a folder by name; raises NoTables, TableRefused."""
    if not path.is_dir():
        return [_source(path, name or path.name)]
    found = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())
    if not found:
        raise NoTables(name=name or path.name)
    return [_source(each, each.name) for each in found]


def count(reference: Reference, tables: Sequence[Source], *, named: Mapping[str, str] | None = None) -> Scan:
    """All rows of these tables; memory is constant, and time grows with the rows of the columns that are counted.

    named: column of the reference -> its name in the tables, where it is another. A column that only some of the
    tables have is missing in the rows of the others. Raises NothingToCount, and TableRefused naming the file.
    """
    here = chosen(reference, tables, named or {})
    tallies = [counted(here.reference, each, here.names) for each in tables]
    return here.of(total(tallies, len(here.reference.columns)), files=len(tables))


def chunks(
    reference: Reference, tables: Sequence[Source], rows: int, *, named: Mapping[str, str] | None = None
) -> Iterator[Scan]:
    """The same for each `rows` rows one after the other; the last may have fewer."""
    here = chosen(reference, tables, named or {})
    counting, so_far = _countings(here.reference), 0
    for table in tables:
        for batch in batches(table, [here.names[column] for column in here.reference.names()]):
            for start, size in _pieces(batch.num_rows, rows, so_far):
                _add(here.reference, counting, batch.slice(start, size), here.names)
                so_far += size
                if so_far == rows:
                    yield here.scan(so_far, counting)
                    counting, so_far = _countings(here.reference), 0
    if so_far:
        yield here.scan(so_far, counting)


def batches(source: Source, columns: Iterable[str]) -> Iterator[pyarrow.RecordBatch]:
    """The rows of a table, at most `ROWS` at a time, with those of the columns that it has; raises TableRefused."""
    import pyarrow as pa

    wanted = [column for column in dict.fromkeys(columns) if column in source.columns]
    try:
        yield from _parquet(source.path, wanted) if _is_parquet(source.path) else _csv(source.path, wanted)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TableRefused(name=source.name, reason=" ".join(str(error).split())[:300]) from error


def numbers(values: pyarrow.Array) -> NDArray[np.float64]:
    """The finite numbers of an array, texts that read as numbers among them."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if types.is_string(values.type) or types.is_large_string(values.type):
        found = np.array([each for each in map(read_text, values.to_pylist()) if isinstance(each, float)])
    elif types.is_boolean(values.type) or types.is_integer(values.type) or types.is_floating(values.type):
        found = pc.cast(values.drop_null(), pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    else:
        found = np.empty(0)
    return held(found[np.isfinite(found)])


def refuse_large(tables: Sequence[Source]) -> None:
    """Raises TableRefused for a table of more values than are read from strangers; asked before a row is read."""
    import pyarrow.parquet as pq

    for table in tables:
        if _is_parquet(table.path):
            told = pq.read_metadata(table.path)
            if told.num_rows * told.num_columns > MOST_VALUES:
                size = f"{told.num_rows:,} rows of {told.num_columns} columns"
                raise TableRefused(name=table.name, reason=f"it holds {size}; at most {MOST_VALUES:,} values are read")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of a reference is counted in these tables, and under which names."""

    reference: Reference
    names: Mapping[str, str]
    absent: tuple[str, ...]
    further: tuple[str, ...]

    def scan(self, rows: int, counting: Sequence[Counting]) -> Scan:
        """The rows that were counted so."""
        return self.of(self.reference.tally_of(rows, [each.counts() for each in counting]))

    def of(self, tally: Tally, files: int = 1) -> Scan:
        """The scan with this tally."""
        return Scan(reference=self.reference, tally=tally, absent=self.absent, further=self.further, files=files)


def chosen(reference: Reference, tables: Sequence[Source], named: Mapping[str, str]) -> Chosen:
    """The columns that one of the tables has; raises NothingToCount where there is none."""
    names = {column: named.get(column, column) for column in reference.names()}
    has = {column for table in tables for column in table.columns}
    present = [column for column in reference.names() if names[column] in has]
    if not present:
        raise NothingToCount(
            name=", ".join(table.name for table in tables[:3]),
            wanted=", ".join(names.values()),
            known=", ".join(sorted(has)) or "none",
        )
    return Chosen(
        reference.only(present),
        names,
        tuple(column for column in reference.names() if column not in present),
        tuple(sorted(has - set(names.values()))),
    )


def _countings(reference: Reference) -> list[Counting]:
    return [Counting(column) for column in reference.columns]


def counted(reference: Reference, source: Source, names: Mapping[str, str]) -> Tally:
    """All rows of one table; names: column of the reference -> its name in the table."""
    counting, rows = _countings(reference), 0
    for batch in batches(source, [names[column] for column in reference.names()]):
        _add(reference, counting, batch, names)
        rows += batch.num_rows
    return reference.tally_of(rows, [each.counts() for each in counting])


def _add(
    reference: Reference, counting: Sequence[Counting], batch: pyarrow.RecordBatch, names: Mapping[str, str]
) -> None:
    places = {name: at for at, name in enumerate(batch.schema.names)}
    for column, each in zip(reference.columns, counting, strict=True):
        at = places.get(names[column.name])
        if at is None:
            each.absent(batch.num_rows)
        elif untyped(batch) and _of_numbers(column):
            each.add_texts_of_numbers(batch.column(at))
        else:
            each.add(batch.column(at))


def untyped(batch: pyarrow.RecordBatch) -> bool:
    """Whether the batch comes from a file without types, whose texts may mean numbers."""
    return bool(batch.schema.metadata == _UNTYPED)


def _of_numbers(column: Column) -> bool:
    return bool(column.cells) or not all(isinstance(code, str) for code in column.codes)


def _pieces(rows: int, most: int, counted: int) -> Iterator[tuple[int, int]]:
    """(start, size) of the parts of a batch, so that no part goes beyond `most` rows with those counted before it."""
    start = 0
    while start < rows:
        size = min(most - counted, rows - start)
        yield start, size
        start, counted = start + size, (counted + size) % most


# Files


_UNTYPED = {b"gatewright": b"untyped"}  #: marks batches of a CSV file, whose texts may mean numbers


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _source(path: Path, name: str) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if _is_parquet(path):
            schema = pq.read_schema(path)
        else:
            with _csv_reader(path, None) as reader:
                schema = reader.schema
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TableRefused(name=name, reason=" ".join(str(error).split())[:300]) from error
    types = {each.name: str(each.type) for each in schema}
    return Source(name=name, path=path, columns=tuple(schema.names), types=types)


def _parquet(path: Path, columns: list[str]) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow.parquet as pq

    # A stream of small reads: a column chunk of any size is never in memory as a whole.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        yield from file.iter_batches(ROWS, columns=columns, use_threads=False)


def _csv(path: Path, columns: list[str]) -> Iterator[pyarrow.RecordBatch]:
    with _csv_reader(path, columns) as reader:
        for batch in reader:
            for start in range(0, batch.num_rows, ROWS):
                yield batch.slice(start, ROWS).replace_schema_metadata(_UNTYPED)


def _csv_reader(path: Path, columns: list[str] | None) -> Any:
    """Reads every column as text: a type guessed from the first rows would fail on a later one."""
    import pyarrow as pa
    import pyarrow.csv

    with path.open("rb") as file:
        head = pyarrow.csv.open_csv(file).schema.names
    return pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(use_threads=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(head, pa.string()), include_columns=columns, strings_can_be_null=True
        ),
    )
