"""Models: the list, registration, and the page of one model with its versions, risks, deployments and life cycles."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine import audit
from engine.errors import GatewrightError
from engine.governance import approvals, tiers
from engine.identity import ROLES
from engine.inferences import queries as inferences
from engine.inventory import completeness, kinds, metadata, models, queries, risks
from engine.inventory.metadata import Metadata, MetadataRefused
from engine.inventory.references import stream
from engine.inventory.values import Model, ModelSummary
from engine.monitoring import business
from engine.monitoring import queries as monitoring
from engine.runtime import queries as runtime
from engine.serving import environments, targets
from engine.serving import queries as serving
from engine.store import now
from web import access, lists, value
from web.access import current_person, needs, session

pages = Blueprint("models", __name__)

COLUMNS: lists.Columns[ModelSummary] = lists.Columns(
    "models",
    {
        "model": lambda each: each.model.id,
        "name": lambda each: each.model.name,
        "kind": lambda each: each.model.kind,
        "tool": lambda each: each.model.tool,
        "owner": lambda each: each.model.owner,
        "team": lambda each: each.model.team,
        "tier": lambda each: each.model.tier,
        "state": lambda each: each.state,
        "versions": lambda each: each.n_versions,
        "latest version": lambda each: str(each.latest or ""),
        "open risks": lambda each: each.open_risks,
        "open high risks": lambda each: each.open_high_risks,
        "registered": lambda each: each.model.registered_at,
    },
)


@pages.get("/models")
@needs("model.view")
def listing() -> str | Response:
    """The models, by tier, kind, owner, tool and state."""
    asked = lists.asked("tier", "kind", "owner", "tool", "state")
    routes = {route.model: route for route in serving.routes(session())}
    narrowed = bool(asked["tool"]) or asked["state"] in ("deployed", "not deployed")
    found = queries.models(
        session(),
        search=asked.search,
        kind=asked["kind"] or None,
        owner=asked["owner"] or None,
        tier=asked["tier"] or None,
        retired={"retired": True, "": None}.get(asked["state"], False),
        limit=lists.MOST if narrowed else asked.limit,
        offset=0 if narrowed else asked.offset,
    )
    if narrowed:
        fits = [
            each
            for each in found.items
            if asked["tool"].lower() in each.model.tool.lower()
            and (asked["state"] not in ("deployed", "not deployed")
                 or (each.model.id in routes) == (asked["state"] == "deployed"))
        ]  # fmt: skip
        rows = lists.whole(asked, fits)
    else:
        rows = lists.counted(asked, found.items, found.total)
    return lists.answer(
        "models/list.html",
        rows,
        COLUMNS,
        routes=routes,
        kinds=sorted(kinds.all_kinds()),
        tiers=tiers.names(),
        mlflow=bool(access.store().settings.mlflow_url),
    )


@pages.get("/models/new")
@needs("model.register")
def new() -> str:
    """The form for a new model."""
    return _form(None, {"owner": current_person().id, "environment": "production"})


@pages.post("/models")
@needs("model.register")
def register() -> Response | tuple[str, int]:
    """Registers a model from the form, or from a model.yaml."""
    values: dict[str, Any] = {}
    try:
        values = _values()
        model = models.register(session(), current_person(), metadata.read(values))
    except GatewrightError as refusal:
        return _form(None, request.form, refusal), refusal.status
    flash(f"{model.name} is registered. Next: add its first version.", "done")
    return _to(model.id)


@pages.get("/models/<model>/edit")
@needs("model.edit")
def change(model: str) -> str:
    """The form for what is declared of a model."""
    found = queries.model(session(), model)
    return _form(found, _as_form(found.metadata))


@pages.post("/models/<model>/edit")
@needs("model.edit")
def edit(model: str) -> Response | tuple[str, int]:
    """Declares fields of a model anew; approvals given on the old ones are void."""
    found = queries.model(session(), model)
    try:
        values = {name: value for name, value in _values().items() if name != "id"}
        models.edit(session(), current_person(), model, values, revision=request.form.get("revision", type=int))
    except GatewrightError as refusal:
        return _form(found, request.form, refusal), refusal.status
    flash("The model is saved.", "done")
    return _to(model)


@pages.get("/models/<model>")
@needs("model.view")
def page(model: str) -> str:
    """All of one model on one page."""
    return _page(model)


@pages.post("/models/<model>/risks")
@needs("risk.edit")
def open_risk(model: str) -> Response | tuple[str, int]:
    """Opens a risk."""
    given = request.form
    try:
        risks.open(
            session(),
            current_person(),
            model,
            level=given.get("level", ""),
            title=given.get("title", "")[:300],
            owner=given.get("owner", ""),
            due=_day(given.get("due", "")),
            description=given.get("description", "")[:4000],
        )
    except GatewrightError as refusal:
        return _page(model, refusal=refusal), refusal.status
    flash("The risk is open.", "attention")
    return _to(model)


@pages.post("/models/<model>/risks/<uuid:risk>/close")
@needs("risk.edit")
def close_risk(model: str, risk: UUID) -> Response | tuple[str, int]:
    """Closes a risk with a word on how."""
    try:
        risks.close(session(), current_person(), risk, resolution=request.form.get("resolution", "")[:4000])
    except GatewrightError as refusal:
        return _page(model, refusal=refusal), refusal.status
    flash("The risk is closed.", "done")
    return _to(model)


@pages.post("/models/<model>/retire")
@needs("model.edit")
def request_retirement(model: str) -> Response | tuple[str, int]:
    """Asks the model's life cycle for its retirement, which needs an approval of its own."""
    reason = request.form.get("reason", "").strip()[:2000]
    if not reason:
        return _page(model, wrong_reason="Say why it shall retire."), 422
    models.ask_for_retirement(session(), current_person(), model, reason=reason)
    flash("The retirement is asked for: the life cycle of the model takes it up.", "done")
    return _to(model)


