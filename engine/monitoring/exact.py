"""Distances of numbers from the values themselves, where the form from cells is not enough: one sort a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.monitoring import scans
from engine.monitoring.scans import Source
from engine.statistics import Estimate
from engine.statistics.counts import by_value
from engine.statistics.kolmogorov_smirnov import kolmogorov_smirnov, kolmogorov_smirnov_p
from engine.statistics.tallies import Reference
from engine.statistics.wasserstein import wasserstein


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """How far the numbers of a column moved, without cells; missing and infinite ones are left out."""

    name: str
    kolmogorov_smirnov: Estimate
    p: float
    wasserstein: Estimate  #: in the column's own unit


def distances(
    reference: Reference, before: Sequence[Source], now: Sequence[Source], level: float = 0.95
) -> tuple[Exact, ...]:
    """For each column that is counted in cells, and that both tables have; holds one column's numbers in memory."""
    found = []
    for column in reference.columns:
        if column.cells and all(any(column.name in table.columns for table in tables) for tables in (before, now)):
            values, was, is_now = by_value(_numbers(before, column.name), _numbers(now, column.name))
            known = len(values) > 1
            found.append(
                Exact(
                    name=column.name,
                    kolmogorov_smirnov=kolmogorov_smirnov(was, is_now, level),
                    p=kolmogorov_smirnov_p(was, is_now),
                    wasserstein=wasserstein(was, is_now, values, level) if known else Estimate.unknown(level),
                )
            )
    return tuple(found)


def _numbers(tables: Sequence[Source], column: str) -> NDArray[np.float64]:
    parts = [np.empty(0)]
    for table in tables:
        for batch in scans.batches(table, [column]):
            if batch.num_columns:
                parts.append(scans.numbers(batch.column(0)))
    return np.concatenate(parts)
