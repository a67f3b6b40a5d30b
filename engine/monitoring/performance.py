"""How right a version was in a window, from the counts of its outcomes: whatever the rows, the same cost."""

from __future__ import annotations

from math import nan

import numpy as np

from engine.statistics import Estimate
from engine.statistics.auc import auc_of_counts
from engine.statistics.calibration_error import Bin, calibration_error_of_bins
from engine.statistics.columns import Whole
from engine.statistics.estimated_accuracy import estimated_accuracy_of_sum
from engine.statistics.estimated_auc import estimated_auc_of_counts
from engine.statistics.f1 import f1_of_counts
from engine.statistics.mean import mean_of_sums
from engine.statistics.named import Named
from engine.statistics.outcomes import (
    ANSWERED,
    BITS,
    CELLS,
    DECLINED,
    NEGATIVE,
    POSITIVE,
    SELECTED,
    UNDECIDED,
    table,
    total,
)
from engine.statistics.rmse import rmse_of_sums
from engine.statistics.wilson import wilson

_TENTH = CELLS // 10
_SUMS = "2**-40 a row"
#: metric -> how far its form from counts may lie off its form from rows
FROM_COUNTS = {
    **dict.fromkeys(("accuracy", "f1", "selection_rate", "tpr", "fpr", "impact_ratio"), "not at all"),
    **dict.fromkeys(("brier", "log_loss", "calibration_error", "estimated_accuracy"), _SUMS),
    "auc": "at most half the share of pairs that share one of 10,000 cells; told with each value",
    "estimated_auc": "scores moved by at most 0.00005",
    **dict.fromkeys(("mae", "rmse"), "2**-40 of the largest output of the reference"),
    "percentile": "1.1%, of answer times",
    "psi": "not at all: it is of groups",
    "chi_square": "not at all: it is of groups",
    "kolmogorov_smirnov": "codes not at all; numbers in cells at most the error that is told with each value",
    "event_rate": "not at all",
}


def of_scores(counts: Named, level: float = 0.95) -> dict[str, tuple[Estimate, int, float]]:
    """Metric -> (estimate, rows behind it, how far it may lie off the exact form) of labelled scores.

    Accuracy, F1, Brier, log loss and calibration error are exact but for 2**-40 a row; the area takes scores of one of
    10,000 cells as tied, which moves it by at most half the share of pairs that share a cell.
    """
    cells = table(counts)
    scored = cells[:, :, :CELLS].sum(axis=1)
    n = int(scored[[NEGATIVE, POSITIVE]].sum())
    right = int(cells[POSITIVE, SELECTED].sum() + cells[NEGATIVE, DECLINED].sum())
    decided = int(cells[[NEGATIVE, POSITIVE]][:, [DECLINED, SELECTED]].sum())
    hits = int(cells[POSITIVE, SELECTED].sum())
    exact = 2.0**-BITS
    return {
        "auc": (auc_of_counts(scored[POSITIVE], scored[NEGATIVE], level), n, _tied(scored)),
        "accuracy": (wilson(right, decided, level), decided, 0.0),
        "f1": (f1_of_counts(hits, decided - right, level), decided, 0.0),
        "brier": (mean_of_sums(n, total(counts, "squared", 2), total(counts, "squared²", 4), level, 0, 1), n, exact),
        "log_loss": (mean_of_sums(n, total(counts, "loss"), total(counts, "loss²", 2), level, 0), n, exact),
        "calibration_error": (calibration_error_of_bins(tenths(counts, level), level), n, exact),
    }


def valued(counts: Named) -> bool:
    """Whether truths of values, and not of scores, were counted."""
    return any(name.startswith("error") for name in counts.sums)


def of_values(counts: Named, level: float = 0.95) -> dict[str, tuple[Estimate, int, float]]:
    """The same of labelled values, from exact sums of errors."""
    n = int(table(counts)[POSITIVE].sum())
    away, squared = total(counts, "error"), total(counts, "error²", 2)
    return {
        "mae": (mean_of_sums(n, away, squared, level, 0), n, 0.0),
        "rmse": (rmse_of_sums(n, squared, total(counts, "error⁴", 4), level), n, 0.0),
    }


def estimated(counts: Named, level: float = 0.95) -> dict[str, tuple[Estimate, int, float]]:
    """What all scores of a window promise, labelled or not, as far as they are calibrated.

    The area takes each score for the middle of its cell: it moves no score by more than 0.00005.
    """
    cells = table(counts)[ANSWERED]
    scores = cells[:, :CELLS].sum(axis=0)
    decided = int(cells[[DECLINED, SELECTED], :CELLS].sum())
    middles = (np.arange(CELLS) + 0.5) / CELLS
    right = float(total(counts, "right"))
    return {
        "estimated_accuracy": (estimated_accuracy_of_sum(right, decided, level), decided, 2.0**-BITS),
        "estimated_auc": (estimated_auc_of_counts(middles, scores, level), int(scores.sum()), 0.5 / CELLS),
    }


def tenths(counts: Named, level: float = 0.95) -> tuple[Bin, ...]:
    """The bins of the reliability diagram."""
    cells = table(counts)[:, :, :CELLS].sum(axis=1)
    bins = []
    for b in range(10):
        part = slice(b * _TENTH, (b + 1) * _TENTH)
        hits, misses = int(cells[POSITIVE, part].sum()), int(cells[NEGATIVE, part].sum())
        n = hits + misses
        bins.append(
            Bin(
                low=b / 10,
                high=(b + 1) / 10,
                n=n,
                mean_score=float(total(counts, f"tenth {b}") / n) if n else nan,
                observed=wilson(hits, n, level),
            )
        )
    return tuple(bins)


def confusion(cells: Whole) -> dict[str, int]:
    """How often each truth met each decision, and how many were answered, of one group's table."""
    by = cells.sum(axis=2)
    return {
        "answered": int(by[ANSWERED].sum()),
        "selected": int(by[ANSWERED, SELECTED]),
        "decided": int(by[ANSWERED, [DECLINED, SELECTED]].sum()),
        "true_positives": int(by[POSITIVE, SELECTED]),
        "false_negatives": int(by[POSITIVE, DECLINED]),
        "false_positives": int(by[NEGATIVE, SELECTED]),
        "true_negatives": int(by[NEGATIVE, DECLINED]),
        "labelled": int(by[[NEGATIVE, POSITIVE]].sum()),
        "labelled_undecided": int(by[[NEGATIVE, POSITIVE], UNDECIDED].sum()),
    }


def _tied(scored: Whole) -> float:
    pairs = float(scored[POSITIVE].sum()) * float(scored[NEGATIVE].sum())
    return float(np.dot(scored[POSITIVE].astype(float), scored[NEGATIVE].astype(float))) / (2 * pairs) if pairs else nan