def _page(model: str, *, refusal: GatewrightError | None = None, wrong_reason: str = "") -> str:
    found = queries.model(session(), model)
    versions = queries.versions(session(), model)
    window = inferences.Window(model=model)
    values = business.values(session(), [found])
    return render_template(
        "models/page.html",
        model=found,
        declared=found.metadata,
        versions=versions,
        complete={each.ref: completeness.score(session(), each.ref) for each in versions[:10]},
        risks=queries.risks(session(), model),
        deployments=serving.deployments(session(), model=model, limit=20),
        routes=serving.routes(session(), model=model),
        retirement=serving.retirement(session(), model),
        monitors=monitoring.health(session(), model),
        values=values,
        drawn=[value.drawn(each) for each in values],
        inferences=inferences.summary(session(), window),
        instances=runtime.instances(session(), subject=model, limit=20).rows,
        tasks=runtime.tasks(session(), subject=model, state="open", limit=20).rows,
        approvals=approvals.of_model(session(), model)[:20],
        # Every asset has a row of its own in the log; the versions' pages show them.
        acts=[
            each
            for each in audit.entries(session(), stream=stream(model), limit=150)
            if not each.act.startswith("asset.")
        ][:30],
        today=now(session()).date(),
        levels=risks.LEVELS,
        refusal=refusal,
        wrong_reason=wrong_reason,
    )


def _form(model: Model | None, given: Any, refusal: GatewrightError | None = None) -> str:
    field = str(refusal.facts.get("field", "")).partition(".")[0] if isinstance(refusal, MetadataRefused) else ""
    return render_template(
        "models/form.html",
        model=model,
        given=given,
        refusal=refusal,
        wrong={field: str(refusal.facts["reason"])} if field and refusal else {},
        chosen=given.getlist("approvers") if hasattr(given, "getlist") else given.get("approvers", []),
        kinds=[(name, kind.title) for name, kind in sorted(kinds.all_kinds().items())],
        environments=[(each.name, each.title) for each in environments.ordered(session())],
        targets=[(each, each) for each in targets.names()],
        approver_roles=[role for role in tiers.approvers(None, ROLES) if role not in tiers.approvers(None)],
    )


def _values() -> dict[str, Any]:
    """What the form declares: an uploaded model.yaml first, the fields that were filled in over it."""
    given = request.form
    upload = request.files.get("model_yaml")
    values: dict[str, Any] = {}
    if upload and upload.filename:
        values = metadata.read_yaml(upload.read())
        values = {name: value for name, value in values.items() if name in Metadata.model_fields}
    for name in (
        "id",
        "name",
        "kind",
        "owner",
        "team",
        "tool",
        "purpose",
        "environment",
        "served_by",
        "target",
        "id_column",
    ):
        text = given.get(name, "").strip()
        if text:
            values[name] = text
    if given.get("affects_people"):
        values["affects_people"] = given["affects_people"] == "yes"
    if given.get("decisions_per_year", "").strip():
        values["decisions_per_year"] = given["decisions_per_year"].strip().replace(",", "")
    if given.get("features", "").strip():
        values["features"] = [each for each in given["features"].replace(",", " ").split() if each]
    for name in ("protected", "thresholds"):
        if given.get(name, "").strip():
            values[name] = _pairs(name, given[name])
    if given.getlist("approvers"):
        values["approvers"] = given.getlist("approvers")
    levels = {name: given.get(name, "").strip() for name in ("rate_per_s", "p95_ms", "memory_mb", "cpu")}
    if any(levels.values()):
        values["service_levels"] = {name: value for name, value in levels.items() if value}
    for name in ("kpis", "rules"):
        # What the form shows can be taken away; a field that it does not send stays as it is.
        if name in given and (given[name].strip() or not values.get(name)):
            values[name] = metadata.read_list(name, given[name])
    if given.get("input_schema", "").strip():
        try:
            values["input_schema"] = json.loads(given["input_schema"])
        except ValueError as error:
            raise MetadataRefused(field="input_schema", reason=f"it is no JSON: {error}") from None
    return values


def _pairs(field: str, text: str) -> dict[str, str]:
    """Lines `name = value`."""
    found = {}
    for line in text.splitlines():
        if line.strip():
            name, equals, value = line.partition("=")
            if not equals:
                raise MetadataRefused(field=field, reason=f"the line “{line.strip()}” is not name = value")
            found[name.strip()] = value.strip()
    return found


def _as_form(declared: Metadata) -> dict[str, Any]:
    """The declared values as the form shows them."""
    values = declared.model_dump(mode="json")
    levels = values.pop("service_levels")
    lines = {
        name: "\n".join(f"{key} = {value}" for key, value in values[name].items())
        for name in ("protected", "thresholds")
    }
    return {
        **values,
        **levels,
        **lines,
        "kpis": metadata.write_list(values["kpis"]),
        "rules": metadata.write_list(values["rules"]),
        "features": ", ".join(values["features"]),
        "affects_people": "yes" if values["affects_people"] else "no",
        "input_schema": json.dumps(values["input_schema"], indent=1) if values["input_schema"] else "",
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise risks.RiskRefused(reason="its due day is not a date") from None


def _to(model: str) -> Response:
    return redirect(url_for("models.page", model=model))  # type: ignore[return-value]
