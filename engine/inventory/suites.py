"""What each suite of tests holds a version to, out of all that its model declares."""

from __future__ import annotations

from collections.abc import Mapping

from engine.inventory import thresholds as declared

SUITES: dict[str, str] = {
    "smoke": "It loads, scores every test row, and its metrics can be measured; no threshold decides.",
    "performance": "The thresholds of the whole: AUC, calibration, errors.",
    "fairness": "The thresholds by group, against the declared reference group.",
    "rehearsal": "The whole of what will run loads and scores once more, just before it goes live.",
}
#: metrics of one group against another
BY_GROUP = frozenset({"impact_ratio", "rate_difference"})


def thresholds(suite: str, of_model: Mapping[str, float]) -> dict[str, float]:
    """Those of the model's thresholds that the suite holds the version to; the cut-off belongs to every one."""
    kept = {name: bound for name, bound in of_model.items() if name == "cut_off"}
    if suite in ("performance", "fairness"):
        for name, (metric, _, bound) in declared.bounds(of_model).items():
            if (metric in BY_GROUP) == (suite == "fairness"):
                kept[name] = bound
    return kept


def protected(suite: str, of_model: Mapping[str, str]) -> dict[str, str]:
    """The protected columns that the suite looks at, each with its reference group."""
    return dict(of_model) if suite == "fairness" else {}
