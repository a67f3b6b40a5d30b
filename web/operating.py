"""What an operator does to a running life cycle by hand: other parameters, other values, tokens elsewhere."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.bpmn import NotMovable, NotWaiting
from engine.errors import GatewrightError
from engine.runtime import instances, queries, standing
from engine.runtime.edits import ReasonMissing
from engine.runtime.instances.variables import VariableRefused
from engine.runtime.jobs import ParametersRefused
from engine.runtime.values import Instance
from web import access, answers
from web.access import current_person, needs, session

pages = Blueprint("operating", __name__)


@pages.get("/instances/<uuid:instance>/steps/<uuid:task>")
@needs("instance.operate")
def step(instance: UUID, task: UUID) -> str:
    """A failed step with the parameters that it would be called with now, to be changed."""
    return _step_page(instance, task)


@pages.post("/instances/<uuid:instance>/steps/<uuid:task>")
@needs("instance.operate")
def retry(instance: UUID, task: UUID) -> Response | tuple[str, int]:
    """Tries the step again with what was changed of its parameters."""
    found = standing.failed_step(session(), instance, task)
    given = answers.read(found.form, request.form)
    changed = {name: value for name, value in given.items() if value != found.parameters.get(name)}
    try:
        instances.retry_edited(access.house(), current_person(), instance, task, changed, _reason())
    except (ParametersRefused, ReasonMissing) as refusal:
        return _step_page(instance, task, given=given, refusal=refusal), refusal.status
    flash("The step is tried again with other parameters.", "done")
    return _to(instance)


@pages.get("/instances/<uuid:instance>/variables")
@needs("instance.operate")
def variables(instance: UUID) -> str:
    """The variables of a life cycle, one of them to be set."""
    name = request.args.get("name", "")[:200]
    return _variables_page(instance, name=name)


@pages.post("/instances/<uuid:instance>/variables")
@needs("instance.operate")
def set_variable(instance: UUID) -> Response | tuple[str, int]:
    """Gives a variable another value in all branches."""
    name, text = request.form.get("name", "").strip()[:200], request.form.get("value", "").strip()
    try:
        instances.set_variables(access.house(), current_person(), instance, {name: _value(name, text)}, _reason())
    except (VariableRefused, ReasonMissing) as refusal:
        return _variables_page(instance, name=name, value=text, refusal=refusal), refusal.status
    flash(f"{name} is set; open tasks show it, and what was approved on another value is void.", "done")
    return _to(instance)


@pages.get("/instances/<uuid:instance>/tokens")
@needs("instance.operate")
def tokens(instance: UUID) -> str:
    """The tokens of a life cycle, one of them to be moved."""
    return _tokens_page(instance, request.args.get("task", "")[:40])


@pages.post("/instances/<uuid:instance>/tokens")
@needs("instance.operate")
def move(instance: UUID) -> Response | tuple[str, int]:
    """Moves a token to another element, where the policies still hold."""
    task, element = request.form.get("task", "")[:40], request.form.get("element", "")[:300]
    try:
        instances.move_token(access.house(), current_person(), instance, _task(task), element, _reason())
    except (NotWaiting, NotMovable, instances.MoveRefused, ReasonMissing) as refusal:
        return _tokens_page(instance, task, element=element, refusal=refusal), refusal.status
    flash("The token is moved.", "done")
    return _to(instance)


def _tokens_page(instance: UUID, task: str, element: str = "", refusal: GatewrightError | None = None) -> str:
    found = standing.tokens(session(), instance)
    chosen = next((each for each in found if str(each.task) == task), found[0] if len(found) == 1 else None)
    return render_template(
        "operating/tokens.html",
        instance=_instance(instance),
        tokens=found,
        chosen=chosen,
        element=element,
        reason=_reason() if refusal else "",
        refusal=refusal,
    )


def _task(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotWaiting(task=text or "none") from None


def _step_page(
    instance: UUID, task: UUID, given: dict[str, Any] | None = None, refusal: GatewrightError | None = None
) -> str:
    found = standing.failed_step(session(), instance, task)
    return render_template(
        "operating/step.html",
        instance=_instance(instance),
        step=found,
        fields=answers.fields(found.form, found.parameters if given is None else given),
        reason=_reason() if refusal else "",
        refusal=refusal,
    )


def _variables_page(
    instance: UUID, name: str = "", value: str | None = None, refusal: GatewrightError | None = None
) -> str:
    known = queries.variables(session(), instance)
    shown = json.dumps(known[name], indent=1, ensure_ascii=False) if name in known else ""
    return render_template(
        "operating/variables.html",
        instance=_instance(instance),
        variables=known,
        name=name,
        value=shown if value is None else value,
        reason=_reason() if refusal else "",
        refusal=refusal,
    )


def _value(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise VariableRefused(name=name, reason=f"its value is no JSON ({wrong}); texts stand in quotes") from None


def _instance(instance: UUID) -> Instance:
    return queries.instance(session(), instance).instance


def _reason() -> str:
    return request.form.get("reason", "").strip()[:2000]


def _to(instance: UUID) -> Response:
    return redirect(url_for("life_cycles.page", instance=instance))  # type: ignore[return-value]
