"""Users: who they are, which roles they have, who is shut out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine import audit
from engine.errors import GatewrightError
from engine.identity import ROLES, Person, passwords, people, queries, tokens
from web import lists
from web.access import current_person, needs, session

pages = Blueprint("people", __name__)

COLUMNS: lists.Columns[Person] = lists.Columns(
    "users",
    {
        "login name": lambda each: each.id,
        "name": lambda each: each.name,
        "email": lambda each: each.email,
        "roles": lambda each: each.roles,
        "disabled": lambda each: each.disabled,
    },
)


@pages.get("/users")
@needs("user.view")
def listing() -> str | Response:
    """All users."""
    asked = lists.asked("role")
    found = lists.uncounted(
        asked,
        lambda limit, offset: queries.listing(
            session(), search=asked.search, role=asked["role"] or None, limit=limit, offset=offset
        ),
    )
    return lists.answer("people/list.html", found, COLUMNS)


@pages.get("/users/new")
@needs("user.edit")
def new() -> str:
    """The form for a new user."""
    return render_template("people/new.html", given={}, chosen=[], refusal=None)


@pages.post("/users")
@needs("user.edit")
def add() -> str | tuple[str, int]:
    """Adds a user with a one-time password, which is shown this once."""
    form, chosen = request.form, request.form.getlist("roles")
    word = passwords.one_time()
    try:
        added = people.add(
            session(),
            current_person(),
            form.get("id", "").strip(),
            name=form.get("name", "").strip()[:200],
            email=form.get("email", "").strip()[:200],
            roles=chosen,
            password=word,
        )
    except GatewrightError as refusal:
        return render_template("people/new.html", given=form, chosen=chosen, refusal=refusal), refusal.status
    return _page(added, word=word)


@pages.get("/users/<person>")
@needs("user.view")
def page(person: str) -> str:
    """One user: roles, tokens, what was last done with the account."""
    return _page(queries.get(session(), person))


@pages.post("/users/<person>")
@needs("user.edit")
def edit(person: str) -> Response:
    """Changes name, address and roles."""
    form = request.form
    edited = people.edit(
        session(),
        current_person(),
        person,
        name=form.get("name", "").strip()[:200] or None,
        email=form.get("email", "").strip()[:200],
        roles=form.getlist("roles"),
    )
    flash(f"{edited.name} is saved.", "done")
    return _to(person)


@pages.post("/users/<person>/password")
@needs("user.edit")
def set_password(person: str) -> str:
    """Sets a one-time password, which is shown this once."""
    word = passwords.one_time()
    return _page(people.set_password(session(), current_person(), person, word), word=word)


@pages.post("/users/<person>/disable")
@needs("user.edit")
def disable(person: str) -> Response:
    """Shuts the user out at once."""
    people.disable(session(), current_person(), person)
    flash("The account is disabled; its sessions and tokens have ended.", "attention")
    return _to(person)


@pages.post("/users/<person>/enable")
@needs("user.edit")
def enable(person: str) -> Response:
    """Lets the user in again."""
    people.enable(session(), current_person(), person)
    flash("The account is enabled again.", "done")
    return _to(person)


def _page(person: Person, **context: Any) -> str:
    return render_template(
        "people/page.html",
        shown=person,
        tokens=tokens.listing(session(), person.id),
        acts=audit.entries(session(), stream=f"person:{person.id}", limit=20),
        all_roles=ROLES,
        **{"word": None, **context},
    )


def _to(person: str) -> Response:
    return redirect(url_for("people.page", person=person))  # type: ignore[return-value]
