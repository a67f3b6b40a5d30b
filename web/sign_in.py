"""Signing in and out."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for

from engine.errors import GatewrightError
from engine.identity import browser_sessions, sign_in
from web import access
from web.access import anyone

pages = Blueprint("sign_in", __name__)


@pages.get("/sign-in")
@anyone
def form() -> str | Response:
    """The sign-in form."""
    if access.known_person() is not None:
        return redirect(_onward(request.args.get("next")))  # type: ignore[return-value]
    return render_template("sign_in/form.html", onward=request.args.get("next", ""), name="", refusal=None)


@pages.post("/sign-in")
@anyone
def enter() -> Response | tuple[str, int]:
    """Signs in, and leads on to where the person wanted to go."""
    name, onward = request.form.get("name", "").strip(), request.form.get("next", "")
    try:
        person = sign_in.authenticate(
            access.house(), name, request.form.get("password", ""), address=request.remote_addr or ""
        )
    except GatewrightError as refusal:
        if refusal.status not in (401, 429):
            raise
        page = render_template("sign_in/form.html", onward=onward, name=name, refusal=refusal)
        return page, refusal.status
    _end_this_browsers_session()
    secret = access.start_browser_session(person)
    response: Response = redirect(_onward(onward))  # type: ignore[assignment]
    access.keep_cookie(response, secret)
    return response


@pages.post("/sign-out")
@anyone
def leave() -> Response:
    """Ends this browser's session."""
    _end_this_browsers_session()
    response: Response = redirect(url_for("sign_in.form"))  # type: ignore[assignment]
    access.drop_cookie(response)
    return response


def _end_this_browsers_session() -> None:
    found = access.browser_session()
    if found is not None:
        browser_sessions.revoke(access.session(), found.person.id, found.digest)


def _onward(address: str | None) -> str:
    """A path of our own; anything else could lead somebody away from here with our name on it."""
    if address and address.startswith("/") and not address.startswith(("//", "/\\")) and "\\" not in address:
        return address
    return url_for("home.page")
