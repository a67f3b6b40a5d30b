"""Signing in, and what is one's own: password and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import request
from pydantic import BaseModel, Field

from engine.identity import Person, browser_sessions, people, tokens
from engine.identity import sign_in as signing_in
from engine.identity.tokens import Token
from engine.store import now, transaction
from web import access
from web.access import anyone, needs, signed_in
from web.api.blueprint import answers, api, plain, tag

_TAGS = tag("Signing in", "Tokens for programs and people.")
_HOURS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody who signed in, and the token that stands for them."""

    token: str  #: the secret, shown this once
    ends_at: datetime
    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new token and its secret."""

    secret: str  #: shown this once
    token: Token


class Credentials(BaseModel):
    """Who signs in."""

    id: str = Field(max_length=200, description="The login name.")
    password: str = Field(max_length=1000)
    new_password: str | None = Field(
        default=None, max_length=1000, description="Set this password; needed where a one-time password was given."
    )


class NewPassword(BaseModel):
    """A change of one's own password."""

    password: str = Field(max_length=1000, description="The present one.")
    new_password: str = Field(max_length=1000)


class WantedToken(BaseModel):
    """A token to be issued."""

    name: str = Field(min_length=1, max_length=100, description="What it is for.")
    scopes: list[str] = Field(min_length=1, max_length=50, description="`api`, or `score:<model>:<environment>`.")
    days: int | None = Field(default=None, ge=1, le=3650, description="It ends after so many days; else never.")


class TokenPath(BaseModel):
    """One token."""

    token: UUID


@api.post("/sign-in", tags=_TAGS, security=[], responses=answers(SignedIn))
@anyone
def sign_in(body: Credentials) -> dict[str, Any]:
    """Exchange login name and password for a token of twelve hours."""
    store = access.store()
    person = signing_in.authenticate(store, body.id, body.password, address=request.remote_addr or "")
    if person.must_change_password and body.new_password is None:
        raise access.PasswordDue()
    with transaction(store) as session:
        if body.new_password is not None:
            person = people.set_password(session, person, person.id, body.new_password)
        ends_at = now(session) + timedelta(hours=_HOURS)
        _, secret = tokens.issue(session, person, name="sign-in", scopes=["api"], ends_at=ends_at)
    found: dict[str, Any] = plain(SignedIn(token=secret, ends_at=ends_at, person=person))
    return found


@api.post("/sign-out", tags=_TAGS, responses=answers(None, 204))
@signed_in
def sign_out() -> tuple[str, int]:
    """End the token that was sent, or the browser session."""
    person, session = access.current_person(), access.session()
    secret = request.headers.get("Authorization", "").partition(" ")[2].strip()
    bearer = tokens.resolve(session, secret) if secret else None
    if bearer is not None:
        tokens.revoke(session, person, bearer.token)
    elif (own := access.browser_session()) is not None:
        browser_sessions.revoke(session, person.id, own.digest)
    return "", 204


@api.get("/me", tags=_TAGS, responses=answers(Person))
@signed_in
def me() -> dict[str, Any]:
    """Who the token stands for."""
    found: dict[str, Any] = plain(access.current_person())
    return found


@api.put("/me/password", tags=_TAGS, responses=answers(None, 204))
@signed_in
def set_own_password(body: NewPassword) -> tuple[str, int]:
    """Change one's own password; every browser session ends."""
    person = access.current_person()
    signing_in.authenticate(access.store(), person.id, body.password, address=request.remote_addr or "")
    people.set_password(access.session(), person, person.id, body.new_password)
    return "", 204


@api.get("/me/tokens", tags=_TAGS, responses=answers(list[Token]))
@needs("token.own")
def own_tokens() -> list[Any]:
    """One's own open tokens, without their secrets."""
    found: list[Any] = plain(tokens.listing(access.session(), access.current_person().id))
    return found


@api.post("/me/tokens", tags=_TAGS, responses=answers(Issued, 201))
@needs("token.own")
def issue_token(body: WantedToken) -> tuple[dict[str, Any], int]:
    """Issue a token of one's own, of the whole API or of scoring one model in one environment."""
    session = access.session()
    ends_at = now(session) + timedelta(days=body.days) if body.days else None
    token, secret = tokens.issue(session, access.current_person(), name=body.name, scopes=body.scopes, ends_at=ends_at)
    return plain(Issued(secret=secret, token=token)), 201


@api.delete("/me/tokens/<uuid:token>", tags=_TAGS, responses=answers(None, 204))
@needs("token.own")
def revoke_token(path: TokenPath) -> tuple[str, int]:
    """End a token of one's own; an admin, anyone's."""
    tokens.revoke(access.session(), access.current_person(), path.token)
    return "", 204
