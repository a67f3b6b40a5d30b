"""Assets: the files of a version, each in a role, each by digest."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import audit, events
from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inventory import models
from engine.inventory.queries import AssetMissing, VersionUnknown
from engine.inventory.references import VersionRef, stream
from engine.inventory.tables import AssetRow, VersionRow
from engine.inventory.values import Asset, as_asset
from engine.store import files, new_id, now
from engine.store.files import FileMissing

#: role -> what the file is; completeness and pages speak with these words
ROLES: dict[str, str] = {
    "artefact": "the model file",
    "source": "the source that trains it, or the table as it was written",
    "training_data": "the rows that it was trained on",
    "profile": "what the training data holds, in a few numbers a column",
    "reference": "what its columns and its output held when it was tested, in counts",
    "test_data": "the rows that it was tested on",
    "input_schema": "what a row holds",
    "output_schema": "what an answer holds",
    "parameters": "the parameters of the training, seed included",
    "libraries": "the libraries that it was trained with, to the version",
    "metrics": "what the training reported",
    "probe": "rows to compare predictions on",
    "predictions": "the predictions on the probe rows",
    "compiled": "the model as arrays, and how far they are from the original on the probe rows",
    "tests": "the reports of its last tests, one a suite",
    "attributions": "what moves its answers: by column its mean Shapley values on tested rows",
    "documentation": "the model card and other documents",
}
#: a version may have several of these, told apart by name
SEVERAL = frozenset({"documentation", "metrics", "source", "tests"})


class RoleUnknown(GatewrightError):
    """There is no asset role {role!r}; there are {known}."""

    code = "asset-role"
    hint = "Take one of them; a document of any sort is `documentation`."
    status = 422


def attach(session: Session, by: Person, ref: VersionRef, role: str, digest: str, *, name: str | None = None) -> Asset:
    """A file of the store as the version's asset; one that had its role and name is replaced, and stays readable.

    Whoever approved the version on the old file is told by the event `asset.changed`. Raises NotPermitted,
    VersionUnknown, ModelRetired, RoleUnknown or FileMissing.
    """
    require(by, "model.edit")
    return put(session, ref, {(role, name): digest}, actor=by.id)[0]


def put(session: Session, ref: VersionRef, added: dict[tuple[str, str | None], str], *, actor: str) -> list[Asset]:
    """The same for several files at once, by whoever the caller has checked; (role, name) -> digest."""
    models.lock(session, ref.model)
    if session.get(VersionRow, (ref.model, ref.number)) is None:
        raise VersionUnknown(version=ref)
    current = {(row.role, row.name): row for row in _current(session, ref)}
    store, instant = files(session), now(session)
    result, changed = [], {}
    for (role, given), digest in added.items():
        if role not in ROLES:
            raise RoleUnknown(role=role, known=", ".join(ROLES))
        name = given if given and role in SEVERAL else role
        if not store.exists(digest):
            raise FileMissing(digest=digest)
        before = current.get((role, name))
        if before is not None and before.digest == digest:
            result.append(as_asset(before))
            continue
        if before is not None:
            before.replaced_at = instant
            session.flush()
        row = AssetRow(
            id=new_id(),
            model=ref.model,
            number=ref.number,
            role=role,
            name=name,
            digest=digest,
            size=store.size(digest),
            added_at=instant,
            added_by=actor,
        )
        session.add(row)
        audit.record(
            session,
            stream(ref.model),
            "asset.replaced" if before is not None else "asset.attached",
            actor=actor,
            subject=str(ref),
            role=role,
            name=name,
            digest=digest,
            before=before.digest if before is not None else None,
        )
        changed[evidence_name(role, name)] = digest
        result.append(as_asset(row))
    session.flush()
    if changed:
        events.emit(session, "asset.changed", str(ref), changed)
    return result


def detach(session: Session, by: Person, ref: VersionRef, role: str, *, name: str | None = None) -> Asset:
    """The asset that the version no longer has; the file and its row stay."""
    require(by, "model.edit")
    models.lock(session, ref.model)
    for row in _current(session, ref):
        if row.role == role and name in (None, row.name):
            row.replaced_at = now(session)
            audit.record(
                session,
                stream(ref.model),
                "asset.detached",
                actor=by.id,
                subject=str(ref),
                role=role,
                name=row.name,
                digest=row.digest,
            )
            events.emit(session, "asset.changed", str(ref), {evidence_name(role, row.name): ""})
            session.flush()
            return as_asset(row)
    raise AssetMissing(version=ref, role=role)


def evidence_name(role: str, name: str) -> str:
    """How an asset is called among the evidence of an approval."""
    return role if name == role else f"{role}:{name}"


def _current(session: Session, ref: VersionRef) -> Iterable[AssetRow]:
    return session.scalars(
        select(AssetRow).where(
            AssetRow.model == ref.model, AssetRow.number == ref.number, AssetRow.replaced_at.is_(None)
        )
    ).all()
