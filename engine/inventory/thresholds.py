"""The bounds that a model's own metadata sets to its metrics."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

from engine import statistics
from engine.errors import GatewrightError

#: Which side of a score gets the positive decision, where the model says nothing.
CUT_OFF = 0.5


class ThresholdRefused(GatewrightError):
    """The threshold {name} is refused: {reason}."""

    code = "threshold-refused"
    hint = "Name `cut_off`, or `min_` or `max_` before a metric's name; docs/metrics.md lists them. {nearest}"
    status = 422


def check(thresholds: Mapping[str, Any]) -> None:
    """Raise ThresholdRefused where a threshold names no metric, or its bound is no number."""
    measured = [name for name, metric in statistics.all_metrics().items() if not metric.compares]
    known = [f"{side}_{metric}" for metric in measured for side in ("min", "max")]
    for name, bound in thresholds.items():
        if name != "cut_off" and name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            meant = f"Did you mean {nearest[0]}?" if nearest else ""
            raise ThresholdRefused(name=name, reason="there is no such metric", nearest=meant)
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
            raise ThresholdRefused(name=name, reason=f"{bound!r} is not a number", nearest="")
    if not 0 <= cut_off(thresholds) <= 1:
        raise ThresholdRefused(name="cut_off", reason="it does not lie in [0, 1]", nearest="")


def cut_off(thresholds: Mapping[str, Any]) -> float:
    """The score from which on the decision is positive."""
    return float(thresholds.get("cut_off", CUT_OFF))


def bounds(thresholds: Mapping[str, Any]) -> dict[str, tuple[str, str, float]]:
    """Threshold name -> (metric, "min" or "max", bound), the cut-off left out."""
    found = {}
    for name, bound in thresholds.items():
        if name != "cut_off":
            side, _, metric = name.partition("_")
            found[name] = (metric, side, float(bound))
    return found
