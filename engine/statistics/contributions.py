"""What rows contribute to a figure, as exact sums: they add up over any parts, in any order.

Of each row a value a, and of a ratio a second one b: kept are how many there were, how many could not be told, and the
sums of a, a², b, b², ab, in whole units of 2**-40.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from engine.statistics.named import Named
from engine.statistics.outcomes import BITS, Sums

_UNIT = 2.0**BITS
_PARTS = ("a", "a²", "b", "b²", "ab")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributions:
    """What so many rows contributed."""

    n: int
    unknown: int  #: rows whose contribution could not be told
    total: Fraction
    squares: Fraction
    per: Fraction  #: of a ratio: what the total is divided by; else 0
    per_squares: Fraction
    products: Fraction


def of_row(key: str, value: float | None, per: float | None = None, *, ratio: bool = False) -> Sums:
    """What one row adds under a key; None: it could not be told. Values up to 1e15 from zero."""
    if value is None or (ratio and per is None):
        return ((f"{key} unknown", 1),)
    # A power of two moves no bit: the rounding is that of the unit alone.
    a = round(value * _UNIT)
    if not ratio or per is None:
        return (f"{key} n", 1), (f"{key} a", a), (f"{key} a²", a * a)
    b = round(per * _UNIT)
    return (
        (f"{key} n", 1),
        (f"{key} a", a),
        (f"{key} a²", a * a),
        (f"{key} b", b),
        (f"{key} b²", b * b),
        (f"{key} ab", a * b),
    )


def contributions(counts: Named, key: str) -> Contributions:
    """All that was added under a key."""
    a, squares, b, per_squares, products = (
        Fraction(counts.sums.get(f"{key} {part}", 0), 2 ** (BITS * (1 if len(part) == 1 else 2))) for part in _PARTS
    )
    return Contributions(
        n=counts.sums.get(f"{key} n", 0),
        unknown=counts.sums.get(f"{key} unknown", 0),
        total=a,
        squares=squares,
        per=b,
        per_squares=per_squares,
        products=products,
    )
