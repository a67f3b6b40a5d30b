"""Signing in with a password, and what slows down who guesses."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.identity import passwords
from engine.identity.permissions import Person
from engine.identity.queries import LOGIN_NAME, as_person, roles_of
from engine.identity.tables import PersonRow, SignInFailure
from engine.store import Store, new_id, now, transaction

WINDOW = timedelta(minutes=15)
PER_ACCOUNT, PER_ADDRESS = 10, 50


class SignInRefused(GatewrightError):
    """Login name and password do not fit together."""

    code = "sign-in"
    hint = "Try again; an admin can set a new password."
    status = 401


class TooManySignIns(GatewrightError):
    """Too many sign-ins failed lately."""

    code = "sign-in-limit"
    hint = "Try again in {minutes} minutes."
    status = 429


def authenticate(store: Store, id: str, password: str, *, address: str = "") -> Person:
    """The person, where the password is theirs; raises SignInRefused or TooManySignIns, each with a row in the log.

    Nothing tells a wrong password from an unknown name or a disabled person, in words or in time. Each try is counted
    before the password is looked at, so that many at once do not pass the limit; a success takes the count back.
    """
    account = hashlib.sha256(id.strip().lower().encode(errors="replace")).hexdigest()
    with transaction(store) as session:
        kept, person = _known(session, id)
        wait = _wait(session, account, address)
        if wait is not None:
            _refused(session, id, person, address, "limit")
        else:
            attempt = new_id()
            session.add(SignInFailure(id=attempt, account=account, address=address, at=now(session)))
    if wait is not None:
        raise TooManySignIns(minutes=max(1, round(wait.total_seconds() / 60)))
    # Outside of a transaction: argon2 takes its time on purpose.
    right = passwords.matches(password, kept)
    with transaction(store) as session:
        if not right or person is None or person.disabled:
            _refused(session, id, person, address, "disabled" if right else "password")
        else:
            session.execute(delete(SignInFailure).where(SignInFailure.account == account))
            if kept is not None and passwords.outdated(kept):
                session.get_one(PersonRow, id).password = passwords.hashed(password, person=id)
            audit.record(session, f"person:{id}", "sign_in.succeeded", actor=id, subject=id, address=address)
            return person
    raise SignInRefused()


def forget_old_failures(session: Session) -> int:
    """Delete the failures that no longer count; returns how many."""
    gone = session.execute(
        delete(SignInFailure).where(SignInFailure.at < now(session) - WINDOW).returning(SignInFailure.id)
    )
    return len(gone.all())


def _known(session: Session, id: str) -> tuple[str | None, Person | None]:
    if not LOGIN_NAME.fullmatch(id):
        return None, None
    found = session.execute(select(PersonRow, roles_of().scalar_subquery()).where(PersonRow.id == id)).first()
    return (None, None) if found is None else (found[0].password, as_person(*found))


def _wait(session: Session, account: str, address: str) -> timedelta | None:
    """How long until the next try counts; None where it may be made now."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:account, 7114003))"), {"account": account})
    since = now(session) - WINDOW
    for column, value, most in (
        (SignInFailure.account, account, PER_ACCOUNT),
        (SignInFailure.address, address, PER_ADDRESS),
    ):
        if not value:
            continue
        count, oldest = session.execute(
            select(func.count(), func.min(SignInFailure.at)).where(column == value, SignInFailure.at > since)
        ).one()
        if count >= most:
            first: datetime = oldest
            return first - since
    return None


def _refused(session: Session, id: str, person: Person | None, address: str, reason: str) -> None:
    # What was typed as an unknown login name may be a password: it is not written down.
    stream, actor = (f"person:{id}", id) if person is not None else ("system", "unknown")
    audit.record(session, stream, "sign_in.refused", actor=actor, subject=actor, address=address, reason=reason)
