"""Environments: named places in which versions run, kept as data and not as code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.identity import ROLES, Person, require
from engine.serving import targets
from engine.serving.tables import EnvironmentRow
from engine.store import now

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
ENDPOINT = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,200}")
#: setting -> (its type, what it does); what an environment's settings may hold, checked when it is defined
SETTINGS: dict[str, tuple[type, str]] = {
    "durable": (
        bool,
        "Answer only when the inferences are committed: nothing is lost even at kill -9, at about 4 ms more.",
    ),
    "memory_mb": (int, "The address space of a deployment's child, in mebibytes; default 4096."),
    "endpoint": (
        str,
        "For the target `mlflow`: the address of an `mlflow models serve` that follows the alias; it then answers.",
    ),
    "targets": (list, "Targets that a deployment here may name instead of the environment's own."),
}


class EnvironmentUnknown(GatewrightError):
    """There is no environment {name}."""

    code = "environment-unknown"
    hint = "Name one of these: {known}."
    status = 404


class TargetNotAllowed(GatewrightError):
    """{environment} is not run by the target {target}; it may be run by {allowed}."""

    code = "target-not-allowed"
    hint = "Name one of these, or have IT operations allow it in the environment's settings."
    status = 409


class EnvironmentInvalid(GatewrightError):
    """The environment {name} cannot be defined: {reason}."""

    code = "environment-invalid"
    hint = "Correct {field}; docs/environments.md lists what each field may hold."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A place in which versions run."""

    name: str
    title: str
    target: str  #: the name of the target that runs its deployments
    position: int  #: its place in the order of promotion; the highest is what callers mean by "the model"
    promoters: tuple[str, ...]  #: roles that may let a version in, on top of what the version's tier demands
    settings: Mapping[str, Any]  #: see SETTINGS
    defined_at: datetime
    defined_by: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that may run deployments here, its own first."""
        return (self.target, *(name for name in self.settings.get("targets", ()) if name != self.target))


def define(
    session: Session,
    person: Person,
    *,
    name: str,
    title: str,
    target: str,
    position: int,
    promoters: Iterable[str],
    settings: Mapping[str, Any] | None = None,
) -> Environment:
    """The environment, made or changed; running deployments keep their target until they are deployed anew.

    Raises EnvironmentInvalid naming the field, TargetUnknown, or NotPermitted.
    """
    require(person, "environment.edit")
    chosen, given = tuple(sorted(set(promoters))), dict(settings or {})
    _check(session, name, title, position, chosen, given)
    targets.get(target)
    row = session.get(EnvironmentRow, name, with_for_update=True)
    if row is None:
        row = EnvironmentRow(name=name)
        session.add(row)
    row.title, row.target, row.position = title, target, position
    row.promoters, row.settings = list(chosen), given
    row.defined_at, row.defined_by = now(session), person.id
    session.flush()
    audit.record(
        session,
        "system",
        "environment.defined",
        actor=person.id,
        subject=name,
        title=title,
        target=target,
        position=position,
        promoters=list(chosen),
        settings=given,
    )
    return value(row)


def get(session: Session, name: str) -> Environment:
    """The environment of this name; raises EnvironmentUnknown."""
    row = session.get(EnvironmentRow, name)
    if row is None:
        raise EnvironmentUnknown(name=name, known=", ".join(each.name for each in ordered(session)) or "none yet")
    return value(row)


def target_of(place: Environment, named: str = "") -> str:
    """The target that runs a deployment in the environment: the one that is named, else its own.

    Raises TargetNotAllowed.
    """
    if named and named not in place.targets:
        raise TargetNotAllowed(environment=place.name, target=named, allowed=", ".join(place.targets))
    return named or place.target


def ordered(session: Session) -> list[Environment]:
    """All environments, in the order of promotion."""
    return [value(row) for row in session.scalars(select(EnvironmentRow).order_by(EnvironmentRow.position))]


def value(row: EnvironmentRow) -> Environment:
    """The row as a value."""
    return Environment(
        name=row.name,
        title=row.title,
        target=row.target,
        position=row.position,
        promoters=tuple(row.promoters),
        settings=dict(row.settings),
        defined_at=row.defined_at,
        defined_by=row.defined_by,
    )


def _check(
    session: Session, name: str, title: str, position: int, promoters: tuple[str, ...], settings: Mapping[str, Any]
) -> None:
    def refuse(field: str, reason: str) -> None:
        raise EnvironmentInvalid(name=name, field=field, reason=reason)

    if not NAME.fullmatch(name):
        refuse("name", "a name has lower-case letters, digits and hyphens, a letter first, 40 at most")
    if not title.strip():
        refuse("title", "it has no title")
    if unknown := [role for role in promoters if role not in ROLES]:
        refuse("promoters", f"unknown roles: {', '.join(unknown)}; known: {', '.join(ROLES)}")
    for setting, given in settings.items():
        if setting not in SETTINGS:
            refuse("settings", f"unknown setting {setting}; known: {', '.join(SETTINGS)}")
        if type(given) is not SETTINGS[setting][0]:
            refuse("settings", f"{setting} is {given!r}, not of type {SETTINGS[setting][0].__name__}")
        if setting == "endpoint" and not ENDPOINT.fullmatch(given):
            refuse("settings", "endpoint is no address that begins with https:// or http:// and ends with host or port")
        if setting == "targets":
            for each in given:
                targets.get(str(each))
    holder = session.scalar(
        select(EnvironmentRow.name).where(EnvironmentRow.position == position, EnvironmentRow.name != name)
    )
    if holder is not None:
        refuse("position", f"position {position} belongs to {holder}")
