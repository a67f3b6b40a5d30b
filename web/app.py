"""The factory of the web application: pages, API, and what holds for every request."""

from __future__ import annotations

import importlib.util

from flask import Flask, request, url_for
from jinja2 import StrictUndefined

from engine import handlers
from engine.identity import ROLES
from engine.store import Store
from web import (
    access,
    account,
    alerts,
    audit_trail,
    batches,
    bundle,
    delivery,
    differences,
    documents,
    drift,
    environments,
    errors,
    explanations,
    feeds,
    findings,
    headers,
    home,
    importing,
    inbox,
    inferences,
    library,
    life_cycles,
    live,
    models,
    monitors,
    navigation,
    observing,
    operating,
    operations,
    people,
    plots,
    portfolio,
    production,
    rules,
    schedules,
    service_tasks,
    sign_in,
    versions,
    waits,
    words,
)

PAGES = (
    home,
    sign_in,
    account,
    inbox,
    alerts,
    life_cycles,
    operating,
    waits,
    library,
    models,
    versions,
    production,
    inferences,
    batches,
    importing,
    drift,
    operations,
    portfolio,
    rules,
    delivery,
    differences,
    monitors,
    findings,
    schedules,
    service_tasks,
    environments,
    explanations,
    feeds,
    audit_trail,
    people,
    live,
    observing,
)
#: a request without a file; what uploads says so with `uploads`
_SMALL = 4 << 20


def create_app(house: Store, *, testing: bool = False) -> Flask:
    """The application on an open store. Behind a proxy, configure the proxy headers there: none is trusted here."""
    handlers.load()
    app = Flask("web", static_folder="static/dist", static_url_path="/static")
    app.config.update(
        TESTING=testing,
        MAX_CONTENT_LENGTH=house.settings.upload_limit_mb << 20,
        MAX_FORM_MEMORY_SIZE=_SMALL,
        MAX_FORM_PARTS=500,
    )
    if testing:
        app.config["PROPAGATE_EXCEPTIONS"] = False  # an error page is an answer in tests, too
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    observing.install(app)  # first, so that what others refuse is measured, too
    headers.install(app, house.settings)
    app.before_request(_limit_bodies)  # before anything reads what was sent
    access.install(app, house)
    errors.install(app)
    words.install(app, house.settings, house.clock)
    # Globals and not a context processor: macros see them, too.
    app.jinja_env.globals.update(
        person=access.known_person,
        permitted=access.permitted,
        csrf_token=access.csrf_token,
        navigation=navigation.entries,
        asset=_asset,
        intervals=plots.intervals,
        curve=plots.curve,
        document=documents.rendered,
        roles=ROLES,
    )
    for module in PAGES:
        app.register_blueprint(module.pages)
    if importlib.util.find_spec("web.api") is not None:
        importlib.import_module("web.api").register(app)
    return app


def _asset(name: str) -> str:
    return url_for("static", filename=bundle.file_name(name))


def _limit_bodies() -> None:
    view = request.endpoint or ""
    if not view.startswith(
        ("models.", "versions.", "drift.", "production.", "batches.")
    ) and not request.path.startswith("/api/"):
        request.max_content_length = _SMALL
