"""Who asks, what they may, and the session of the request: for pages (a cookie) and for the API (a bearer token)."""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request
from flask.sessions import SecureCookieSessionInterface

from engine.errors import GatewrightError
from engine.identity import Person, browser_sessions, may, require, tokens
from engine.identity.browser_sessions import BrowserSession
from engine.store import Store, transaction
from engine.store.sessions import Session

F = TypeVar("F", bound=Callable[..., Any])

#: holds the secret of a signed-in browser, or of one that is about to sign in
COOKIE = "gatewright_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: a view without one of the decorators below is not answered at all
_DECLARED = "gatewright_access"
ANYONE, SIGNED_IN = "anyone", "signed in"


class NotSignedIn(GatewrightError):
    """Nobody is signed in here."""

    code = "not-signed-in"
    hint = "Sign in, or send a token: `Authorization: Bearer gwt_...`."
    status = 401


class TokenRefused(GatewrightError):
    """This token is not accepted: {reason}."""

    code = "token-refused"
    hint = "Issue a token with the scope `api` on your account page."
    status = 401


class PasswordDue(GatewrightError):
    """The one-time password has to be changed first."""

    code = "password-due"
    hint = "Sign in on the pages and choose a password of your own."
    status = 403


class FormExpired(GatewrightError):
    """This form is no longer valid, so nothing was changed."""

    code = "form-expired"
    hint = "Go back, reload the page and send the form again."
    status = 400


class AccessUndeclared(GatewrightError):
    """The view {view} does not say who may see it."""

    code = "access-undeclared"
    hint = "Give it @needs, @signed_in or @anyone of web/access.py."
    status = 500


def needs(permission: str) -> Callable[[F], F]:
    """A view for those who have the permission. The act behind it asks again: this is not the only door."""

    def guarded(view: F) -> F:
        @functools.wraps(view)
        def inner(*args: Any, **kwargs: Any) -> Any:
            require(current_person(), permission)
            return view(*args, **kwargs)

        setattr(inner, _DECLARED, permission)
        return cast(F, inner)

    return guarded


def signed_in(view: F) -> F:
    """A view for whoever is signed in, whatever their roles."""

    @functools.wraps(view)
    def inner(*args: Any, **kwargs: Any) -> Any:
        current_person()
        return view(*args, **kwargs)

    setattr(inner, _DECLARED, SIGNED_IN)
    return cast(F, inner)


def anyone(view: F) -> F:
    """A view that needs no sign-in."""
    setattr(view, _DECLARED, ANYONE)
    return view


def declared(view: Callable[..., Any]) -> str | None:
    """The permission that a view asks for, `signed in`, `anyone`, or None where it says nothing."""
    return getattr(view, _DECLARED, None)


def store() -> Store:
    """The store, to read files and settings from."""
    return cast(Store, current_app.extensions["gatewright"])


def house() -> Store:
    """The store, for acts that own their transaction; what the request's session did so far is committed first."""
    _end(commit=True)
    g.refusals_are_recorded = True  # such an act writes its refusal into the log by itself
    return store()


def session() -> Session:
    """The request's session: opened at the first call, committed at the end of a request that succeeded."""
    if "session" not in g:
        stack = ExitStack()
        g.session, g.session_stack = stack.enter_context(transaction(store())), stack
    return cast(Session, g.session)


def undo() -> None:
    """Take back what the request's session did so far."""
    _end(commit=False)


def current_person() -> Person:
    """Who asks; raises NotSignedIn, TokenRefused, or PasswordDue."""
    person = known_person()
    if person is None:
        raise NotSignedIn()
    if person.must_change_password and not _may_come_before_the_password_is_changed():
        raise PasswordDue()
    return person


def known_person() -> Person | None:
    """Who asks, where that is known; raises TokenRefused for a token that does not stand for anybody."""
    if "person" not in g:
        g.person = _by_token() if _bearer() is not None else _by_cookie()
    return cast("Person | None", g.person)


def browser_session() -> BrowserSession | None:
    """The signed-in browser that asks, if it is one."""
    known_person()
    return cast("BrowserSession | None", g.get("browser_session"))


def permitted(permission: str) -> bool:
    """Whether who asks has the permission: what they may not do is not offered."""
    person = known_person()
    return person is not None and may(person, permission)


def start_browser_session(person: Person) -> str:
    """Sign the person in; returns the secret for the cookie."""
    return browser_sessions.begin(
        session(), person.id, address=request.remote_addr or "", agent=str(request.user_agent)
    )


