"""The audit trail: what was done, by whom, when, and whether the log proves itself."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template

from engine import audit
from web import access, lists
from web.access import needs, session

pages = Blueprint("audit_trail", __name__)

COLUMNS: lists.Columns[audit.Entry] = lists.Columns(
    "audit-trail",
    {
        "at": lambda each: each.at,
        "stream": lambda each: each.stream,
        "number": lambda each: each.seq,
        "act": lambda each: each.act,
        "actor": lambda each: each.actor,
        "subject": lambda each: each.subject,
        "facts": lambda each: dict(each.facts),
        "hash": lambda each: each.hash,
    },
)


@pages.get("/audit")
@needs("audit.view")
def listing() -> str | Response:
    """The log, newest first, by stream, actor, act, subject and day."""
    asked = lists.asked("stream", "actor", "act", "subject", "since", "until")
    matching = {
        **{name: asked[name] or None for name in ("stream", "actor", "act", "subject")},
        "after": _day(asked["since"]),
        "before": _day(asked["until"], days=1),
    }
    rows = audit.entries(session(), **matching, limit=asked.limit, offset=asked.offset)  # type: ignore[arg-type]
    total = audit.count(session(), **matching)  # type: ignore[arg-type]
    return lists.answer("audit_trail/list.html", lists.counted(asked, rows, total), COLUMNS)


@pages.get("/audit/<path:stream>/<int:seq>")
@needs("audit.view")
def entry(stream: str, seq: int) -> str:
    """One row of the log with all its facts."""
    total = audit.count(session(), stream=stream)
    # Newest first by time and number: a stream's rows have no gaps, so the row is at a known place.
    found = audit.entries(session(), stream=stream, limit=1, offset=total - seq) if 0 < seq <= total else []
    if not found:
        abort(404)
    return render_template("audit_trail/entry.html", entry=found[0], total=total)


@pages.post("/audit/export")
@needs("audit.export")
def export() -> Response:
    """The log as a zip file that proves itself without this server."""
    with tempfile.TemporaryDirectory(prefix="gatewright-") as name:
        folder = Path(name) / "audit-log"
        audit.export(access.house(), folder)
        archive = shutil.make_archive(str(Path(name) / "audit-log"), "zip", name, "audit-log")
        content = Path(archive).read_bytes()
    response = Response(content, mimetype="application/zip")
    response.headers["Content-Disposition"] = 'attachment; filename="audit-log.zip"'
    return response


@pages.post("/audit/verify")
@needs("audit.verify")
def verify() -> str:
    """Recomputes every hash and checks every checkpoint."""
    return render_template("audit_trail/verified.html", report=audit.verify(access.house()))


def _day(text: str, *, days: int = 0) -> datetime | None:
    try:
        day = datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - given its zone in the next line
    except ValueError:
        return None
    return day.replace(tzinfo=ZoneInfo(access.store().settings.timezone)) + timedelta(days=days)
