"""Feeds: where rows of models come from beside the scoring service, and what came of each window."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.inventory import queries
from engine.monitoring.feeds import arrivals, definitions, registry
from engine.monitoring.feeds.definitions import ORIGINS, FeedRefused
from engine.serving import environments
from web import access
from web.access import current_person, needs, session

pages = Blueprint("feeds", __name__)
#: fields of the form that are text as they are
_TEXTS = ("model", "environment", "kind", "owner", "origin", "cadence", "grace", "output")
_LOOKS = {"arrived": "done", "late": "attention", "empty": "failed", "missing": "failed", "corrupt": "failed"}


@pages.get("/feeds")
@needs("feed.view")
def listing() -> str:
    """All feeds by name, each with its last window."""
    found = definitions.listed(session())
    last = {each.name: next(iter(arrivals.last(session(), each.name, limit=1)), None) for each in found}
    return render_template("feeds/list.html", feeds=found, last=last, looks=_LOOKS)


@pages.get("/feeds/new")
@needs("feed.edit")
def new() -> str:
    """The form for another feed."""
    return _form({"cadence": "P1D", "grace": "PT1H", "origin": "internal", "kind": "folder"})


@pages.get("/feeds/<name>")
@needs("feed.view")
def page(name: str) -> str:
    """One feed: what was defined, and what came of its windows."""
    feed = definitions.get(session(), name)
    return render_template(
        "feeds/page.html",
        feed=feed,
        arrivals=arrivals.last(session(), name),
        looks=_LOOKS,
        kind=registry.get(feed.kind),
    )


@pages.get("/feeds/<name>/change")
@needs("feed.edit")
def change(name: str) -> str:
    """The form for a change of one feed."""
    feed = definitions.get(session(), name)
    given = {field: getattr(feed, field) for field in (*_TEXTS, "name", "paused")}
    return _form(
        {**given, "columns": json.dumps(dict(feed.columns)), "settings": json.dumps(dict(feed.settings))}, name=name
    )


@pages.post("/feeds")
@needs("feed.edit")
def define() -> Response | tuple[str, int]:
    """Makes a feed, or changes the one of this name."""
    given: dict[str, Any] = request.form.to_dict()
    name = given.get("name", "").strip()[:60]
    try:
        definitions.define(
            session(),
            current_person(),
            name=name,
            **{field: given.get(field, "").strip()[:200] for field in _TEXTS},
            columns=_object(name, "columns", given.get("columns", "")),
            settings=_object(name, "settings", given.get("settings", "")),
            paused="paused" in given,
        )
    except GatewrightError as refusal:
        return _form(given, name=given.get("known", ""), refusal=refusal), refusal.status
    flash(f"The feed {name} stands.", "done")
    return redirect(url_for("feeds.page", name=name))  # type: ignore[return-value]


@pages.post("/feeds/<name>/read")
@needs("feed.edit")
def read(name: str) -> Response:
    """Reads the last window that is due."""
    found = arrivals.read(access.store(), name)
    flash(f"The window of {found.since:%Y-%m-%d %H:%M} UTC: {found.state}, {found.rows:,} rows.", _LOOKS[found.state])
    return redirect(url_for("feeds.page", name=name))  # type: ignore[return-value]


def _object(name: str, field: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError as reason:
        raise FeedRefused(feed=name, field=field, reason=f"it is no JSON: {reason}") from reason
    if not isinstance(found, dict):
        raise FeedRefused(feed=name, field=field, reason="it is no JSON object")
    return found


def _form(given: dict[str, Any], *, name: str = "", refusal: GatewrightError | None = None) -> str:
    kinds = registry.all_kinds()
    settings = {
        each.name: {field: info.description or "" for field, info in each.settings.model_fields.items()}
        for each in kinds.values()
    }
    return render_template(
        "feeds/form.html",
        given=given,
        name=name,
        refusal=refusal,
        kinds=[(each.name, each.title) for each in kinds.values()],
        settings=settings,
        models=[(each.model.id, each.model.id) for each in queries.models(session(), limit=500).items],
        environments=[(each.name, each.name) for each in environments.ordered(session())],
        origins=[(each, each) for each in ORIGINS],
    )
