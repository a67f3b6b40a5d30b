"""Browsers that are signed in: an idle end, an absolute end, and an end on demand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from engine.identity import secrets
from engine.identity.permissions import Person
from engine.identity.queries import as_person, roles_of
from engine.identity.tables import PersonRow, SessionRow
from engine.store import now

IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=12)
#: `seen_at` is written at most this often, so that reading a page is not a write
_SEEN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """A signed-in browser."""

    person: Person
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str
    digest: bytes  #: names the session in `revoke`; no secret


def begin(session: Session, person: str, *, address: str, agent: str) -> str:
    """A new session of a person who has just signed in; returns the secret for the cookie, kept nowhere."""
    secret, digest = secrets.made("gws")
    instant = now(session)
    session.add(
        SessionRow(
            digest=digest,
            person=person,
            began_at=instant,
            seen_at=instant,
            ends_at=instant + LONGEST,
            address=address,
            agent=agent[:200],
        )
    )
    return secret


def resolve(session: Session, secret: str) -> BrowserSession | None:
    """The session that a cookie names; None where it ended, was revoked, or its person is disabled."""
    instant = now(session)
    found = session.execute(
        select(SessionRow, PersonRow, roles_of().scalar_subquery())
        .join(PersonRow, PersonRow.id == SessionRow.person)
        .where(
            SessionRow.digest == secrets.digest(secret),
            SessionRow.revoked_at.is_(None),
            SessionRow.ends_at > instant,
            SessionRow.seen_at > instant - IDLE,
            PersonRow.disabled_at.is_(None),
        )
    ).first()
    if found is None:
        return None
    row, person, roles = found
    value = _value(row, as_person(person, roles))
    if instant - row.seen_at > _SEEN:
        row.seen_at = instant
    return value


def listing(session: Session, person: Person) -> list[BrowserSession]:
    """The sessions of a person that have not ended, newest first."""
    instant = now(session)
    rows = session.scalars(
        select(SessionRow)
        .where(
            SessionRow.person == person.id,
            SessionRow.revoked_at.is_(None),
            SessionRow.ends_at > instant,
            SessionRow.seen_at > instant - IDLE,
        )
        .order_by(SessionRow.began_at.desc())
    )
    return [_value(row, person) for row in rows]


def revoke(session: Session, person: str, digest: bytes) -> bool:
    """End one session of the person; returns whether it was open."""
    ended = session.execute(
        update(SessionRow)
        .where(SessionRow.digest == digest, SessionRow.person == person, SessionRow.revoked_at.is_(None))
        .values(revoked_at=now(session))
        .returning(SessionRow.digest)
    )
    return ended.first() is not None


def revoke_all(session: Session, person: str) -> int:
    """End every session of the person; returns how many were open."""
    ended = session.execute(
        update(SessionRow)
        .where(SessionRow.person == person, SessionRow.revoked_at.is_(None), SessionRow.ends_at > now(session))
        .values(revoked_at=now(session))
        .returning(SessionRow.digest)
    )
    return len(ended.all())


def forget_ended(session: Session) -> int:
    """Delete the sessions that ended a day ago or earlier; returns how many."""
    gone = session.execute(
        delete(SessionRow).where(SessionRow.ends_at < now(session) - timedelta(days=1)).returning(SessionRow.digest)
    )
    return len(gone.all())


def _value(row: SessionRow, person: Person) -> BrowserSession:
    return BrowserSession(
        person=person,
        began_at=row.began_at,
        seen_at=row.seen_at,
        ends_at=row.ends_at,
        address=row.address,
        agent=row.agent,
        digest=row.digest,
    )
