"""Feeds as they are defined: whose, of which model, of which kind, how often, with which columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inventory import queries, spans
from engine.inventory.references import stream
from engine.monitoring.feeds import registry
from engine.monitoring.feeds.content import FAMILIES
from engine.monitoring.feeds.tables import FeedRow
from engine.serving import environments
from engine.store import now

NAME = re.compile(r"[a-z][a-z0-9-]{0,59}")
ORIGINS = ("internal", "external")


class FeedUnknown(GatewrightError):
    """There is no feed {feed}."""

    code = "feed-unknown"
    hint = "Look at the list of feeds for its name."
    status = 404


class FeedRefused(GatewrightError):
    """The feed {feed} cannot be defined: {field}: {reason}."""

    code = "feed-refused"
    hint = "Correct the field; docs/monitoring.md tells what each one holds."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where rows of a model come from."""

    name: str
    model: str
    environment: str
    kind: str
    owner: str  #: who is asked when it does not come
    origin: str  #: internal or external
    cadence: str  #: an ISO 8601 duration: the length of its windows
    grace: str  #: how long after its end a window may come
    columns: Mapping[str, str]  #: column -> family of its type, in order; empty: as the reference has them
    output: str  #: the column that holds what the model answered; empty: none
    settings: Mapping[str, Any]  #: of its kind
    paused: bool
    defined_at: datetime
    defined_by: str

    @property
    def length(self) -> timedelta:
        """The length of its windows."""
        return spans.length(self.cadence)

    @property
    def patience(self) -> timedelta:
        """How long after its end a window may come."""
        return spans.length(self.grace)


def define(
    session: Session,
    person: Person,
    *,
    name: str,
    model: str,
    environment: str,
    kind: str,
    owner: str,
    origin: str = "internal",
    cadence: str = "P1D",
    grace: str = "PT1H",
    columns: Mapping[str, str] | None = None,
    output: str = "",
    settings: Mapping[str, Any] | None = None,
    paused: bool = False,
) -> Feed:
    """The feed, made or changed; raises FeedRefused naming the field, FeedKindUnknown, ModelUnknown, NotPermitted."""
    require(person, "feed.edit")
    found = registry.get(kind)
    queries.model(session, model)
    environments.get(session, environment)

    def refuse(field: str, reason: str) -> None:
        raise FeedRefused(feed=name, field=field, reason=reason)

    if not NAME.fullmatch(name):
        refuse("name", "a name has lower-case letters, digits and hyphens, a letter first, 60 at most")
    if not owner.strip():
        refuse("owner", "nobody could be asked")
    if origin not in ORIGINS:
        refuse("origin", f"it is one of {', '.join(ORIGINS)}")
    for field, given in (("cadence", cadence), ("grace", grace)):
        try:
            spans.length(given)
        except ValueError as reason:
            refuse(field, str(reason))
    for column, family in (columns or {}).items():
        if family not in FAMILIES:
            refuse("columns", f"{column} is {family!r}, none of {', '.join(FAMILIES)}")
    try:
        checked = found.settings.model_validate(dict(settings or {})).model_dump(mode="json")
    except ValidationError as reason:
        wrong = reason.errors(include_url=False, include_input=False)[0]
        refuse("settings", f"{'.'.join(map(str, wrong['loc'])) or 'the whole'}: {wrong['msg']}")
    row = session.get(FeedRow, name, with_for_update=True)
    if row is not None and (row.model, row.environment) != (model, environment):
        refuse("model", f"the name belongs to a feed of {row.model} in {row.environment}")
    values = {
        "model": model,
        "environment": environment,
        "kind": kind,
        "owner": owner.strip(),
        "origin": origin,
        "cadence": cadence,
        "grace": grace,
        # A list of pairs: JSONB keeps no order of keys.
        "columns": {"columns": [[column, family] for column, family in (columns or {}).items()]},
        "output": output,
        "settings": checked,
        "paused": paused,
        "defined_at": now(session),
        "defined_by": person.id,
    }
    if row is None:
        row = FeedRow(name=name, **values)
        session.add(row)
    else:
        for field, changed in values.items():
            setattr(row, field, changed)
    session.flush()
    told = {field: each for field, each in values.items() if field not in ("model", "defined_at", "defined_by")}
    audit.record(session, stream(model), "feed.defined", actor=person.id, subject=name, **told)
    return value(row)


def get(session: Session, name: str) -> Feed:
    """The feed of this name; raises FeedUnknown."""
    row = session.get(FeedRow, name)
    if row is None:
        raise FeedUnknown(feed=name)
    return value(row)


def listed(session: Session, *, model: str | None = None, environment: str | None = None) -> list[Feed]:
    """The feeds by name."""
    statement = select(FeedRow).order_by(FeedRow.name)
    if model is not None:
        statement = statement.where(FeedRow.model == model)
    if environment is not None:
        statement = statement.where(FeedRow.environment == environment)
    return [value(row) for row in session.scalars(statement)]


def value(row: FeedRow) -> Feed:
    """The row as a value."""
    return Feed(
        name=row.name,
        model=row.model,
        environment=row.environment,
        kind=row.kind,
        owner=row.owner,
        origin=row.origin,
        cadence=row.cadence,
        grace=row.grace,
        columns=dict(row.columns.get("columns", ())),
        output=row.output,
        settings=dict(row.settings),
        paused=row.paused,
        defined_at=row.defined_at,
        defined_by=row.defined_by,
    )
