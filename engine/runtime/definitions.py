"""Process definitions: drafted, reviewed by a second architect, published, and from then on immutable.

A definition is its files (diagram, decisions, forms, scenario), known by name, version and the sha256 over them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from engine import audit, bpmn, identity, store
from engine.bpmn.proofs import Proof
from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import forms, proofs, registry
from engine.runtime.tables import DefinitionFileRow, DefinitionRow

Files = Mapping[str, bytes]

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

#: the library is published by the release that carries it
RELEASE = Person.system("release")


class DefinitionUnknown(GatewrightError):
    """There is no process definition {definition}."""

    code = "definition-unknown"
    hint = "`gatewright process list` and the page Processes name those that can be started."
    status = 404


class DefinitionRefused(GatewrightError):
    """{process} cannot be published: {count} of its elements are not right. {issues}"""

    code = "definition-refused"
    hint = "Open the diagram in the modeler and press Validate: each issue is shown on its element."
    status = 422

    issues: list[bpmn.Issue]


class DefinitionClosed(GatewrightError):
    """{process} is {state} and cannot be {act}."""

    code = "definition-closed"
    hint = "Save a new draft instead: what is published stays as it is."
    status = 409


class OwnReview(GatewrightError):
    """{person} drew at this version of {process} and cannot also publish it."""

    code = "own-review"
    hint = "Another AI architect reviews and publishes it."
    status = 403


class FileNameRefused(GatewrightError):
    """A file of a definition cannot be named {name!a}."""

    code = "file-name"
    hint = "Take letters, digits, dot, hyphen and underscore, a letter or digit first; 100 at most, and no folders."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One version, or one draft, of a process."""

    id: UUID
    name: str  #: the process id in the diagram
    version: int | None  #: given at publishing
    sha256: str
    state: str  #: draft, in_review, published, rejected
    title: str
    author: str  #: who drew what its files are now
    authors: list[str]  #: all who had a hand in it: none of them reviews it
    reviewer: str | None
    comment: str | None
    created_at: datetime
    decided_at: datetime | None

    @property
    def label(self) -> str:
        """What people call it, with the version where it has one."""
        return f"{self.name} v{self.version}" if self.version else f"{self.name} ({self.state.replace('_', ' ')})"


_LATEST = """
    SELECT id, name, version, sha256, state, title, author, authors, reviewer, comment, created_at, decided_at
    FROM runtime.definitions
    WHERE name = %(name)s AND state = 'published' ORDER BY version DESC LIMIT 1
"""


def value(row: DefinitionRow) -> Definition:
    """The row as a value."""
    return Definition(**{field: getattr(row, field) for field in Definition.__slots__})


