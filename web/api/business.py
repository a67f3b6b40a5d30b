"""What models bring, and which rows break their rules."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.errors import GatewrightError
from engine.inferences import business as noted
from engine.inferences.business import Violation
from engine.inventory import queries
from engine.monitoring import business
from engine.monitoring.business import Value
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, page, page_of, plain, tag
from web.api.models import ModelPath

_TAGS = tag("Business", "What models bring, and which rows break their rules.")


class RuleUnknown(GatewrightError):
    """{model} declares no rule named {rule!r}; it declares {known}."""

    code = "rule-unknown"
    hint = "Name one of them; the model's page shows what it declares."
    status = 404


class WantedViolations(Listed):
    """Which violations are asked for."""

    rule: str = Field(max_length=100, description="The rule's name.")
    environment: str | None = Field(default=None, max_length=100)


@api.get("/models/<model>/value", tags=_TAGS, responses=answers(list[Value]))
@needs("model.view")
def show_value(path: ModelPath) -> list[Any]:
    """The declared KPIs since the deployment: by day with interval, what came together, and the trend."""
    found: list[Any] = plain(business.values(access.session(), [queries.model(access.session(), path.model)]))
    return found


@api.get("/models/<model>/violations", tags=_TAGS, responses=page_of(Violation))
@needs("inference.view")
def list_violations(path: ModelPath, query: WantedViolations) -> dict[str, Any]:
    """The rows that break a business rule, the newest first, with the values that the rule reads."""
    rules = {each.name: each for each in queries.model(access.session(), path.model).metadata.rules}
    if query.rule not in rules:
        raise RuleUnknown(model=path.model, rule=query.rule, known=", ".join(rules) or "none")
    found = noted.violations(
        access.session(),
        path.model,
        rules[query.rule],
        environment=query.environment,
        limit=query.limit,
        offset=query.offset,
    )
    return page(found.items, found.total)
