"""What is different between two versions, of one model or of two: how each was made, of what, and who said yes."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from engine.governance import approvals
from engine.inventory import queries
from engine.inventory.assets import evidence_name
from engine.inventory.references import VersionRef
from engine.statistics import Estimate
from engine.store import Files, files
from engine.training import interpreters

PARTS = ("making", "assets", "parameters", "schemas", "libraries", "data", "metrics", "thresholds", "approvals")
#: files of these roles are read by people, and so compared line by line
_TEXTS = ("source", "documentation")
_MOST_BYTES, _MOST_LINES = 60_000, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same; None on the side that has it not."""

    part: str  #: one of PARTS
    name: str
    before: Any  #: a text, a number, a truth, or an estimate
    after: Any
    apart: bool | None = None  #: of estimates: whether their intervals have nothing in common


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDifference:
    """The lines that are not the same in a file that people read, in the unified form."""

    asset: str
    lines: tuple[str, ...]
    cut: bool  #: whether there are more than are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """All that is different between two versions."""

    before: VersionRef
    after: VersionRef
    differences: tuple[Difference, ...]
    texts: tuple[TextDifference, ...]
    same: Mapping[str, int]  #: part -> how many things of it are the same


def between(session: Session, before: VersionRef, after: VersionRef) -> Differences:
    """What is different, part by part; raises VersionUnknown. Files are compared by digest, then by what they hold."""
    sides = [_side(session, ref) for ref in (before, after)]
    found: list[Difference] = []
    same: dict[str, int] = {}
    for part in PARTS:
        was, now = (side.facts[part] for side in sides)
        names = sorted({*was, *now})
        changed = [name for name in names if _plain(was.get(name)) != _plain(now.get(name))]
        same[part] = len(names) - len(changed)
        found += [_difference(part, name, was.get(name), now.get(name)) for name in changed]
    texts = tuple(_lines(files(session), *(side.texts for side in sides)))
    return Differences(before=before, after=after, differences=tuple(found), texts=texts, same=same)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    facts: Mapping[str, Mapping[str, Any]]
    texts: Mapping[str, str]  #: asset -> digest, of the files that people read


def _side(session: Session, ref: VersionRef) -> _Side:
    version, model = queries.version(session, ref), queries.model(session, ref.model)
    assets, store = queries.assets(session, ref), files(session)
    digests = {evidence_name(asset.role, asset.name): asset.digest for asset in assets}
    reports = queries.test_reports(session, ref)

    def read(role: str) -> dict[str, Any]:
        """What a JSON asset holds; a file in another form is told by its digest alone."""
        try:
            return dict(flat(json.loads(store.read(digests[role])))) if role in digests else {}
        except ValueError:
            return {}

    facts: dict[str, Mapping[str, Any]] = {
        "making": {
            "source": version.source,
            "seed": version.seed,
            "created by": version.created_by,
            "note": version.note,
            "kind": model.kind,
            "tier": model.tier,
        },
        "assets": digests,
        "parameters": {**dict(flat(dict(version.parameters))), **read("parameters")},
        "schemas": {
            f"{role}.{name}": value for role in ("input_schema", "output_schema") for name, value in read(role).items()
        },
        "libraries": _libraries(store, digests),
        "data": _profile(store, digests),
        "metrics": {name: estimate for name, estimate in version.metrics.items() if estimate.known},
        "thresholds": {
            f"{suite}: {verdict.threshold} {verdict.bound:g} ({verdict.of})": _held(verdict.passed)
            for suite, report in reports.items()
            for verdict in report.verdicts
        },
        "approvals": {
            f"{each.purpose} in {each.environment} by {each.role}": _decision(each)
            for each in reversed(approvals.of_version(session, str(ref)))  # the last one stands
        },
    }
    texts = {
        evidence_name(each.role, each.name): each.digest
        for each in assets
        if each.role in _TEXTS and each.size <= _MOST_BYTES
    }
    return _Side(facts=facts, texts=texts)


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each leaf of JSON with its path: ("properties.AGE.type", "integer"); an empty list or object within is a leaf."""
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from flat(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from flat(each, f"{path}[{index}]")
    elif path:
        yield path, value


def _libraries(store: Files, digests: Mapping[str, str]) -> dict[str, str]:
    if "libraries" not in digests:
        return {}
    try:
        lock = interpreters.read(store.read(digests["libraries"]))
    except interpreters.LibrariesRefused:
        return {}  # the digests tell that it is another file
    return {**lock.used, **({"python": lock.python} if lock.python else {})}


def _profile(store: Files, digests: Mapping[str, str]) -> dict[str, Any]:
    if "profile" not in digests:
        return {}
    try:
        return dict(_columns(json.loads(store.read(digests["profile"]))))
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # a file of somebody's own: the digests tell that it is another


def _columns(profile: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "rows", profile["rows"]
    for column in profile["columns"]:
        for what in ("type", "missing", "distinct", "least", "greatest"):
            yield f"{column['name']}: {what}", column[what]
    for name, counted in profile["groups"].items():
        for value, rows in counted.items():
            yield f"{name} = {value}: rows", rows


def _plain(value: Any) -> Any:
    """An estimate without an interval is the same as another such one: nan equals nothing."""
    return value.as_json() if isinstance(value, Estimate) else value


def _held(passed: bool | None) -> str:
    return {True: "held", False: "failed", None: "too little data"}[passed]


def _decision(approval: approvals.Approval) -> str:
    told = {"approve": "approved", "reject": "rejected"}.get(approval.decision, approval.decision)
    return f"{told} by {approval.actor}{', void' if approval.voided_at else ''}"


def _difference(part: str, name: str, before: Any, after: Any) -> Difference:
    apart = None
    if isinstance(before, Estimate) and isinstance(after, Estimate):
        apart = before.high < after.low or after.high < before.low
    return Difference(part=part, name=name, before=before, after=after, apart=apart)


def _lines(store: Files, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[TextDifference]:
    for asset in sorted({*before, *after}):
        if before.get(asset) == after.get(asset):
            continue
        was, now = (
            [] if side.get(asset) is None else store.read(side[asset]).decode("utf-8", "replace").splitlines()
            for side in (before, after)
        )
        lines = list(difflib.unified_diff(was, now, lineterm="", n=2))[2:]
        yield TextDifference(asset=asset, lines=tuple(lines[:_MOST_LINES]), cut=len(lines) > _MOST_LINES)