def check(session: Session, files: Files) -> list[bpmn.Issue]:
    """What is wrong with a diagram and its files, against what this house has: handlers, roles, processes."""
    latest = select(DefinitionRow.name, func.max(DefinitionRow.version)).where(DefinitionRow.state == "published")
    found = session.execute(latest.group_by(DefinitionRow.name)).all()
    versions = {name: version for name, version in found if version is not None}
    return _issues(files, frozenset(versions), versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What is wrong with a diagram, and what is proven of it where nothing keeps it from being executed."""

    issues: list[bpmn.Issue]  #: those of the proof among them
    proof: Proof | None  #: None while there are errors that come before it

    @property
    def publishable(self) -> bool:
        """Whether there is no error."""
        return not any(issue.severity == "error" for issue in self.issues)


def examine(session: Session, files: Files) -> Examined:
    """The check of a diagram, and its proof over all paths."""
    found = check(session, files)
    if any(issue.severity == "error" for issue in found):
        return Examined(issues=found, proof=None)
    proof = proofs.prove(session, files)
    return Examined(issues=[*found, *proofs.issues(proof)], proof=proof)


def draft(session: Session, person: Person, files: Files) -> Definition:
    """A new draft of the diagram; it may still have issues, but it must be a diagram.

    Raises DefinitionRefused where it is none, FileNameRefused, NotPermitted.
    """
    identity.require(person, "process.draft")
    row = _drafted(session, person, files)
    _record(session, row, "definition.drafted", person)
    return value(row)


def draft_each(session: Session, person: Person, files: Files) -> list[Definition]:
    """A new draft for each executable process of the diagram, in the order in which they are drawn; one as by `draft`.

    Raises DefinitionRefused where it is no diagram, FileNameRefused, NotPermitted.
    """
    return [draft(session, person, each) for each in bpmn.apart(files).values()]


def edit(session: Session, person: Person, definition: UUID, files: Files) -> Definition:
    """The draft with other files; raises DefinitionClosed for what is no longer a draft."""
    identity.require(person, "process.draft")
    row = _locked(session, definition)
    if row.state not in ("draft", "rejected"):
        raise DefinitionClosed(process=row.name, state=row.state.replace("_", " "), act="edited")
    description = _describe(files)
    session.execute(delete(DefinitionFileRow).where(DefinitionFileRow.definition == row.id))
    _write_files(session, row, files)
    row.name, row.title = description.process_id, description.name or description.process_id
    row.sha256, row.state, row.author = bpmn.digest(files), "draft", person.id
    row.authors = sorted({*row.authors, person.id})
    _record(session, row, "definition.edited", person)
    return value(row)


def submit(session: Session, person: Person, definition: UUID) -> Definition:
    """The draft, put before a second architect; raises DefinitionRefused, DefinitionUnproven."""
    identity.require(person, "process.draft")
    row = _locked(session, definition)
    if row.state != "draft":
        raise DefinitionClosed(process=row.name, state=row.state.replace("_", " "), act="put to review")
    _refuse_errors(session, row)
    # What was not decided is for the reviewer to answer for; what fails need not come before one.
    proofs.require(_proven(session, row), undecided_accepted=True)
    row.state = "in_review"
    _record(session, row, "definition.submitted", person)
    return value(row)


def publish(
    session: Session, person: Person, definition: UUID, comment: str = "", *, undecided_accepted: bool = False
) -> Definition:
    """The next version of its process; raises OwnReview for its authors, DefinitionRefused where it has errors.

    Raises DefinitionUnproven where a policy or its soundness fails on some path, DefinitionUndecided where that was not
    decided and the reviewer does not answer for it (`undecided_accepted`, with a comment that says why).
    """
    identity.require(person, "process.publish")
    row = _locked(session, definition)
    if row.state != "in_review":
        raise DefinitionClosed(process=row.name, state=row.state.replace("_", " "), act="published")
    # All of them, not the last one alone: two who edit each other's drafts would need no third pair of eyes.
    if person.id in row.authors:
        raise OwnReview(person=person.name, process=row.name)
    _refuse_errors(session, row)
    found = _proven(session, row)
    accepted = undecided_accepted and bool(comment.strip())
    proofs.require(found, undecided_accepted=accepted)
    return _publish(session, row, person, comment, found)


def reject(session: Session, person: Person, definition: UUID, comment: str) -> Definition:
    """The draft, sent back to its author with the reviewer's reason."""
    identity.require(person, "process.review")
    row = _locked(session, definition)
    if row.state != "in_review":
        raise DefinitionClosed(process=row.name, state=row.state.replace("_", " "), act="rejected")
    row.state, row.reviewer, row.comment, row.decided_at = "rejected", person.id, comment, store.now(session)
    _record(session, row, "definition.rejected", person, comment=comment)
    return value(row)


def publish_shipped(session: Session, folders: Mapping[str, Files]) -> list[Definition]:
    """Publishes those folders of the shipped library whose content is not there yet; returns what is new (R13).

    A definition that somebody published since under the same name stays the latest: the shipped one is only ever
    published where its own content was never published before.
    """
    # Two houses that start at once on one database would both find nothing there.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("shipped library", 0))))
    published = select(DefinitionRow.name, DefinitionRow.sha256).where(DefinitionRow.state == "published")
    known = {(name, sha256) for name, sha256 in session.execute(published)}
    missing = {name: files for name, files in folders.items() if (name, bpmn.digest(files)) not in known}
    processes = frozenset(folders) | {name for name, _ in known}
    new = []
    for name, files in sorted(missing.items()):
        errors = [issue for issue in _issues(files, processes) if issue.severity == "error"]
        if errors:
            raise refused(name, errors)
        proof = proofs.prove(session, files, folders)
        proofs.require([proof])
        row = _drafted(session, RELEASE, files)
        new.append(_publish(session, row, RELEASE, "Shipped with this release.", [proof]))
    return new


def latest(session: Session, name: str) -> Definition:
    """The latest published version; raises DefinitionUnknown."""
    row = store.execute(session, _LATEST, {"name": name}).fetchone()
    if row is None:
        raise DefinitionUnknown(definition=name)
    return Definition(**row)


def called(session: Session, key: str) -> Definition:
    """What a call activity names: the latest version of a process, or the one to which the call is bound.

    Raises DefinitionUnknown.
    """
    name, version = bpmn.bindings.process_of(key), bpmn.bindings.version_of(key)
    if version is None:
        return latest(session, name)
    row = session.scalars(
        select(DefinitionRow).where(
            DefinitionRow.name == name, DefinitionRow.version == version, DefinitionRow.state == "published"
        )
    ).one_or_none()
    if row is None:
        raise DefinitionUnknown(definition=key)
    return value(row)


def get(session: Session, definition: UUID) -> Definition:
    """The definition of this id; raises DefinitionUnknown."""
    row = session.get(DefinitionRow, definition)
    if row is None:
        raise DefinitionUnknown(definition=definition)
    return value(row)


def files_of(session: Session, definition: UUID) -> dict[str, bytes]:
    """The files of a definition, by name."""
    rows = session.execute(
        select(DefinitionFileRow.name, DefinitionFileRow.content)
        .where(DefinitionFileRow.definition == definition)
        .order_by(DefinitionFileRow.name)
    )
    return {name: bytes(content) for name, content in rows}


def refused(process: str, errors: list[bpmn.Issue]) -> DefinitionRefused:
    """The refusal that names its issues."""
    named = " ".join(
        f"{issue.name or issue.element} ({issue.element}, line {issue.line}): {issue.reason}"
        if issue.element
        else f"{issue.process}: {issue.reason}"
        for issue in errors[:5]
    )
    refusal = DefinitionRefused(process=process, count=len(errors), issues=named)
    refusal.issues = errors
    return refusal


def _describe(files: Files) -> bpmn.ProcessDescription:
    for name in files:
        if not _FILE_NAME.fullmatch(name):  # whoever takes a definition out writes files of these names
            raise FileNameRefused(name=name[:100])
    try:
        return bpmn.describe(files)
    except bpmn.NotExecutable:
        raise refused("The diagram", bpmn.check(files, bpmn.Vocabulary())) from None


def _drafted(session: Session, person: Person, files: Files) -> DefinitionRow:
    description = _describe(files)
    row = DefinitionRow(
        id=store.new_id(),
        name=description.process_id,
        version=None,
        sha256=bpmn.digest(files),
        state="draft",
        title=description.name or description.process_id,
        author=person.id,
        authors=[person.id],
        created_at=store.now(session),
    )
    session.add(row)
    session.flush()
    _write_files(session, row, files)
    return row


def _issues(files: Files, processes: frozenset[str], versions: Mapping[str, int] | None = None) -> list[bpmn.Issue]:
    found = bpmn.check(files, registry.vocabulary(frozenset(identity.ROLES), processes, versions))
    try:
        named = bpmn.describe(files).forms
    except bpmn.NotExecutable:
        return found  # the check has told why
    for name in sorted(set(named) & set(files)):
        try:
            forms.read(name, files[name])
        except forms.FormUnreadable as refusal:
            found.append(bpmn.Issue(rule="forms", process=name, reason=refusal.message, hint=refusal.way_on))
    return found


def _refuse_errors(session: Session, row: DefinitionRow) -> None:
    errors = [issue for issue in check(session, files_of(session, row.id)) if issue.severity == "error"]
    if errors:
        raise refused(row.name, errors)


def _proven(session: Session, row: DefinitionRow) -> list[Proof]:
    """The proof of a definition, then those of all published processes that call it."""
    files = files_of(session, row.id)
    return [proofs.prove(session, files), *proofs.of_callers(session, files)]


def _publish(session: Session, row: DefinitionRow, person: Person, comment: str, found: list[Proof]) -> Definition:
    # Two publishings of one name at a time would take the same number: they wait for one another.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(row.name, 0))))
    highest = session.scalar(select(func.max(DefinitionRow.version)).where(DefinitionRow.name == row.name))
    row.version, row.state = (highest or 0) + 1, "published"
    row.reviewer, row.comment, row.decided_at = person.id, comment, store.now(session)
    session.flush()
    undecided = sorted({each.name for proof in found for each in proof.undecided})
    _record(
        session,
        row,
        "definition.published",
        person,
        version=row.version,
        comment=comment,
        proof=found[0].as_facts(),
        proof_digest=found[0].digest,
        callers={proof.process: proof.digest for proof in found[1:]},
        **({"undecided_accepted": undecided} if undecided else {}),
    )
    return value(row)


def _locked(session: Session, definition: UUID) -> DefinitionRow:
    row = session.get(DefinitionRow, definition, with_for_update=True)
    if row is None:
        raise DefinitionUnknown(definition=definition)
    return row


def _write_files(session: Session, row: DefinitionRow, files: Files) -> None:
    session.execute(
        insert(DefinitionFileRow),
        [{"definition": row.id, "name": name, "content": content} for name, content in files.items()],
    )


def _record(session: Session, row: DefinitionRow, act: str, person: Person, **facts: object) -> None:
    audit.record(
        session, "system", act, actor=person.id, subject=row.name, definition=str(row.id), sha256=row.sha256, **facts
    )
