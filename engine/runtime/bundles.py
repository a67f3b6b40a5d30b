"""What an instance runs: its definition and all it calls, resolved once, at the start, and known by one digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from engine import bpmn, store
from engine.errors import GatewrightError
from engine.runtime import definitions
from engine.runtime.definitions import Definition
from engine.runtime.tables import BundleRow, DefinitionRow


class BundleUnknown(GatewrightError):
    """The definitions with the digest {digest} are not in this database."""

    code = "bundle-unknown"
    hint = "The database was restored in part: restore it from a whole backup."
    status = 500


def resolve(session: Session, name: str) -> tuple[bpmn.Bundle, Definition]:
    """The latest published version of a process with all that it calls; raises DefinitionUnknown.

    Of what it calls the latest version, too, or the one to which the call is bound.
    """
    main = definitions.latest(session, name)
    members = {name: main}
    waiting = [name]
    while waiting:
        for called in description(session, members[waiting.pop()].id).calls:
            if called not in members:
                members[called] = definitions.called(session, called)
                waiting.append(called)
    return _of(session, name, {process: each.id for process, each in members.items()}), main


def load(session: Session, digest: str) -> bpmn.Bundle:
    """The bundle of an instance; raises BundleUnknown."""
    if known := _bundles.get(digest):
        return known
    row = session.get(BundleRow, digest)
    if row is None:
        raise BundleUnknown(digest=digest)
    return _of(session, row.main, {process: UUID(each) for process, each in row.members.items()})


def members(session: Session, digest: str) -> dict[str, UUID]:
    """Process id -> id of the definition that the bundle runs for it."""
    found = session.scalar(select(BundleRow.members).where(BundleRow.digest == digest))
    if found is None:
        raise BundleUnknown(digest=digest)
    return {process: UUID(each) for process, each in found.items()}


#: Bundles by digest, and digests by their members: published definitions never change, so nothing here goes stale.
_bundles: dict[str, bpmn.Bundle] = {}
_digests: dict[tuple[tuple[str, UUID], ...], str] = {}
_KEPT = 256


def _of(session: Session, main: str, ids: dict[str, UUID]) -> bpmn.Bundle:
    key = ((main, ids[main]), *sorted((process, each) for process, each in ids.items() if process != main))
    # Asked with `get`, once: another thread may clear both in between.
    if known := _bundles.get(_digests.get(key, "")):
        return known
    files = {process: definitions.files_of(session, each) for process, each in ids.items()}
    bundle = bpmn.bundle(files.pop(main), files)
    session.execute(
        insert(BundleRow)
        .values(
            digest=bundle.digest,
            main=main,
            members={process: str(each) for process, each in ids.items()},
            created_at=store.now(session),
        )
        .on_conflict_do_nothing()
    )
    if len(_bundles) >= _KEPT:
        _bundles.clear()
        _digests.clear()
    # Kept only once the row is committed: a rolled-back start must not make a later one skip the insert.
    store.after_commit(session, lambda: _keep(key, bundle))
    return bundle


def _keep(key: tuple[tuple[str, UUID], ...], bundle: bpmn.Bundle) -> None:
    _bundles[bundle.digest] = bundle
    _digests[key] = bundle.digest


def versions(session: Session, members: Mapping[str, UUID]) -> dict[str, int]:
    """Process -> version of what a bundle runs for it; read once for each."""
    wanted = set(members.values()) - _versions.keys()
    if wanted:
        rows = select(DefinitionRow.id, DefinitionRow.version).where(DefinitionRow.id.in_(wanted))
        _versions.update({id: version for id, version in session.execute(rows) if version is not None})
    return {process: _versions[id] for process, id in members.items() if id in _versions}


_versions: dict[UUID, int] = {}
_descriptions: dict[UUID, bpmn.ProcessDescription] = {}


def description(session: Session, definition: UUID) -> bpmn.ProcessDescription:
    """What a published definition consists of."""
    if definition not in _descriptions:
        _descriptions[definition] = bpmn.describe(definitions.files_of(session, definition))
    return _descriptions[definition]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A start event of the latest published version of a process, for a message, a signal or a timer."""

    process: str
    beginning: bpmn.Beginning
    publisher: str
    published_at: datetime


def beginnings(session: Session) -> list[Begun]:
    """What messages, signals and timers start, by process and in the order of its diagram."""
    latest = (
        select(DefinitionRow.name, DefinitionRow.id, DefinitionRow.reviewer, DefinitionRow.decided_at)
        .where(DefinitionRow.state == "published")
        .ext(distinct_on(DefinitionRow.name))
        .order_by(DefinitionRow.name, DefinitionRow.version.desc())
    )
    return [
        Begun(process=name, beginning=each, publisher=reviewer or "", published_at=at)
        for name, id, reviewer, at in session.execute(latest)
        if at is not None
        for each in description(session, id).beginnings
    ]
