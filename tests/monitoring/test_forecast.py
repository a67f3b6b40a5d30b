"""A monitor's series that is on its way to a breach is read as such, with a date; a quiet one is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from engine.monitoring import verdicts
from engine.monitoring.measures import get
from engine.monitoring.measures.forecast import foreseen
from engine.monitoring.verdicts import Bounds, Taken

BEGAN = datetime(2026, 1, 1, 6, tzinfo=UTC)


def runs(values: Any, **of: Any) -> list[tuple[datetime, list[dict[str, Any]]]]:
    """Runs of a day each, with one reading."""
    one = {"measure": "drift", "metric": "psi", "subject": "AGEP", "better": "low", "breach": 0.25, "rows": 5_000, **of}
    return [(BEGAN + timedelta(days=at), [{**one, "value": float(value)}]) for at, value in enumerate(values)]


def test_r47_a_shift_that_grows_is_told_before_the_breach_with_its_date() -> None:
    """PSI grows by 0.005 a day from 0.01: it is at 0.25 on day 48; told on day 29, when it is still under 0.16."""
    rng = np.random.default_rng(1)
    (told,) = foreseen(runs(0.01 + 0.005 * np.arange(30) + rng.normal(0, 0.008, 30)), 0.95)
    assert told.subject == "drift psi AGEP"
    assert told.value.value == pytest.approx(19, abs=2)
    assert told.value.low <= 19 <= told.value.high
    assert told.detail["earliest"] <= "2026-02-18" <= told.detail["latest"]
    taken = Taken(measure="forecast", dimension="statistical", readings=(told,))
    usual = get("forecast").bounds["days_to_breach"]
    verdict = verdicts.judge([taken], lambda *_: Bounds(warn=usual.warn, breach=usual.breach, source="measure"))
    assert verdict.state == "warn"


def test_r47_a_falling_auc_is_told_and_a_quiet_one_is_not() -> None:
    rng = np.random.default_rng(2)
    noise, auc = rng.normal(0, 0.002, 30), {"metric": "auc", "subject": "", "better": "high", "breach": 0.75}
    (falling,) = foreseen(runs(0.85 - 0.002 * np.arange(30) + noise, **auc), 0.95)
    assert falling.subject == "drift auc"
    assert list(foreseen(runs(0.85 + noise, **auc), 0.95)) == []
    assert list(foreseen(runs(0.85 - 0.002 * np.arange(11), **auc), 0.95)) == []
    assert list(foreseen(runs(0.85 - 0.002 * np.arange(30), **{**auc, "breach": None}), 0.95)) == []
