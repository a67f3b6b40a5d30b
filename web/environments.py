"""Environments: where versions run, in which order they are promoted, and who lets a version in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.identity import ROLES
from engine.serving import environments, targets
from engine.serving import queries as serving
from engine.serving.environments import Environment, EnvironmentInvalid
from web.access import current_person, needs, session

pages = Blueprint("environments", __name__)


@pages.get("/environments")
@needs("deployment.view")
def listing() -> str:
    """All environments in the order of promotion, each with what answers there."""
    answering: dict[str, list[str]] = {}
    for route in serving.routes(session()):
        answering.setdefault(route.environment, []).append(route.model)
    return render_template("environments/list.html", environments=environments.ordered(session()), answering=answering)


@pages.get("/environments/new")
@needs("environment.edit")
def new() -> str:
    """The form for another environment."""
    return _form({"target": "local", "promoters": []})


@pages.get("/environments/<name>")
@needs("environment.edit")
def page(name: str) -> str:
    """The form for a change of one environment."""
    found = environments.get(session(), name)
    return _form(_given(found), name=name)


@pages.post("/environments")
@needs("environment.edit")
def define() -> Response | tuple[str, int]:
    """Makes an environment, or changes the one of this name."""
    several = {field: request.form.getlist(field) for field in ("promoters", "targets")}
    given: dict[str, Any] = {**request.form.to_dict(), **several}
    name = given.get("name", "").strip()[:40]
    try:
        known = {each.name: each for each in environments.ordered(session())}
        environments.define(
            session(),
            current_person(),
            name=name,
            title=given.get("title", "").strip()[:200],
            target=given.get("target", ""),
            position=_number(name, given.get("position", "")),
            promoters=given["promoters"],
            settings=_settings(known[name].settings if name in known else {}, given),
        )
    except GatewrightError as refusal:
        return _form(given, name=given.get("known", ""), refusal=refusal), refusal.status
    flash(f"The environment {name} stands.", "done")
    return redirect(url_for("environments.listing"))  # type: ignore[return-value]


def _settings(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the form does not show stays as it was."""
    others = [each for each in given["targets"] if each != given.get("target", "")]
    kept = {name: value for name, value in before.items() if name != "targets"}
    return {**kept, "targets": others} if others else kept


def _number(name: str, text: str) -> int:
    if not text.strip().isdecimal() or len(text) > 8:
        raise EnvironmentInvalid(name=name, field="position", reason=f"{text[:20]!r} is no place in an order")
    return int(text)


def _given(found: Environment) -> dict[str, Any]:
    return {
        "name": found.name,
        "title": found.title,
        "target": found.target,
        "position": str(found.position),
        "promoters": list(found.promoters),
        "targets": list(found.settings.get("targets", ())),
    }


def _form(given: dict[str, Any], *, name: str = "", refusal: GatewrightError | None = None) -> str:
    return render_template(
        "environments/form.html",
        given=given,
        name=name,
        refusal=refusal,
        targets=[(each, each) for each in targets.names()],
        roles=ROLES,
    )
