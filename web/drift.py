"""Drift: what a version is asked and answers, held against its reference."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request
from werkzeug.datastructures import FileStorage

from engine.inferences import counts
from engine.inferences.counts import NoReference
from engine.inventory import queries
from engine.inventory.references import VersionRef
from engine.monitoring import drift, scans
from engine.monitoring.drift import ColumnDrift, Drift, WindowRefused
from engine.serving import environments
from engine.statistics.tallies import OUTPUT
from engine.training.frames import TableRefused
from web import access, lists
from web.access import needs, session

pages = Blueprint("drift", __name__)

COLUMNS: lists.Columns[ColumnDrift] = lists.Columns(
    "drift",
    {
        "column": lambda each: each.name,
        "state": lambda each: each.state,
        "psi": lambda each: each.psi.value,
        "psi low": lambda each: each.psi.low,
        "psi high": lambda each: each.psi.high,
        "statistic": lambda each: each.statistic,
        "effect": lambda each: each.effect.value,
        "effect low": lambda each: each.effect.low,
        "effect high": lambda each: each.effect.high,
        "error of cells": lambda each: each.error,
        "p": lambda each: each.p,
        "p adjusted": lambda each: each.adjusted,
        "missing": lambda each: each.missing.value,
        "missing in reference": lambda each: each.reference_missing,
        "outside": lambda each: each.outside.value,
        "another type": lambda each: each.foreign,
        "mean": lambda each: each.mean,
        "mean in reference": lambda each: each.reference_mean,
    },
)


@pages.get("/models/<model>/versions/<int:number>/drift")
@needs("model.view")
def page(model: str, number: int) -> str | Response:
    """Each column of a window against the reference: how far it moved, whether chance explains it, and where to."""
    ref = VersionRef(model, number)
    version, asked = queries.version(session(), ref), lists.asked("since", "until", "environment")
    since, until = _day("since"), _day("until", after=True)
    context = {
        "version": version,
        "model": queries.model(session(), model),
        "environments": [each.name for each in environments.ordered(session())],
    }
    try:
        found = drift.of_window(session(), ref, environment=asked["environment"] or None, since=since, until=until)
    except NoReference as missing:
        return render_template("drift/none.html", missing=missing, **context)
    return lists.answer("drift/page.html", lists.whole(asked, found.columns), COLUMNS, drift=found, **context)


@pages.post("/models/<model>/versions/<int:number>/drift")
@needs("model.view")
def of_file(model: str, number: int) -> str:
    """The same of the rows of an uploaded table; nothing of it is kept."""
    ref, upload = VersionRef(model, number), request.files.get("file")
    version = queries.version(session(), ref)
    if upload is None or not upload.filename:
        raise TableRefused(name="file", reason="no file was chosen")
    found = of_upload(ref, upload, request.form.get("output", "").strip()[:200])
    listing = lists.whole(lists.asked("since", "until", "environment"), found.columns)
    return render_template(
        "drift/file.html",
        version=version,
        model=queries.model(session(), model),
        listing=listing,
        drift=found,
        file=upload.filename.replace("\\", "/").rpartition("/")[2][:200],
    )


def of_upload(ref: VersionRef, upload: FileStorage, output: str) -> Drift:
    """The drift of the rows of an upload; output: the column that holds what the model answered, empty for none."""
    digest, reference = counts.reference_of(session(), ref)
    with TemporaryDirectory(prefix="gatewright-upload-") as folder:
        path = Path(folder) / "table"
        upload.save(path)
        tables = scans.sources(path, upload.filename or "file")
        scans.refuse_large(tables)
        scan = scans.count(reference, tables, named={OUTPUT: output} if output else None)
    return drift.of_scan(ref, digest, scan)


def _day(name: str, *, after: bool = False) -> datetime | None:
    """The beginning of a day of the house's zone, or of the day after it; raises WindowRefused."""
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise WindowRefused(reason=f"{name} is no date such as 2026-11-24") from None
    zone = ZoneInfo(access.store().settings.timezone)
    return datetime.combine(day + timedelta(days=after), time(), zone)
