"""Versions from folders and uploads, for the command line and the API alike."""

from __future__ import annotations

from typing import Any

from engine import audit
from engine.identity import Person
from engine.inventory import versions
from engine.inventory.references import VersionRef, stream
from engine.inventory.values import Version
from engine.store import files
from engine.store.sessions import Session
from engine.training import fits
from engine.training.plans import Plan
from engine.training.reproductions import Reproduction


def add_version(session: Session, by: Person, plan: Plan) -> Version:
    """The version that a folder describes: handed in ready made, or to be trained by its life cycle."""
    assets = dict(plan.assets)
    seed: int | None = None
    parameters: dict[str, Any] = {}
    if plan.recipe is not None:
        seed, parameters = plan.recipe.seed, dict(plan.recipe.parameters)
        assets |= {
            "source": plan.recipe.source,
            "training_data": plan.recipe.training_data,
            "parameters": files(session).put(fits.as_file(plan.recipe.as_json())),
        }
    if plan.test_data is not None:
        assets["test_data"] = plan.test_data
    return versions.add(
        session,
        by,
        plan.metadata.id,
        assets,
        source="uploaded" if plan.recipe is None else "trained",
        seed=seed,
        parameters=parameters,
        documents=plan.documents,
    )


def record_reproduction(session: Session, by: Person, ref: VersionRef, found: Reproduction) -> None:
    """Write into the log that a version was trained again, and what came out."""
    audit.record(
        session,
        stream(ref.model),
        "version.reproduced" if found.reproduced else "version.not_reproduced",
        actor=by.id,
        subject=str(ref),
        predictions=found.predictions,
        recorded=found.recorded,
        differences=list(found.differences),
    )
