"""The same model twice: by its file, or by what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.inventory import queries
from engine.inventory.references import VersionRef

#: a version with the same digests in all of these was made the same way and answers the same
BEHAVIOUR = ("training_data", "parameters", "predictions")


class DuplicateVersion(GatewrightError):
    """This is {version} again: {reason}."""

    code = "version-duplicate"
    hint = "Use that version, or change the data, the parameters or the code."
    status = 409


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A version that is the same, and in what."""

    ref: VersionRef
    reason: str


def find(session: Session, assets: Mapping[str, str], *, but: VersionRef | None = None) -> list[Duplicate]:
    """The versions, of whatever model, that have the same artefact, or the same data, parameters and predictions.

    assets: role -> digest. but: the version that is asked about. An uploaded version names no training: then the same
    probe rows with the same predictions count.
    """
    found: dict[VersionRef, str] = {}
    if "artefact" in assets:
        for ref in queries.versions_with(session, assets["artefact"]):
            found[ref] = "the same model file"
    roles = [role for role in BEHAVIOUR if role in assets]
    if "predictions" in assets and "training_data" not in assets and "probe" in assets:
        roles = ["probe", "predictions"]
        reason = "the same predictions on the same probe rows"
    else:
        reason = "the same training data, parameters and predictions"
    if len(roles) == len(BEHAVIOUR) or roles == ["probe", "predictions"]:
        shared = [set(queries.versions_with(session, assets[role])) for role in roles]
        for ref in sorted(set.intersection(*shared)):
            found.setdefault(ref, reason)
    return [Duplicate(ref, reason) for ref, reason in sorted(found.items()) if ref != but]


def refuse(session: Session, assets: Mapping[str, str], *, but: VersionRef | None = None) -> None:
    """Raise DuplicateVersion where there is one."""
    for duplicate in find(session, assets, but=but):
        raise DuplicateVersion(version=duplicate.ref, reason=duplicate.reason)
