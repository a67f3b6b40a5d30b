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
#: afterwards everybody is asked, and the model was never meant for them: a sample is enough to see it
LATER_YEAR, EVERYBODY, SAMPLE = 2017, (16, 99), 3_000
FILE = "employment-2016-2018.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows to be scored in one request."""

    rows: list[dict[str, Any]]
    event_times: list[str]
    references: list[str]


def batches(
    folder: Path,
    features: list[str],
    size: int,
    *,
    year: int = YEAR,
    ages: tuple[int, int] = AGES,
    at_most: int | None = None,
) -> list[Batch]:
    """The people of a year and of ages, in the order of the file, with nothing but the features of the model.

    at_most: so many of them, evenly taken.
    """
    from engine.training import frames

    table = frames.read((folder / FILE).read_bytes(), FILE)
    low, high = ages
    table = frames.where(table, {"year": year, "AGEP": {"from": low, "to": high}}, FILE)
    if at_most is not None:
        table = table.take([position * table.num_rows // at_most for position in range(at_most)])
    references = [str(each) for each in table.column("id").to_pylist()]
    rows = table.select(features).to_pylist()
    times = list(moments(year, len(rows)))
    return [
        Batch(
            rows=rows[start : start + size],
            event_times=times[start : start + size],
            references=references[start : start + size],
        )
        for start in range(0, len(rows), size)
    ]


def moments(year: int, n_rows: int) -> Iterator[str]:
    """An instant of the year for each row, evenly spread."""
    begin, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    for position in range(n_rows):
        yield (begin + (end - begin) * position / n_rows).isoformat()
