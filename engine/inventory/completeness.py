"""What a version still owes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from engine.inventory import kinds, queries
from engine.inventory.assets import ROLES
from engine.inventory.references import VersionRef
from engine.inventory.values import Model


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is missing."""

    name: str  #: an asset's role, or a field of the model's metadata
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How complete a version's record is."""

    ref: VersionRef
    owed: int
    gaps: tuple[Gap, ...]

    @property
    def share(self) -> float:
        """Of all that is owed, the share that is there."""
        return (self.owed - len(self.gaps)) / self.owed

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.gaps


def score(session: Session, ref: VersionRef) -> Completeness:
    """Each gap of a version: the assets that its kind owes, and what its model's metadata leaves open."""
    version, model = queries.version(session, ref), queries.model(session, ref.model)
    present = {asset.role for asset in queries.assets(session, ref)}
    owed = _owed_assets(model, version.source)
    gaps = [Gap(role, f"no {role.replace('_', ' ')}: {ROLES[role]}") for role in owed if role not in present]
    declared = _declared(model)
    gaps += [Gap(name, reason) for name, (there, reason) in declared.items() if not there]
    return Completeness(ref=ref, owed=len(owed) + len(declared), gaps=tuple(gaps))


def _owed_assets(model: Model, source: str) -> list[str]:
    owed = [role for role in kinds.get(model.kind).owes if role in ROLES]
    return owed if source == "trained" else [*owed, *(["probe"] if "predictions" in owed else [])]


def _declared(model: Model) -> dict[str, tuple[bool, str]]:
    """Field -> (whether it is there, what its absence means)."""
    metadata = model.metadata
    levels = metadata.service_levels
    declared = {
        "tool": (bool(metadata.tool), "not told what it was built with"),
        "target": (metadata.target is not None, "no target: it cannot be tested"),
        "thresholds": (bool(metadata.thresholds), "no threshold: its test decides nothing"),
        "service_levels": (
            None not in (levels.rate_per_s, levels.p95_ms, levels.memory_mb, levels.cpu),
            "rate, p95, memory or cores are not declared",
        ),
    }
    if metadata.affects_people:
        declared["protected"] = (bool(metadata.protected), "it decides about people, and names no protected group")
    return declared
