"""Errors as answers: a page that says what happened and what to do, or the same as a problem object (RFC 9457)."""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, redirect, render_template, request, url_for
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from engine import audit
from engine.errors import GatewrightError
from engine.store import trouble
from web import access
from web.access import NotSignedIn, PasswordDue, TokenRefused

_log = logging.getLogger(__name__)

#: status -> (what happened, what to do)
WORDS = {
    400: ("This request could not be read.", "Go back, reload the page and try again."),
    403: ("You may not do this.", "Ask an admin for the role that may."),
    404: ("There is nothing at this address.", "Follow the navigation, or search in the list it belongs to."),
    405: ("This address does not take that kind of request.", "Go back and use the page's own buttons."),
    408: ("The request took too long to arrive.", "Send it again."),
    409: ("This does not fit what happened meanwhile.", "Reload the page: it shows how things stand now."),
    410: ("This is gone for good.", "Its history is on the model's page."),
    413: ("What you sent is too large.", "Send a smaller file; the limit is the setting GATEWRIGHT_UPLOAD_LIMIT_MB."),
    415: (
        "This kind of content is not accepted here.",
        "Send the kind that the page or the API's documentation names.",
    ),
    422: ("What you sent does not fit.", "Correct the named fields and send it again."),
    429: ("Too many requests came from here.", "Wait a little and try again."),
    500: (
        "Gatewright met something that it did not expect.",
        "Try again; tell your administrator the reference below.",
    ),
    503: ("Gatewright cannot answer just now.", "Wait a moment and reload the page."),
}


def install(app: Flask) -> None:
    """Answer errors of the house, of HTTP, and those that nobody thought of."""
    app.register_error_handler(GatewrightError, _refused_on_a_page)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _refused_on_a_page(error: GatewrightError) -> Response:
    """The same; an act that was refused to somebody we know is a row of the log, too."""
    person = access.known_person() if error.status != 401 and request.method not in access.SAFE else None
    if person is not None and error.status < 500 and not g.get("refusals_are_recorded"):
        access.undo()
        audit.refusal(
            access.store(),
            "system",
            "act.refused",
            actor=person.id,
            subject="/".join(map(str, (request.view_args or {}).values()))[:200],
            tried=request.endpoint,
            reason=error.code,
            message=error.message[:500],
        )
    return refused(error)


def refused(error: GatewrightError) -> Response:
    """The answer to an error of the house."""
    if isinstance(error, NotSignedIn | PasswordDue) and not wants_problem():
        return _to_sign_in() if isinstance(error, NotSignedIn) else redirect(url_for("account.choose_password"))
    if error.status >= 500:
        _log.error("%s %s: %s", request.method, request.path, error, exc_info=error)
    response = _answer(error.status, error.message, error.way_on, error.as_problem())
    if isinstance(error, NotSignedIn | TokenRefused):
        response.headers["WWW-Authenticate"] = 'Bearer realm="gatewright"'
    return response


def wants_problem() -> bool:
    """Whether who asks reads JSON rather than a page."""
    if request.path.startswith("/api/"):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json", "application/problem+json"])
    return best is not None and best != "text/html"


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    status = error.code or 500
    title, hint = WORDS.get(status, (error.name, error.description or ""))
    response = _answer(status, title, hint)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    if known := trouble(error):
        return refused(known)
    reference = secrets.token_hex(4)
    _log.error("Reference %s: %s %s failed", reference, request.method, request.path, exc_info=error)
    title, hint = WORDS[500]
    return _answer(500, title, hint, reference=reference)


def _answer(
    status: int, title: str, hint: str, problem: dict[str, Any] | None = None, *, reference: str = ""
) -> Response:
    if wants_problem():
        problem = problem or {"type": "about:blank", "title": title, "detail": hint, "status": status}
        if reference:
            problem["reference"] = reference
        return Response(json.dumps(problem), status=status, mimetype="application/problem+json")
    element = (problem or {}).get("element", "")
    try:
        page = render_template(
            "errors/error.html", status=status, title=title, hint=hint, element=element, reference=reference
        )
    except Exception:
        # What failed may be what every page needs, such as the bundle: the words still reach who asked.
        _log.exception("The error page could not be drawn")
        page = (
            f"<!doctype html><html lang=en><title>Gatewright</title><h1>{escape(title)}</h1>"
            f"<p>{escape(hint)} {reference}</p>"
        )
    return Response(page, status=status)


def _to_sign_in() -> Response:
    asked = request.full_path.rstrip("?") if request.method == "GET" else "/"
    address = url_for("sign_in.form") + ("" if asked == "/" else "?" + urlencode({"next": asked}))
    if "HX-Request" in request.headers:
        # A fragment of the sign-in page inside of another page would be of no use.
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address)  # type: ignore[return-value]
