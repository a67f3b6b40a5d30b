"""Checking the log, without a database: rows and checkpoints in, what is wrong out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.audit import chain
from engine.audit.checkpoints import Checkpoint, Head, root
from engine.audit.keys import PublicKey

Kind = Literal["altered", "removed", "inserted", "cut", "vanished", "erased unseen", "checkpoint"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where the log does not prove itself."""

    kind: Kind
    stream: str
    seq: int | None
    reason: str

    def __str__(self) -> str:
        where = self.stream if self.seq is None else f"{self.stream}#{self.seq}"
        return f"{self.kind}: {where}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A row as it was found."""

    stream: str
    seq: int
    payload_hash: bytes | None  #: None with `hash` where only a content was found
    hash: bytes | None
    salt: bytes | None
    payload: bytes | None
    told: bool  #: whether there is a content row at all, be it erased
    columns: tuple[str, str, str | None, str | None] | None  #: at, act, actor, subject beside the content
    erasure: bool  #: whether the database says that the content was erased
    signed: tuple[int, bytes] | None  #: the checkpoint that saw this row as a head, and the hash it saw


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verification saw."""

    rows: int
    streams: int
    checkpoints: int
    findings: tuple[Finding, ...]
    covered_until: str | None  #: the instant of the newest checkpoint
    uncovered: int  #: rows that no checkpoint covers yet
    uncovered_since: str | None  #: the instant of the oldest of them
    keys: tuple[str, ...]  #: the ids of the keys that signed

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def lines(self) -> list[str]:
        """The report as a person reads it."""
        told = [str(finding) for finding in self.findings]
        told.append(f"{self.rows} rows in {self.streams} streams, {self.checkpoints} checkpoints")
        told += [f"signed by key {key}" for key in self.keys]
        if self.uncovered:
            told.append(f"not yet covered by a checkpoint: {self.uncovered} rows since {self.uncovered_since}")
        elif self.rows:
            told.append(f"covered by checkpoints up to {self.covered_until}")
        told.append("the log is intact" if self.intact else f"the log is NOT intact: {len(self.findings)} findings")
        return told


@dataclass(slots=True)
class Proof:
    """A verification under way: checkpoints first, then every stream's rows in order, then the report."""

    keys: Mapping[str, PublicKey]
    findings: list[Finding] = field(default_factory=list)
    _covered: dict[str, tuple[int, int]] = field(default_factory=dict)  # stream -> seq, checkpoint
    _rows: int = 0
    _streams: int = 0
    _checkpoints: int = 0
    _root: bytes = chain.ZERO
    _until: str | None = None
    _signers: set[str] = field(default_factory=set)
    _uncovered: int = 0
    _since: str | None = None
    _erased: set[str] = field(default_factory=set)
    _told_erased: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def checkpoint(self, found: Checkpoint, heads: Iterable[Head] | None) -> None:
        """Take the next checkpoint with its heads, sorted by stream; None where their paths are checked elsewhere."""
        facts = found.facts()
        number = self._checkpoints + 1
        if not facts:
            self._wrong_checkpoint(number, "its bytes are no statement")
            return
        while number < facts["number"]:
            self._wrong_checkpoint(number, "it is missing")
            self._root, number = b"", number + 1
        self._checkpoints = facts["number"]
        key = self.keys.get(str(facts.get("key")))
        if key is None:
            self._wrong_checkpoint(number, f"it is signed by a key that is not known here: {facts.get('key')}")
        elif not key.proves(found.signature, found.statement):
            self._wrong_checkpoint(number, "its signature does not fit")
        else:
            self._signers.add(key.id)
        if self._root and facts["previous"] != self._root.hex():
            self._wrong_checkpoint(number, "it does not follow from the one before")
        if heads is not None:
            seen = list(heads)
            if root(bytes.fromhex(facts["previous"]), seen).hex() != facts["root"]:
                self._wrong_checkpoint(number, "the heads stored with it are not those that were signed")
            for head in seen:
                self.covers(head, number)
        self._root, self._until = bytes.fromhex(facts["root"]), facts["at"]

    def covers(self, head: Head, number: int) -> None:
        """Take a head that a checkpoint has signed."""
        if head.seq > self._covered.get(head.stream, (0, 0))[0]:
            self._covered[head.stream] = (head.seq, number)

    def outside(self, kept: Iterable[Checkpoint], inside: Mapping[int, bytes]) -> None:
        """Compare the checkpoints kept outside with the statements found inside, by number."""
        for each in kept:
            number = int(each.facts().get("number", 0))
            if number not in inside:
                self._wrong_checkpoint(number, "it is kept outside of the database and has vanished inside")
            elif inside[number] != each.statement:
                self._wrong_checkpoint(number, "the one kept outside of the database says something else")

    def orphans(self, number: int) -> None:
        """Take that heads of a checkpoint were found, and no such checkpoint."""
        self._wrong_checkpoint(number, "its heads are there, and it is missing")

    def stream(self, name: str, links: Iterable[Link], head: tuple[int, bytes] | None) -> None:
        """Take all rows of one stream by seq, and the head that the database keeps; None where none is kept."""
        self._streams += 1
        self._seen.add(name)
        last, last_hash = 0, chain.ZERO
        covered, checkpoint = self._covered.get(name, (0, 0))
        for link in self._chained(name, links):
            self._rows += 1
            last, last_hash = link.seq, link.hash or chain.ZERO
            self._content(link)
            if link.signed is not None and link.signed[1] != link.hash:
                self._wrong("altered", name, link.seq, f"checkpoint {link.signed[0]} signed another hash for it")
            if link.seq > covered:
                self._uncovered += 1
                if link.columns is not None and (self._since is None or link.columns[0] < self._since):
                    self._since = link.columns[0]
        if last < covered:
            self._wrong("cut", name, last + 1, f"checkpoint {checkpoint} signed {covered} rows, {last} are left")
        if head is not None and head != (last, last_hash):
            if head[0] > last:
                self._wrong("cut", name, last + 1, f"its head says {head[0]} rows, {last} are left")
            elif head[0] < last:
                self._wrong("inserted", name, head[0] + 1, f"its head says {head[0]} rows, there are {last}")
            else:
                self._wrong("altered", name, last, "its head holds another hash")

    def unproven(self, head: Head, number: int) -> None:
        """Take that a head is said to be signed and its path does not lead to the signed root."""
        self._wrong_checkpoint(number, f"the path from {head.stream}#{head.seq} does not lead to the root it signed")

    def report(self, *, partial: bool = False) -> Report:
        """What was seen; streams that checkpoints know and nobody brought have vanished.

        partial: the stream `system` was not brought, so that who erased what cannot be told.
        """
        for name in sorted(self._covered.keys() - self._seen):
            seq, checkpoint = self._covered[name]
            self._wrong("vanished", name, None, f"checkpoint {checkpoint} signed {seq} rows of it, there is none")
        for name in sorted(set() if partial else self._erased - self._told_erased):
            stream, _, number = name.rpartition("#")
            self._wrong("erased unseen", stream, int(number), "its content is gone, and no row of `system` tells of it")
        return Report(
            rows=self._rows,
            streams=self._streams,
            checkpoints=self._checkpoints,
            findings=tuple(self.findings),
            covered_until=self._until,
            uncovered=self._uncovered,
            uncovered_since=self._since,
            keys=tuple(sorted(self._signers)),
        )

    def _chained(self, name: str, links: Iterable[Link]) -> Iterator[Link]:
        """The rows of a stream, each told apart by how it fits to those before.

        shift: how far the numbers are off, by rows put in between or taken out with renumbering. A row that does not
        fit is held until the next one tells whether it was altered, put in, or follows one that was taken out.
        """
        expected, previous, shift = 1, chain.ZERO, 0
        suspect: Link | None = None
        for link in links:
            if link.hash is None or link.payload_hash is None:
                self._wrong("inserted", name, link.seq, "a content without a row")
                continue
            if link.seq < 1:
                self._wrong("inserted", name, link.seq, "rows are numbered from 1")
                continue
            if link.seq > expected:
                gone = f"rows {expected} to {link.seq - 1} are" if link.seq - 1 > expected else f"row {expected} is"
                self._wrong("removed", name, expected, f"{gone} missing")
                if suspect is not None:
                    self._wrong("altered", name, suspect.seq, "its hash does not follow from the row before")
                suspect, previous, shift = None, link.hash, 0
            elif suspect is None:
                if _fits(previous, link, shift):
                    previous = link.hash
                else:
                    suspect = link
            else:
                suspect, previous, shift = self._judge(name, suspect, link, previous, shift)
            expected = link.seq + 1
            yield link
        if suspect is not None:
            reason = "its hash does not follow from the row before: altered, or added by hand"
            self._wrong("altered", name, suspect.seq, reason)

    def _judge(
        self, name: str, suspect: Link, link: Link, previous: bytes, shift: int
    ) -> tuple[Link | None, bytes, int]:
        assert suspect.hash is not None  # noqa: S101 - such a row is never held
        assert link.hash is not None  # noqa: S101
        if _fits(previous, link, shift - 1):
            self._wrong("inserted", name, suspect.seq, "the row after it follows from the row before it")
            return None, link.hash, shift - 1
        if _fits(suspect.hash, link, shift):
            self._wrong("altered", name, suspect.seq, "its hash does not follow from the row before")
            return None, link.hash, shift
        if _fits(suspect.hash, link, shift + 1):
            self._wrong("removed", name, suspect.seq, "a row before it is missing and those after it were renumbered")
            return None, link.hash, shift + 1
        self._wrong("altered", name, suspect.seq, "its hash does not follow from the row before")
        return link, suspect.hash, shift

    def _content(self, link: Link) -> None:
        if not link.told:
            self._wrong("removed", link.stream, link.seq, "its content is missing")
            return
        if link.payload is None or link.salt is None:
            name = f"{link.stream}#{link.seq}"
            if not link.erasure or link.payload is not None:
                self._wrong("removed", link.stream, link.seq, "its content was emptied, not erased")
            else:
                self._erased.add(name)
            return
        if chain.payload_hash(link.salt, link.payload) != link.payload_hash:
            self._wrong("altered", link.stream, link.seq, "its content is not the one that was hashed")
            return
        facts = chain.read(link.payload)
        if facts is None:
            self._wrong("inserted", link.stream, link.seq, "its content is not one that Gatewright writes")
            return
        written = (facts["at"], facts["act"], facts["actor"], facts["subject"])
        if link.columns is not None and link.columns != written:
            self._wrong("altered", link.stream, link.seq, "the columns beside its content say something else")
        if link.stream == "system" and facts["act"] == "audit.erased":
            self._told_erased.add(facts["subject"])

    def _wrong(self, kind: Kind, stream: str, seq: int | None, reason: str) -> None:
        self.findings.append(Finding(kind, stream, seq, reason))

    def _wrong_checkpoint(self, number: int, reason: str) -> None:
        self._wrong("checkpoint", "checkpoints", number, reason)


def _fits(previous: bytes, link: Link, shift: int) -> bool:
    assert link.payload_hash is not None  # noqa: S101 - the caller has sorted those out
    seq = link.seq + shift
    return seq > 0 and chain.row_hash(previous, seq, link.stream, link.payload_hash) == link.hash
