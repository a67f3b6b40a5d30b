"""Reading people."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.identity.permissions import Person
from engine.identity.tables import PersonRow, RoleRow

LOGIN_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,62}[a-z0-9]")


class PersonUnknown(GatewrightError):
    """There is no person {person!r}."""

    code = "person-unknown"
    hint = "The login names are listed under Users, and by `gatewright user list`."
    status = 404


def get(session: Session, id: str) -> Person:
    """The person with this login name; raises PersonUnknown."""
    # Asked only for what can be a name: a text that PostgreSQL cannot hold would be an error of another kind.
    found = session.execute(_people().where(PersonRow.id == id)).first() if LOGIN_NAME.fullmatch(id) else None
    if found is None:
        raise PersonUnknown(person=id)
    row, roles = found
    return as_person(row, roles)


def listing(
    session: Session, *, search: str = "", role: str | None = None, limit: int = 100, offset: int = 0
) -> list[Person]:
    """The people whose login name, name or address holds `search`, and who have `role`, by login name."""
    wanted = _people().order_by(PersonRow.id).limit(limit).offset(offset)
    if search:
        columns = (PersonRow.id, PersonRow.name, PersonRow.email)
        wanted = wanted.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    if role is not None:
        wanted = wanted.where(exists().where(RoleRow.person == PersonRow.id, RoleRow.role == role))
    return [as_person(row, roles) for row, roles in session.execute(wanted)]


def anyone(session: Session) -> bool:
    """Whether there is any person yet."""
    return session.execute(select(PersonRow.id).limit(1)).first() is not None


def roles_of() -> Select[Sequence[str]]:
    """A correlated query of a person's roles, for statements about people."""
    return select(func.coalesce(func.array_agg(RoleRow.role), [])).where(RoleRow.person == PersonRow.id)


def as_person(row: PersonRow, roles: Sequence[str]) -> Person:
    """The value of a row."""
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        roles=frozenset(roles),
        disabled=row.disabled_at is not None,
        must_change_password=row.must_change_password,
    )


def _people() -> Select[PersonRow, Sequence[str]]:
    return select(PersonRow, roles_of().scalar_subquery())
