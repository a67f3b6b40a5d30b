"""How often something happens in a time."""

from __future__ import annotations

from engine.statistics.registry import Estimate, metric, quantile


@metric("event_rate", unit="a second", better="low")
def event_rate(events: int, seconds: float, level: float = 0.95) -> Estimate:
    """Events a second, with the exact interval of a Poisson count.

        low = χ²(α/2; 2n) / 2T,   high = χ²(1 - α/2; 2n + 2) / 2T

    events: n, a count. seconds: T, above 0. Events that come in bursts are spread wider than the interval says.
    Source: Garwood (1936), Biometrika 28, 437-442.
    """
    import scipy.stats

    quantile(level)  # checks it
    if events < 0 or int(events) != events or not seconds > 0:
        raise ValueError(f"{events} events in {seconds} seconds are no rate")
    tail = (1 - level) / 2
    low = float(scipy.stats.chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    high = float(scipy.stats.chi2.ppf(1 - tail, 2 * events + 2)) / 2
    return Estimate(events / seconds, low / seconds, high / seconds, level)
