"""Life cycles that start by themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from engine.runtime import queries, schedules
from engine.runtime.values import Schedule
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, page, page_of, plain, tag

_TAGS = tag("Schedules", "Life cycles that start by themselves.")


class SchedulePath(BaseModel):
    """One schedule."""

    schedule: str = Field(max_length=200, description="Its name.")


class WantedSchedules(Listed):
    """Which schedules are asked for."""

    search: str = Field(default="", max_length=200)


class NewSchedule(BaseModel):
    """A schedule to be added."""

    name: str = Field(min_length=1, max_length=200)
    process: str = Field(max_length=200, description="The life cycle to start.")
    timing: str = Field(max_length=200, description="Cron (`0 6 * * 1`) or an ISO 8601 repeating interval (`R/PT1H`).")
    subject: str = Field(default="", max_length=200, description="What it is about: a model's id.")
    answer: dict[str, Any] = Field(default={}, description="The answer to the start form.")
    timezone: str = Field(default="UTC", max_length=100)
    missed: str = Field(default="run_once", max_length=20, description="What was missed: run_once, run_all or skip.")


@api.get("/schedules", tags=_TAGS, responses=page_of(Schedule))
@needs("schedule.view")
def list_schedules(query: WantedSchedules) -> dict[str, Any]:
    """The schedules, each with its last run."""
    found = queries.schedules(access.session(), **query.model_dump())
    return page(found.rows, found.total)


@api.post("/schedules", tags=_TAGS, responses=answers(Schedule, 201))
@needs("schedule.edit")
def add_schedule(body: NewSchedule) -> tuple[dict[str, Any], int]:
    """Add a schedule."""
    id = schedules.add(
        access.session(),
        access.current_person(),
        body.name,
        body.process,
        body.timing,
        subject=body.subject,
        variables=body.answer,
        timezone=body.timezone,
        missed=body.missed,
    )
    return _of(id, body.name), 201


@api.post("/schedules/<schedule>/pause", tags=_TAGS, responses=answers(None, 204))
@needs("schedule.edit")
def pause_schedule(path: SchedulePath) -> tuple[str, int]:
    """Stop a schedule from firing."""
    schedules.pause(access.session(), access.current_person(), path.schedule)
    return "", 204


@api.post("/schedules/<schedule>/resume", tags=_TAGS, responses=answers(None, 204))
@needs("schedule.edit")
def resume_schedule(path: SchedulePath) -> tuple[str, int]:
    """Let a schedule fire again, from now on."""
    schedules.pause(access.session(), access.current_person(), path.schedule, paused=False)
    return "", 204


def _of(id: UUID, name: str) -> dict[str, Any]:
    access.session().flush()
    found = queries.schedules(access.session(), search=name, limit=500).rows
    one: dict[str, Any] = plain(next(each for each in found if each.id == id))
    return one
