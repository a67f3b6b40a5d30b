"""The census answers that the demo scores, and when each is said to have come.

The records carry only a year: they are spread evenly over it in the order of their rows. The system's time is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

YEAR = 2016
AGES = (16, 49)
FILE = "employment-2016-2018.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows to be scored in one request."""

    rows: list[dict[str, Any]]
    event_times: list[str]
    references: list[str]


def batches(folder: Path, features: list[str], size: int) -> list[Batch]:
    """The people of the year and the ages, in the order of the file, with nothing but the features of the model."""
    from engine.training import frames

    table = frames.read((folder / FILE).read_bytes(), FILE)
    low, high = AGES
    table = frames.where(table, {"year": YEAR, "AGEP": {"from": low, "to": high}}, FILE)
    references = [str(each) for each in table.column("id").to_pylist()]
    rows = table.select(features).to_pylist()
    times = list(moments(len(rows)))
    return [
        Batch(
            rows=rows[start : start + size],
            event_times=times[start : start + size],
            references=references[start : start + size],
        )
        for start in range(0, len(rows), size)
    ]


def moments(n_rows: int) -> Iterator[str]:
    """An instant of the year for each row, evenly spread."""
    begin, end = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)
    for position in range(n_rows):
        yield (begin + (end - begin) * position / n_rows).isoformat()
