"""What rows contribute, and the figures made of it: exact sums, and intervals that hold what they promise."""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np
import pytest

from engine.statistics.contributions import contributions, of_row
from engine.statistics.named import Named
from engine.statistics.ratio import ratio_of_sums
from engine.statistics.total import total_of_sums


def counted(pairs: list[tuple[float | None, ...]]) -> Named:
    sums: dict[str, int] = {}
    for pair in pairs:
        for name, amount in of_row("it", *pair, ratio=len(pair) > 1):
            sums[name] = sums.get(name, 0) + amount
    return Named(rows=len(pairs), sums=sums)


def test_r42_sums_are_exact_whatever_the_order_and_the_size() -> None:
    """A million millions beside a cent: floats would lose the cent; null is counted apart."""
    found = contributions(Named.unpacked(counted([(1e12,), (0.01,), (-1e12,), (None,)]).packed()), "it")
    assert (found.n, found.unknown) == (3, 1)
    assert abs(found.total - Fraction(1, 100)) < Fraction(1, 2**40)
    assert float(found.squares) == 2e24


def test_r42_a_ratio_has_fiellers_interval() -> None:
    """Against the definition itself: both ends solve (A - r B)² = z² (Saa - 2 r Sab + r² Sbb)."""
    rng = np.random.default_rng(4)
    b = rng.gamma(4, 2, 60)
    a = 0.3 * b + rng.normal(0, 1, 60)
    found = ratio_of_sums(contributions(counted(list(zip(a.tolist(), b.tolist(), strict=True))), "it"))
    assert found.value == pytest.approx(a.sum() / b.sum())
    s = 60 * np.cov(a, b)
    for r in (found.low, found.high):
        spread = 1.959963984540054**2 * (s[0, 0] - 2 * r * s[0, 1] + r * r * s[1, 1])
        assert (a.sum() - r * b.sum()) ** 2 == pytest.approx(spread, rel=1e-6)
    assert found.low < found.value < found.high


def test_a_ratio_over_nothing_is_unknown_and_one_over_what_may_be_nothing_has_no_ends() -> None:
    assert not ratio_of_sums(contributions(counted([]), "it")).known
    assert not ratio_of_sums(contributions(counted([(1.0, 1.0), (1.0, -1.0)]), "it")).known
    wide = ratio_of_sums(contributions(counted([(1.0, 5.0), (2.0, -4.0), (1.0, 0.5)]), "it"))
    assert (wide.low, wide.high) == (-inf, inf)
    assert ratio_of_sums(contributions(counted([(1.0, 2.0)]), "it")).value == 0.5


def test_r42_intervals_of_totals_and_ratios_cover() -> None:
    """Over 2,000 simulated windows of 200 rows or so, the first 95% of them: 93 to 97%."""
    rng = np.random.default_rng(5)
    held = {"total": 0, "ratio": 0}
    for n in rng.poisson(200, 2000).tolist():
        b = rng.gamma(4, 2, n)
        a = 0.3 * b + rng.normal(0, 1, n)
        rows = contributions(
            Named(sums=_summed(a, b)),
            "it",
        )
        total, ratio = total_of_sums(rows.n, rows.per, rows.per_squares), ratio_of_sums(rows)
        held["total"] += total.low <= 200 * 8 <= total.high
        held["ratio"] += ratio.low <= 0.3 <= ratio.high
    assert all(0.93 <= hits / 2000 <= 0.97 for hits in held.values()), held


def _summed(a: np.ndarray, b: np.ndarray) -> dict[str, int]:
    """As `of_row` would, in one go."""
    one, two = 2.0**40, 2.0**80
    sums = {"a": a.sum() * one, "b": b.sum() * one, "a²": (a * a).sum() * two, "b²": (b * b).sum() * two}
    sums["ab"] = (a * b).sum() * two
    return {"it n": len(a), **{f"it {name}": round(float(amount)) for name, amount in sums.items()}}
