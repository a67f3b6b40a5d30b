"""One's own account: password, tokens, signed-in browsers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.identity import browser_sessions, people, sign_in, tokens
from engine.store import now
from web import access
from web.access import current_person, needs, session, signed_in

pages = Blueprint("account", __name__)


@pages.get("/account")
@signed_in
def page() -> str:
    """Who one is, one's tokens and browsers."""
    return _page()


@pages.get("/account/password")
@signed_in
def choose_password() -> str:
    """The form for a new password: asked for by itself after a one-time password."""
    return render_template("account/password.html", refusal=None)


@pages.post("/account/password")
@signed_in
def set_password() -> Response | tuple[str, int]:
    """Sets one's own password, which ends all one's sessions; this browser gets a new one."""
    person = current_person()
    given, again = request.form.get("new", ""), request.form.get("again", "")
    try:
        sign_in.authenticate(
            access.house(), person.id, request.form.get("current", ""), address=request.remote_addr or ""
        )
        if given != again:
            raise PasswordsDiffer()
        people.set_password(session(), person, person.id, given)
    except GatewrightError as refusal:
        return render_template("account/password.html", refusal=refusal), refusal.status
    secret = access.start_browser_session(person)
    response: Response = redirect(url_for("home.page"))  # type: ignore[assignment]
    access.keep_cookie(response, secret)
    return response


@pages.post("/account/tokens")
@needs("token.own")
def issue_token() -> str | tuple[str, int]:
    """Issues a token and shows its secret, this once."""
    form = request.form
    scope = "api"
    if form.get("kind") == "score":
        scope = f"score:{form.get('model', '').strip()}:{form.get('environment', '').strip()}"
    days = form.get("days", type=int)
    ends = now(session()) + timedelta(days=days) if days else None
    name = form.get("name", "").strip()[:100] or "token"
    try:
        token, secret = tokens.issue(session(), current_person(), name=name, scopes=[scope], ends_at=ends)
    except GatewrightError as refusal:
        return _page(refusal=refusal), refusal.status
    return _page(token=token, secret=secret)


@pages.post("/account/tokens/<uuid:token>/revoke")
@needs("token.own")
def revoke_token(token: UUID) -> Response:
    """Ends a token."""
    tokens.revoke(session(), current_person(), token)
    flash("The token is revoked: it is refused from now on.", "done")
    return redirect(url_for("account.page"))  # type: ignore[return-value]


@pages.post("/account/sessions/end-others")
@signed_in
def end_other_sessions() -> Response:
    """Ends the sessions of all one's other browsers."""
    person, own = current_person(), access.browser_session()
    others = [each for each in browser_sessions.listing(session(), person) if own and each.digest != own.digest]
    for each in others:
        browser_sessions.revoke(session(), person.id, each.digest)
    flash(f"{len(others)} other browsers are signed out.", "done")
    return redirect(url_for("account.page"))  # type: ignore[return-value]


class PasswordsDiffer(GatewrightError):
    """The two new passwords differ."""

    code = "passwords-differ"
    hint = "Type the same new password twice."
    status = 422


def _page(**context: Any) -> str:
    person, own = current_person(), access.browser_session()
    return render_template(
        "account/page.html",
        tokens=tokens.listing(session(), person.id),
        browsers=browser_sessions.listing(session(), person),
        own=own.digest if own else None,
        **{"token": None, "secret": None, "refusal": None, **context},
    )
