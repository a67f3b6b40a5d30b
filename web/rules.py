"""The rows of a model that break its business rules, as page and CSV."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from engine.inferences import business
from engine.inferences.business import Violation
from engine.inventory import business as declared
from engine.inventory import queries
from engine.serving import environments
from web import lists
from web.access import needs, session

pages = Blueprint("rules", __name__)


@pages.get("/models/<model>/violations")
@needs("inference.view")
def violations(model: str) -> str | Response:
    """The rows that break one rule of a model, the newest first, with the values that the rule reads."""
    found, asked = queries.model(session(), model), lists.asked("rule", "environment")
    rules = found.metadata.rules
    rule = next((each for each in rules if each.name == asked["rule"]), rules[0] if rules else None)
    reads: list[str] = []
    rows: Any = lists.whole(asked, [])
    if rule is not None:
        holds = declared.held(rule).holds
        reads = sorted(holds.columns) + sorted(holds.answered)
        listed = business.violations(
            session(),
            model,
            rule,
            environment=asked["environment"] or None,
            limit=asked.limit,
            offset=asked.offset,
        )
        rows = lists.counted(asked, listed.items, listed.total)
    return lists.answer(
        "rules/violations.html",
        rows,
        _columns(reads),
        model=found,
        rules=rules,
        rule=rule,
        on=declared.held(rule).on if rule else "",
        reads=reads,
        names=[(each.name, each.name) for each in rules],
        environments=[(each.name, each.title) for each in environments.ordered(session())],
    )


def _columns(reads: list[str]) -> lists.Columns[Violation]:
    def reading(name: str) -> Any:
        return lambda each: each.values[name]

    return lists.Columns(
        "violations",
        {
            "inference": lambda each: str(each.inference),
            "event time": lambda each: each.event_time,
            "logged": lambda each: each.logged_at,
            "version": lambda each: each.version,
            "environment": lambda each: each.environment,
            "rule": lambda each: each.rule,
            **{f"{name} ": reading(name) for name in reads},
        },
    )
