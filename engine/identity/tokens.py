"""Tokens for programs: of the whole API, or of scoring one model in one environment."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.identity import secrets
from engine.identity.permissions import Person, require
from engine.identity.queries import as_person, roles_of
from engine.identity.tables import PersonRow, TokenRow
from engine.store import new_id, now

_SCOPE = re.compile(r"api|score:[a-z0-9][a-z0-9_.-]*:[a-z0-9][a-z0-9_.-]*")
_USED = timedelta(minutes=1)


class ScopeUnknown(GatewrightError):
    """{scope!r} is not a scope of a token."""

    code = "scope-unknown"
    hint = "Use `api`, or `score:<model>:<environment>`."
    status = 422


class TokenUnknown(GatewrightError):
    """There is no open token {token} of {person}."""

    code = "token-unknown"
    hint = "See the open tokens on the person's page."
    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token without its secret."""

    id: uuid.UUID
    person: str
    name: str
    scopes: frozenset[str]
    issued_at: datetime
    ends_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who came with a token, and for what it stands."""

    person: Person
    token: uuid.UUID
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the token stands for this scope."""
        return scope in self.scopes


def issue(
    session: Session, person: Person, *, name: str, scopes: Iterable[str], ends_at: datetime | None = None
) -> tuple[Token, str]:
    """A new token of the person's own, and its secret, which is shown once and kept nowhere.

    Raises NotPermitted and ScopeUnknown. It never allows more than its person's roles do at the time of the call.
    """
    require(person, "token.own")
    wanted = frozenset(scopes)
    for scope in sorted(wanted):
        if not _SCOPE.fullmatch(scope):
            raise ScopeUnknown(scope=scope)
        if scope != "api":
            require(person, "score.call")
    if not wanted:
        raise ScopeUnknown(scope="")
    secret, digest = secrets.made("gwt")
    row = TokenRow(
        id=new_id(),
        digest=digest,
        person=person.id,
        name=name,
        scopes=sorted(wanted),
        issued_at=now(session),
        ends_at=ends_at,
    )
    session.add(row)
    audit.record(
        session, f"person:{person.id}", "token.issued", actor=person.id, subject=str(row.id), scopes=sorted(wanted)
    )
    return _value(row), secret


def resolve(session: Session, secret: str) -> Bearer | None:
    """Who a token stands for; None where it is unknown, ended, revoked, or its person is disabled."""
    instant = now(session)
    found = session.execute(
        select(TokenRow, PersonRow, roles_of().scalar_subquery())
        .join(PersonRow, PersonRow.id == TokenRow.person)
        .where(
            TokenRow.digest == secrets.digest(secret),
            TokenRow.revoked_at.is_(None),
            TokenRow.ends_at.is_(None) | (TokenRow.ends_at > instant),
            PersonRow.disabled_at.is_(None),
        )
    ).first()
    if found is None:
        return None
    row, person, roles = found
    if row.used_at is None or instant - row.used_at > _USED:
        row.used_at = instant
    return Bearer(person=as_person(person, roles), token=row.id, scopes=frozenset(row.scopes))


def listing(session: Session, person: str) -> list[Token]:
    """The open tokens of a person, newest first."""
    rows = session.scalars(
        select(TokenRow)
        .where(TokenRow.person == person, TokenRow.revoked_at.is_(None))
        .order_by(TokenRow.issued_at.desc(), TokenRow.id.desc())
    )
    return [_value(row) for row in rows]


def revoke(session: Session, by: Person, id: uuid.UUID) -> None:
    """End a token of one's own, or anyone's by who may edit users; raises NotPermitted, TokenUnknown."""
    row = session.get(TokenRow, id, with_for_update=True)
    if row is None or row.person != by.id:
        require(by, "user.edit")
    if row is None or row.revoked_at is not None:
        raise TokenUnknown(token=id, person=row.person if row else "anyone")
    row.revoked_at = now(session)
    audit.record(session, f"person:{row.person}", "token.revoked", actor=by.id, subject=str(id))


def revoke_all(session: Session, person: str) -> int:
    """End every token of the person; returns how many were open."""
    ended = session.execute(
        update(TokenRow)
        .where(TokenRow.person == person, TokenRow.revoked_at.is_(None))
        .values(revoked_at=now(session))
        .returning(TokenRow.id)
    )
    return len(ended.all())


def _value(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        person=row.person,
        name=row.name,
        scopes=frozenset(row.scopes),
        issued_at=row.issued_at,
        ends_at=row.ends_at,
        used_at=row.used_at,
    )
