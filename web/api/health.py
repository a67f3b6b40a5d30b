"""Whether the house lives, takes work, and how much there is of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.governance.portfolio import Line
from engine.governance.portfolio import portfolio as whole_portfolio
from engine.runtime import queries
from web import access, probes
from web.access import anyone, needs
from web.api.blueprint import Listed, answers, api, page, page_of, tag

_TAGS = tag("Health", "Whether it lives, and how much there is.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A sign of life."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether work is taken, and what that rests on: `ok`, or what is wrong."""

    status: str
    checks: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much there is of what an operator looks at first."""

    running: int
    open_tasks: int
    incidents: int
    jobs: int
    messages: int


@api.get("/health", tags=_TAGS, security=[], responses=answers(Health))
@anyone
def health() -> dict[str, Any]:
    """Whether this process answers; asks nothing of the database."""
    return {"status": "alive"}


@api.get("/ready", tags=_TAGS, security=[], responses=answers(Readiness))
@anyone
def ready() -> Any:
    """Whether this process takes work: the database answers and is migrated, files can be written; else 503."""
    found = probes.readiness(access.store())
    return found if found["status"] == "ready" else (found, 503)


@api.get("/counts", tags=_TAGS, responses=answers(Counts))
@needs("instance.view")
def counts() -> dict[str, Any]:
    """What runs, what waits, what stands in the way."""
    return dict(queries.counts(access.session()))


@api.get("/portfolio", tags=_TAGS, responses=page_of(Line))
@needs("model.view")
def portfolio(query: Listed) -> dict[str, Any]:
    """Every model: where it stands, where it runs, what is open."""
    found = whole_portfolio(access.session(), limit=query.limit, offset=query.offset)
    return page(found.lines, found.total)
