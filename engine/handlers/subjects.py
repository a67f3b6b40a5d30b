"""Which model and version a step is about: the instance's business key says, not the process data."""

from __future__ import annotations

import hashlib

import rfc8785
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.governance import in_hand as in_hand_of
from engine.identity import Person
from engine.inventory import completeness, queries, versions
from engine.inventory.completeness import Gap
from engine.inventory.references import VersionRef
from engine.inventory.values import Version
from engine.runtime.context import Context


class OtherSubject(GatewrightError):
    """This life cycle is about {subject}, and the step names {named}."""

    code = "other-subject"
    hint = "Correct the parameter in the diagram: a life cycle acts on its own model alone."
    status = 409


class NoVersionYet(GatewrightError):
    """The model {model} has no version yet."""

    code = "no-version-yet"
    hint = "Add one on the model's page, with `gatewright model register` or through the API, then retry."
    status = 409


def model_of(ctx: Context, named: str) -> str:
    """The model, where it is the instance's own; raises OtherSubject."""
    if named != ctx.subject:
        raise OtherSubject(subject=ctx.subject or "no model", named=named)
    return named


def version_of(ctx: Context, named: str) -> VersionRef:
    """The version, where it is of the instance's own model; raises OtherSubject or ReferenceMalformed."""
    ref = VersionRef.parse(named)
    model_of(ctx, ref.model)
    return ref


def newest(session: Session, model: str) -> Version:
    """The model's newest version; raises ModelUnknown or NoVersionYet."""
    queries.model(session, model)
    version = queries.latest(session, model)
    if version is None:
        raise NoVersionYet(model=model)
    return version


def in_hand(session: Session, ctx: Context) -> Version:
    """The version that the instance has in hand, else its model's newest; raises ModelUnknown or NoVersionYet."""
    taken = in_hand_of.of(session, ctx.instance)
    return queries.version(session, VersionRef.parse(taken)) if taken else newest(session, ctx.subject)


def makers(session: Session, version: Version) -> frozenset[str]:
    """Who worked on the version: who added it, or a file of it that stands now. None of them lets it in."""
    return frozenset({version.created_by, *(asset.added_by for asset in queries.assets(session, version.ref))})


def gaps(session: Session, ref: VersionRef) -> list[Gap]:
    """What the version's record still owes; test reports are not among it, since the life cycle itself brings them."""
    return [gap for gap in completeness.score(session, ref).gaps if gap.name != "tests"]


def starter(ctx: Context) -> Person:
    """Who started the instance, as an actor of what it does."""
    return Person(id=ctx.starter, name=ctx.starter)


def approved_digests(session: Session, ref: VersionRef) -> dict[str, str]:
    """What an approval covers: every asset of the version, and what the model declares of itself."""
    model = queries.model(session, ref.model)
    # How often it will be looked at is changed while it serves, by whoever operates it, and voids nothing.
    # Nor does a field that came with a later release, as long as nothing is declared in it.
    beside = {"monitoring"} if model.metadata.served_by else {"monitoring", "served_by"}
    declared = {"metadata": model.metadata.model_dump(mode="json", exclude=beside), "tier": model.tier}
    return {
        **versions.evidence_digests(session, ref),
        "declared": hashlib.sha256(rfc8785.dumps(declared)).hexdigest(),
    }
