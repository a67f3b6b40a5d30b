"""Whether a series of readings moves towards a bound, and when it will be there."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import inner, numbers, same_length
from engine.statistics.registry import Estimate

FEWEST = 12  #: readings under which nothing is said
_FEWEST_WORTH = 10  #: and independent ones that they are worth: from fewer a wave cannot be told from a trend
_SIGNIFICANCE = (
    0.001  #: of the slope, one-sided: one quiet series in a thousand, with room for what the model leaves out
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A trend and the moment at which it meets a bound; moments in the unit of the given times."""

    slope: Estimate  #: per unit of time
    p: float  #: of a slope so steep towards the bound where there is none, autocorrelation allowed for
    autocorrelation: float  #: of neighbouring readings around the trend
    crosses: float  #: when the trend meets the bound; inf where it does not, nan where nothing is said
    earliest: float  #: when the side of its band that is nearer to the bound does
    latest: float  #: and the side that is further
    warns: bool  #: the trend is real, and meets the bound within the horizon


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The line through a series of readings."""

    slope: Estimate  #: per unit of time
    autocorrelation: float  #: of neighbouring readings around the line
    worth: float  #: of how many independent readings the series tells as much
    middle: float  #: the mean time, and the mean reading
    mean: float
    error: float  #: of a reading around the line
    s_slope: float  #: of the slope
    level_t: float  #: Student's t of the slope's interval
    exact: bool  #: every reading lies on the line


def trend(times: ArrayLike, values: ArrayLike, level: float = 0.95) -> Trend | None:
    """The linear trend of a series, as `forecast` has it; None where fewer than 12 readings, or what they are worth
    (under 10 independent ones), say nothing. times: ascending, shape (n,)."""
    import scipy.special

    t, y = numbers(times, "times"), numbers(values, "values")
    same_length(times=t, values=y)
    n = len(t)
    if (np.diff(t) <= 0).any():
        raise ValueError(f"times[{int((np.diff(t) <= 0).argmax()) + 1}] is not after the one before it")
    if n < FEWEST:
        return None
    middle, mean = float(t.mean()), float(y.mean())
    spread = inner(t - middle, t - middle)
    slope = inner(t - middle, y) / spread
    rest = y - mean - slope * (t - middle)
    squares = inner(rest, rest)
    tiny = squares <= 1e-24 * n * max(1.0, float(np.abs(y).max())) ** 2
    r = 0.0 if tiny else max(0.0, (n * inner(rest[1:], rest[:-1]) / squares + 2) / (n - 4))
    worth = n * (1 - r) / (1 + r)
    if worth < _FEWEST_WORTH:
        return None
    error = sqrt(squares / (worth - 2))
    s_slope = error / sqrt(spread)
    t_level = float(scipy.special.stdtrit(worth - 2, (1 + level) / 2))
    return Trend(
        slope=Estimate(slope, slope - t_level * s_slope, slope + t_level * s_slope, level),
        autocorrelation=r,
        worth=worth,
        middle=middle,
        mean=mean,
        error=error,
        s_slope=s_slope,
        level_t=t_level,
        exact=tiny,
    )


def forecast(
    times: ArrayLike, values: ArrayLike, bound: float, horizon: float, *, above: bool = True, level: float = 0.95
) -> Forecast:
    """The linear trend of a series of readings, and when it meets a bound that has not been met yet.

        value = a + b t + e,  s_b² = Σ e² / (n' - 2) / Σ (t - mean)²,  n' = n (1 - r) / (1 + r)

    where r is the autocorrelation of neighbouring residuals, (n r1 + 2) / (n - 4) against its bias around a fitted
    trend, not under 0. The slope is compared with Student's t of n' - 2 degrees; the line has the band
    a + b t ± t s(t).
    It warns where p of the slope is under 0.001 and the line meets the bound not later than `horizon` after the last
    reading. A reading that lies beyond the bound already is a breach and no matter of a forecast: nothing is said.
    times: ascending, shape (n,). above: the bound is met from below; else from above. Fewer than 12 readings, or
    worth fewer than 10 independent ones: unknown. Not for seasons: of what swings by the week give whole weeks.
    Source: Santer et al. (2000), Journal of Geophysical Research 105, 7337-7356, section 4; the bias of r1 by Kendall
    (1954), Biometrika 41, 403-404.
    """
    import scipy.special

    if not horizon > 0:
        raise ValueError(f"horizon is {horizon}, not above 0")
    found = trend(times, values, level)
    side = 1.0 if above else -1.0
    if found is None or side * (float(np.asarray(values)[-1]) - bound) >= 0:
        return Forecast(
            slope=Estimate.unknown(level),
            p=nan,
            autocorrelation=nan,
            crosses=nan,
            earliest=nan,
            latest=nan,
            warns=False,
        )
    middle, mean, worth, error, s_slope = found.middle, found.mean, found.worth, found.error, found.s_slope
    t_level, towards, last = found.level_t, side * found.slope.value, float(np.asarray(times)[-1])
    p = (
        float(scipy.special.stdtr(worth - 2, -towards / s_slope))
        if s_slope and not found.exact
        else (0.0 if towards > 0 else 1.0)
    )

    def meets(away: float) -> float:
        """When the line, moved towards the bound by so many of its errors, meets it; never before the last reading."""
        # Within the band: (a + b x - bound)² = (away s(x))², the first x after the last reading that fulfils it.
        gap, level_error = side * (bound - mean), away * error / sqrt(worth)
        a, b = towards**2 - (away * s_slope) ** 2, -2 * towards * gap
        roots = [x + middle for x in _roots(a, b, gap**2 - level_error**2)]
        fitting = [x for x in roots if x >= last and _sign(gap - towards * (x - middle)) == _sign(away)]
        if fitting:
            return min(fitting)
        at_last = towards * (last - middle) + away * sqrt((error / sqrt(worth)) ** 2 + (s_slope * (last - middle)) ** 2)
        return last if at_last >= gap else inf

    crosses = max(last, middle + side * (bound - mean) / towards) if towards > 0 else inf
    warns = p < _SIGNIFICANCE and crosses <= last + horizon
    return Forecast(
        slope=found.slope,
        p=p,
        autocorrelation=found.autocorrelation,
        crosses=crosses,
        earliest=crosses if found.exact else min(meets(t_level), crosses),
        latest=crosses if found.exact else max(meets(-t_level), crosses),
        warns=warns,
    )


def _sign(value: float) -> float:
    return float(np.sign(value))


def _roots(a: float, b: float, c: float) -> list[float]:
    """Of a x² + b x + c, the real ones."""
    if a == 0:
        return [-c / b] if b else []
    under = b * b - 4 * a * c
    if under < 0:
        return []
    found = [(-b - sqrt(under)) / (2 * a), (-b + sqrt(under)) / (2 * a)]
    return [each for each in found if isfinite(each)]
