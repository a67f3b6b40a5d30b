"""People: added, edited, disabled, each by someone who may, each with a row in the log."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.identity import browser_sessions, passwords, tokens
from engine.identity.permissions import ROLES, Person, require
from engine.identity.queries import LOGIN_NAME, PersonUnknown, anyone, get
from engine.identity.sign_in import authenticate as authenticate  # read as `people.authenticate`
from engine.identity.tables import PersonRow, RoleRow
from engine.store import Store, now, transaction

#: actors of the log that are nobody: a person of that name would be taken for them
_RESERVED = frozenset({"clock", "worker", "system", "gatewright", "release", "unknown", "nobody"})
# Who changes roles or switches people off takes turns, so that two cannot remove the last two admins.
_TURN = text("SELECT pg_advisory_xact_lock(7114002)")


class LoginNameRefused(GatewrightError):
    """{person!r} cannot be a login name."""

    code = "login-name"
    hint = "Use 2 to 64 characters: small letters, digits, dot, hyphen, underscore; a letter first. Not: {reserved}."
    status = 422


class PersonExists(GatewrightError):
    """There is a person {person!r} already."""

    code = "person-exists"
    hint = "Choose another login name."
    status = 409


class RoleUnknown(GatewrightError):
    """There is no role {role!r}."""

    code = "role-unknown"
    hint = "Take one of these: {known}."
    status = 422


class LastAdmin(GatewrightError):
    """{person} is the last person who has the role admin and is not disabled."""

    code = "last-admin"
    hint = "Give the role admin to someone else first."
    status = 409


def add(
    session: Session,
    by: Person,
    id: str,
    *,
    name: str,
    email: str = "",
    roles: Iterable[str] = (),
    password: str | None = None,
    must_change: bool = True,
) -> Person:
    """A new person; without a password they cannot sign in until one is set.

    Raises NotPermitted, LoginNameRefused, PersonExists, RoleUnknown, PasswordTooWeak.
    """
    require(by, "user.edit")
    return _add(session, by, id, name=name, email=email, roles=roles, password=password, must_change=must_change)


def first_admin(store: Store, *, id: str = "admin", name: str = "First admin") -> str | None:
    """Where there is nobody yet: a person with the role admin. Returns the one-time password, else None."""
    word = passwords.one_time()
    with transaction(store) as session:
        session.execute(_TURN)
        if anyone(session):
            return None
        _add(
            session, Person.system("system"), id, name=name, email="", roles=["admin"], password=word, must_change=True
        )
    return word


def edit(
    session: Session,
    by: Person,
    id: str,
    *,
    name: str | None = None,
    email: str | None = None,
    roles: Iterable[str] | None = None,
) -> Person:
    """Change what is given; raises NotPermitted, PersonUnknown, RoleUnknown, LastAdmin."""
    require(by, "user.edit")
    session.execute(_TURN)
    before = get(session, id)
    row = _row(session, id)
    changed: dict[str, object] = {}
    if name is not None and name != before.name:
        row.name = changed["name"] = name
    if email is not None and email != before.email:
        row.email = changed["email"] = email
    if roles is not None and (wanted := _known(roles)) != before.roles:
        if "admin" not in wanted:
            _refuse_last_admin(session, before)
        session.execute(delete(RoleRow).where(RoleRow.person == id))
        session.add_all(RoleRow(person=id, role=role) for role in sorted(wanted))
        changed |= {"roles": sorted(wanted), "roles_before": sorted(before.roles)}
    if changed:
        audit.record(session, f"person:{id}", "person.edited", actor=by.id, subject=id, **changed)
    session.flush()
    return get(session, id)


def disable(session: Session, by: Person, id: str) -> Person:
    """Shut a person out: sign-ins, browser sessions and tokens end at once. What they did stays theirs."""
    require(by, "user.edit")
    session.execute(_TURN)
    before = get(session, id)
    if not before.disabled:
        _refuse_last_admin(session, before)
        _row(session, id).disabled_at = now(session)
        ended = browser_sessions.revoke_all(session, id) + tokens.revoke_all(session, id)
        audit.record(session, f"person:{id}", "person.disabled", actor=by.id, subject=id, ended=ended)
        session.flush()
    return get(session, id)


def enable(session: Session, by: Person, id: str) -> Person:
    """Let a disabled person in again; their old sessions and tokens stay ended."""
    require(by, "user.edit")
    before = get(session, id)
    if before.disabled:
        _row(session, id).disabled_at = None
        audit.record(session, f"person:{id}", "person.enabled", actor=by.id, subject=id)
        session.flush()
    return get(session, id)


def set_password(session: Session, by: Person, id: str, password: str) -> Person:
    """Set a password; one's own, or another's by who may edit users, and then it has to be changed at sign-in.

    Ends all browser sessions of the person. Raises NotPermitted, PersonUnknown, PasswordTooWeak.
    """
    own = by.id == id
    if not own:
        require(by, "user.edit")
    get(session, id)
    row = _row(session, id)
    row.password = passwords.hashed(password, person=id)
    row.must_change_password = not own
    browser_sessions.revoke_all(session, id)
    audit.record(session, f"person:{id}", "person.password_set", actor=by.id, subject=id, own=own)
    session.flush()
    return get(session, id)


def _add(
    session: Session,
    by: Person,
    id: str,
    *,
    name: str,
    email: str,
    roles: Iterable[str],
    password: str | None,
    must_change: bool,
) -> Person:
    if not LOGIN_NAME.fullmatch(id) or id in _RESERVED:
        raise LoginNameRefused(person=id, reserved=", ".join(sorted(_RESERVED)))
    if session.get(PersonRow, id) is not None:
        raise PersonExists(person=id)
    wanted = _known(roles)
    row = PersonRow(
        id=id,
        name=name or id,
        email=email,
        password=None if password is None else passwords.hashed(password, person=id),
        must_change_password=password is not None and must_change,
        added_at=now(session),
    )
    session.add(row)
    session.flush()
    session.add_all(RoleRow(person=id, role=role) for role in sorted(wanted))
    audit.record(session, f"person:{id}", "person.added", actor=by.id, subject=id, name=row.name, roles=sorted(wanted))
    session.flush()
    return get(session, id)


def _row(session: Session, id: str) -> PersonRow:
    row = session.get(PersonRow, id, with_for_update=True)
    if row is None:
        raise PersonUnknown(person=id)
    return row


def _known(roles: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(roles)
    for role in sorted(wanted - ROLES.keys()):
        raise RoleUnknown(role=role, known=", ".join(ROLES))
    return wanted


def _refuse_last_admin(session: Session, person: Person) -> None:
    others = (
        select(func.count())
        .select_from(RoleRow)
        .join(PersonRow, PersonRow.id == RoleRow.person)
        .where(RoleRow.role == "admin", PersonRow.disabled_at.is_(None), PersonRow.id != person.id)
    )
    if "admin" in person.roles and not person.disabled and session.execute(others).scalar_one() == 0:
        raise LastAdmin(person=person.id)
