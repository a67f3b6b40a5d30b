"""The audit log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import Field

from engine import audit
from engine.audit import Entry
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, house, page, page_of, plain, tag

_TAGS = tag("Audit log", "What was done, by whom, when; provable.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verification found."""

    intact: bool
    rows: int
    streams: int
    checkpoints: int
    uncovered: int  #: rows that no checkpoint covers yet
    findings: list[str]
    lines: list[str]  #: the whole report as a person reads it


class WantedEntries(Listed):
    """Which rows are asked for."""

    stream: str | None = Field(default=None, max_length=300, description="`instance:<id>`, `model:<id>`, `system`.")
    actor: str | None = Field(default=None, max_length=200)
    act: str | None = Field(default=None, max_length=200, description="A name, or a prefix that ends in a dot.")
    subject: str | None = Field(default=None, max_length=300)
    after: datetime | None = None
    before: datetime | None = None


@api.get("/audit", tags=_TAGS, responses=page_of(Entry))
@needs("audit.view")
def list_entries(query: WantedEntries) -> dict[str, Any]:
    """Rows of the log, the newest first."""
    wanted = query.model_dump(exclude={"limit", "offset"})
    session = access.session()
    found = audit.entries(session, **wanted, limit=query.limit, offset=query.offset)
    return page(found, audit.count(session, **wanted))


@api.post("/audit/verification", tags=_TAGS, responses=answers(Verified))
@needs("audit.verify")
def verify_audit() -> dict[str, Any]:
    """Recompute every hash and check every checkpoint."""
    report = audit.verify(house())
    found: dict[str, Any] = plain(
        Verified(
            intact=report.intact,
            rows=report.rows,
            streams=report.streams,
            checkpoints=report.checkpoints,
            uncovered=report.uncovered,
            findings=[str(each) for each in report.findings],
            lines=report.lines(),
        )
    )
    return found