def keep_cookie(response: Response, secret: str) -> None:
    """Put the secret into the browser."""
    response.set_cookie(COOKIE, secret, httponly=True, samesite="Lax", secure=store().settings.secure_cookies)


def drop_cookie(response: Response) -> None:
    """Take the secret out of the browser."""
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=store().settings.secure_cookies)


def csrf_token() -> str:
    """What a form carries to show that it came from our page: derived from the cookie's secret, kept nowhere."""
    return hmac.new(_cookie_secret().encode(), b"form", hashlib.sha256).hexdigest()


def install(app: Flask, house: Store) -> None:
    """Give the app the store, the check of forms, and the end of the request's session."""
    app.extensions["gatewright"] = house
    app.session_interface = _Notices()
    app.before_request(_refuse_undeclared)
    app.before_request(_refuse_foreign_form)
    app.after_request(_keep_new_cookie)
    app.after_request(_finish)
    app.teardown_request(_roll_back)


class _Notices(SecureCookieSessionInterface):
    """Flask's own session holds notices for the next page alone; signed with the secret of the browser's session."""

    def get_cookie_name(self, app: Flask) -> str:
        return "gatewright_notices"

    def get_cookie_secure(self, app: Flask) -> bool:
        return store().settings.secure_cookies

    def get_cookie_samesite(self, app: Flask) -> str:
        return "Lax"

    def get_signing_serializer(self, app: Flask) -> Any:
        secret = request.cookies.get(COOKIE)
        if not secret:
            return None
        return super().get_signing_serializer(_Keyed(secret))  # type: ignore[arg-type]


class _Keyed:
    """What the signer asks of an app: its key, and no older ones."""

    def __init__(self, secret: str) -> None:
        self.secret_key = secret
        self.config = {"SECRET_KEY_FALLBACKS": None}


def _bearer() -> str | None:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def _by_token() -> Person:
    with transaction(store()) as own:
        found = tokens.resolve(own, _bearer() or "")
    if found is None:
        raise TokenRefused(reason="it is unknown, has ended or was revoked")
    if not found.may("api"):
        raise TokenRefused(reason="it stands for scoring only")
    return found.person


def _by_cookie() -> Person | None:
    secret = request.cookies.get(COOKIE)
    if not secret:
        return None
    # A transaction of its own: the connection is back in the pool before an act asks for another one.
    with transaction(store()) as own:
        found = browser_sessions.resolve(own, secret)
    g.browser_session = found
    return found.person if found else None


def _may_come_before_the_password_is_changed() -> bool:
    return request.endpoint in ("account.choose_password", "account.set_password", "sign_in.leave")


def _cookie_secret() -> str:
    """The cookie's secret; a browser that has none is given one, so that its sign-in form is bound to it."""
    if "visit" not in g:
        g.visit = request.cookies.get(COOKIE) or f"gwv_{secrets.token_urlsafe(24)}"
    return cast(str, g.visit)


def _refuse_undeclared() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is not None and request.endpoint != "static" and declared(view) is None:
        raise AccessUndeclared(view=request.endpoint)


def _refuse_foreign_form() -> None:
    if request.method in SAFE or _bearer() is not None:
        return  # a token is sent by a program of the person's, never by a browser of itself
    if request.path.startswith("/api/") and COOKIE not in request.cookies:
        return  # a program that is not signed in: nothing that a foreign page could make use of
    given = request.headers.get("X-CSRFToken") or request.form.get("csrf_token", "")
    if COOKIE not in request.cookies or not hmac.compare_digest(given.encode(), csrf_token().encode()):
        raise FormExpired()


def _keep_new_cookie(response: Response) -> Response:
    if "visit" in g and COOKIE not in request.cookies and COOKIE not in response.headers.get("Set-Cookie", ""):
        keep_cookie(response, g.visit)
    return response


def _finish(response: Response) -> Response:
    _end(commit=response.status_code < 400)
    return response


def _roll_back(_error: BaseException | None) -> None:
    _end(commit=False)


class _Undone(Exception):
    """Rolls the request's transaction back."""


def _end(*, commit: bool) -> None:
    stack: ExitStack | None = g.pop("session_stack", None)
    g.pop("session", None)
    if stack is None:
        return
    if commit:
        stack.__exit__(None, None, None)
        return
    undone = _Undone()
    with suppress(_Undone):  # transaction() lets the error through after rolling back; it ends here
        stack.__exit__(_Undone, undone, None)
