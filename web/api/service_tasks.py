"""Service tasks at work: limits and circuit breakers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from engine.runtime import limiting, limits
from engine.runtime.limiting import HandlerState
from engine.runtime.limits import Limits
from engine.store import transaction
from web import access
from web.access import needs
from web.api.blueprint import answers, api, house, plain, tag
from web.api.schemas import Int

_TAGS = tag("Service tasks", "What runs as jobs: its limits and breakers.")


class HandlerPath(BaseModel):
    """One service task."""

    handler: str = Field(max_length=200, description="Its name.")


class NewLimits(BaseModel):
    """The limits that shall hold in place of those that are declared; what is left out does not hold at all."""

    concurrency: Int | None = Field(default=None, ge=0, le=99_999, description="Jobs at a time, over all workers.")
    rate: str | None = Field(default=None, max_length=40, description="Starts/seconds, such as 10/60.")
    breaker: str | None = Field(default=None, max_length=40, description="Failures in a row/seconds, such as 5/30.")
    reason: str = Field(min_length=1, max_length=2000, description="Kept in the audit log.")


class Reason(BaseModel):
    """Why it is done."""

    reason: str = Field(min_length=1, max_length=2000, description="Kept in the audit log.")


class BreakerToClose(Reason):
    """A breaker, and why it is closed."""

    target: str = Field(default="", max_length=200, description="The outside thing; empty for the whole handler.")


@api.get("/service-tasks", tags=_TAGS, responses=answers(list[HandlerState]))
@needs("instance.view")
def list_service_tasks() -> list[Any]:
    """Every service task that runs as a job: what it has to do, its limits, breakers that are not at rest."""
    found: list[Any] = plain(limiting.overview(access.session()))
    return found


@api.put("/service-tasks/<handler>/limits", tags=_TAGS, responses=answers(HandlerState))
@needs("instance.operate")
def set_limits(path: HandlerPath, body: NewLimits) -> Any:
    """Set limits in place of those that are declared; they hold at once, on every worker."""
    wanted = Limits(
        concurrency=body.concurrency,
        rate=limits.rate(body.rate) if body.rate else None,
        breaker=limits.breaker(body.breaker) if body.breaker else None,
    )
    limiting.set_limits(house(), access.current_person(), path.handler, wanted, body.reason)
    return _state(path.handler)


@api.post("/service-tasks/<handler>/as-declared", tags=_TAGS, responses=answers(HandlerState))
@needs("instance.operate")
def forget_limits(path: HandlerPath, body: Reason) -> Any:
    """Have the declared limits hold again."""
    limiting.forget_limits(house(), access.current_person(), path.handler, body.reason)
    return _state(path.handler)


@api.post("/service-tasks/<handler>/close-breaker", tags=_TAGS, responses=answers(HandlerState))
@needs("instance.operate")
def close_breaker(path: HandlerPath, body: BreakerToClose) -> Any:
    """Close a breaker: the jobs that wait in line run again."""
    limiting.close_breaker(house(), access.current_person(), path.handler, body.target, body.reason)
    return _state(path.handler)


def _state(handler: str) -> Any:
    with transaction(access.store()) as session:
        return plain(next(each for each in limiting.overview(session) if each.handler == handler))
