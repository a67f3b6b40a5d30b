"""People."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from engine.identity import Person, passwords, people, queries
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, plain, tag

_TAGS = tag("People", "Who there is, and their roles.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A person with the one-time password that they sign in with first."""

    person: Person
    password: str  #: shown this once


class PersonPath(BaseModel):
    """One person."""

    person: str = Field(max_length=200, description="The login name.")


class WantedPeople(Listed):
    """Which people are asked for."""

    search: str = Field(default="", max_length=200, description="In login name, name and address.")
    role: str | None = Field(default=None, max_length=100)


class NewPerson(BaseModel):
    """A person to be added."""

    id: str = Field(max_length=200, description="The login name.")
    name: str = Field(max_length=200)
    email: str = Field(default="", max_length=300)
    roles: list[str] = Field(default=[], max_length=50)


class ChangedPerson(BaseModel):
    """What of a person is to be changed; what is left out stays."""

    name: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=300)
    roles: list[str] | None = Field(default=None, max_length=50)


@api.get("/people", tags=_TAGS, responses=answers(list[Person]))
@needs("user.view")
def list_people(query: WantedPeople) -> list[Any]:
    """The people, by login name."""
    found: list[Any] = plain(
        queries.listing(access.session(), search=query.search, role=query.role, limit=query.limit, offset=query.offset)
    )
    return found


@api.post("/people", tags=_TAGS, responses=answers(Added, 201))
@needs("user.edit")
def add_person(body: NewPerson) -> tuple[dict[str, Any], int]:
    """Add a person; the answer holds their one-time password."""
    word = passwords.one_time()
    person = people.add(
        access.session(),
        access.current_person(),
        body.id,
        name=body.name,
        email=body.email,
        roles=body.roles,
        password=word,
    )
    return plain(Added(person=person, password=word)), 201


@api.get("/people/<person>", tags=_TAGS, responses=answers(Person))
@needs("user.view")
def show_person(path: PersonPath) -> dict[str, Any]:
    """One person."""
    found: dict[str, Any] = plain(queries.get(access.session(), path.person))
    return found


@api.patch("/people/<person>", tags=_TAGS, responses=answers(Person))
@needs("user.edit")
def edit_person(path: PersonPath, body: ChangedPerson) -> dict[str, Any]:
    """Change name, address or roles."""
    found: dict[str, Any] = plain(
        people.edit(
            access.session(),
            access.current_person(),
            path.person,
            name=body.name,
            email=body.email,
            roles=body.roles,
        )
    )
    return found


@api.post("/people/<person>/disable", tags=_TAGS, responses=answers(Person))
@needs("user.edit")
def disable_person(path: PersonPath) -> dict[str, Any]:
    """Shut a person out: sessions and tokens end at once."""
    found: dict[str, Any] = plain(people.disable(access.session(), access.current_person(), path.person))
    return found


@api.post("/people/<person>/enable", tags=_TAGS, responses=answers(Person))
@needs("user.edit")
def enable_person(path: PersonPath) -> dict[str, Any]:
    """Let a disabled person in again."""
    found: dict[str, Any] = plain(people.enable(access.session(), access.current_person(), path.person))
    return found


@api.post("/people/<person>/password", tags=_TAGS, responses=answers(Added))
@needs("user.edit")
def give_password(path: PersonPath) -> dict[str, Any]:
    """Give a person a new one-time password."""
    word = passwords.one_time()
    person = people.set_password(access.session(), access.current_person(), path.person, word)
    found: dict[str, Any] = plain(Added(person=person, password=word))
    return found
