"""Whether the rules that a model declares hold of its rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from engine.inferences import outcomes
from engine.inventory import business as declared
from engine.inventory import queries
from engine.inventory.business import Rule
from engine.monitoring import business
from engine.monitoring.measures import Default, Reading, Scope, measure
from engine.statistics import Estimate
from engine.statistics.named import Named
from engine.statistics.wilson import wilson


@measure(
    "rules",
    dimension="business",
    bounds={
        "violation_share": Default(0.01, 0.05, "ours, as for requests that fail"),
        "violations": Default(1, math.inf, "the rule's own: one that allows none is broken by one row"),
    },
)
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """The share of rows that break each declared rule; of a rule that allows none, their number beside it."""
    rules = queries.model(session, scope.version.model).metadata.rules
    if not rules:
        return []
    counts = outcomes.window(
        session, scope.version, environment=scope.environment, since=scope.since, until=scope.until
    )
    return [reading for rule in rules for reading in _readings(rule, counts, scope.level)]


def _readings(rule: Rule, counts: Named, level: float) -> Iterator[Reading]:
    held = declared.held(rule)
    broken, kept, unknown = business.rule_counts(counts, held.digest)
    told = broken + kept
    detail = {"on": held.on, "expression": rule.expression, "broken": broken, "unknown": unknown}
    if not rule.max_share and told:
        yield Reading(
            metric="violations",
            subject=rule.name,
            value=Estimate(broken, broken, broken, level),
            rows=told,
            unit="rows",
            better="low",
            bounds=(1, 1 if rule.severity == "breach" else math.inf),
            detail=detail,
        )
    share = wilson(broken, told, level)
    most = rule.max_share
    yield Reading(
        metric="violation_share",
        subject=rule.name,
        value=share,
        rows=told,
        unit="proportion",
        better="low",
        p=_p(broken, told, most) if most and told else math.nan,
        # One that allows none is judged by the number above; its share has what bounds people approve, or the default.
        bounds=(most, most if rule.severity == "breach" else math.inf) if most else None,
        detail=detail,
    )


def _p(broken: int, told: int, most: float) -> float:
    """The chance of so many or more where the share that is allowed is the true one: the binomial's upper tail."""
    import scipy.special

    return 1.0 if broken == 0 else float(scipy.special.bdtrc(broken - 1, told, most))
