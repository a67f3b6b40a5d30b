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
#: Thresholds that bound no metric: where the decision turns, and how far the compiled form may lie from the original.
APART = ("cut_off", "max_compiled_difference")


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
        if name not in APART and name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            meant = f"Did you mean {nearest[0]}?" if nearest else ""
            raise ThresholdRefused(name=name, reason="there is no such metric", nearest=meant)
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
            raise ThresholdRefused(name=name, reason=f"{bound!r} is not a number", nearest="")
    if not 0 <= cut_off(thresholds) <= 1:
        raise ThresholdRefused(name="cut_off", reason="it does not lie in [0, 1]", nearest="")
    if (compiled_within(thresholds) or 0.0) < 0:
        raise ThresholdRefused(name="max_compiled_difference", reason="it is below 0", nearest="")


def cut_off(thresholds: Mapping[str, Any]) -> float:
    """The score from which on the decision is positive."""
    return float(thresholds.get("cut_off", CUT_OFF))


def compiled_within(thresholds: Mapping[str, Any]) -> float | None:
    """The largest difference on a probe row at which the compiled form may serve; None: the original serves."""
    bound = thresholds.get("max_compiled_difference")
    return None if bound is None else float(bound)


def bounds(thresholds: Mapping[str, Any]) -> dict[str, tuple[str, str, float]]:
    """Threshold name -> (metric, "min" or "max", bound); those that bound no metric are left out."""
    found = {}
    for name, bound in thresholds.items():
        if name not in APART:
            side, _, metric = name.partition("_")
            found[name] = (metric, side, float(bound))
    return found
