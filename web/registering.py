"""Versions from folders and uploads, for the command line and the API alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine import audit
from engine.identity import Person, require
from engine.inventory import assets, models, queries, versions
from engine.inventory.metadata import Metadata
from engine.inventory.references import VersionRef, stream
from engine.inventory.values import Asset, Version
from engine.store import Store, files, transaction
from engine.store.sessions import Session
from engine.training import fits, frames, interpreters, profiles
from engine.training.imports import Import
from engine.training.plans import Plan
from engine.training.reproductions import Reproduction


def looked_at(house: Store, plan: Plan) -> Plan:
    """The plan with what only a look in the sandbox tells of a model that was made elsewhere; see `complete`."""
    return plan if plan.recipe is not None else replace(plan, assets=complete(house, plan.metadata, plan.assets))


def complete(house: Store, declared: Metadata, given: Mapping[str, str]) -> dict[str, str]:
    """The files of a model that was made elsewhere, with its output schema, libraries and predictions on a probe.

    The probe is chosen from `test_data` where none was handed in. Called before a transaction: it takes seconds. An
    artefact that does not load is refused here, in the sandbox's words.
    """
    kept, found = house.files, profiled(house, declared, given)
    if "input_schema" not in found and declared.input_schema is not None:
        found["input_schema"] = kept.put(fits.as_file(declared.input_schema))
    if "artefact" not in found or "input_schema" not in found:
        return found  # completeness names what is missing
    if "probe" not in found and "test_data" in found and declared.features:
        rows = frames.read(kept.read(found["test_data"]), "test data")
        found["probe"] = kept.put(fits.probe_file(frames.choose(rows, declared.features, "test data")))
    if "libraries" in found:
        found["libraries"] = kept.put(interpreters.with_wheels(house.settings, kept, kept.read(found["libraries"])))
    interpreter = interpreters.ready(house.settings, kept, found)
    return fits.read_upload(
        kept, declared.kind, found, interpreter=interpreter, allow_network=house.settings.sandbox_allow_network
    )


def profiled(house: Store, declared: Metadata, given: Mapping[str, str]) -> dict[str, str]:
    """The files, with the profile of their training data where it is among them; raises TableRefused for no table.

    Before a transaction, as `complete`: the approver is shown the profile, and who opens the task must not read tables.
    """
    if "training_data" not in given:
        return dict(given)
    return {**given, "profile": profiles.keep(house.files, given["training_data"], tuple(declared.protected))}


def attach(
    house: Store, session: Session, by: Person, ref: VersionRef, role: str, digest: str, *, name: str | None = None
) -> Asset:
    """A file as the version's asset, and the profile of it where it is the training data; raises as `assets.attach`."""
    declared = queries.model(session, ref.model).metadata
    for other, made in profiled(house, declared, {role: digest}).items():
        if other != role:
            assets.attach(session, by, ref, other, made)
    return assets.attach(session, by, ref, role, digest, name=name)


def add_version(session: Session, by: Person, plan: Plan) -> Version:
    """The version that a folder describes: handed in ready made, or to be trained by its life cycle."""
    found = dict(plan.assets)
    seed: int | None = None
    parameters: dict[str, Any] = {}
    if plan.recipe is not None:
        seed, parameters = plan.recipe.seed, dict(plan.recipe.parameters)
        found |= {
            "source": plan.recipe.source,
            "training_data": plan.recipe.training_data,
            "parameters": files(session).put(fits.as_file(plan.recipe.as_json())),
        }
    if plan.test_data is not None:
        found["test_data"] = plan.test_data
    return versions.add(
        session,
        by,
        plan.metadata.id,
        found,
        source="uploaded" if plan.recipe is None else "trained",
        seed=seed,
        parameters=parameters,
        documents=plan.documents,
    )


def import_version(house: Store, by: Person, found: Import) -> Version:
    """The version that MLflow offered, added to its model, which is registered where it is not there yet.

    In transactions of its own, since the look into the sandbox takes seconds. Raises as `complete` and `versions.add`:
    one that stands here already is refused by name, and nothing is registered then.
    """
    require(by, "model.register")
    plan = looked_at(house, found.plan)
    with transaction(house) as session:
        try:
            queries.model(session, plan.metadata.id)
        except queries.ModelUnknown:
            models.register(session, by, plan.metadata)
        added = versions.add(
            session,
            by,
            plan.metadata.id,
            plan.assets,
            parameters=found.parameters,
            documents=plan.documents,
            note=found.note[:500],
        )
        audit.record(
            session,
            stream(added.ref.model),
            "version.imported",
            actor=by.id,
            subject=str(added.ref),
            name=found.offered.name,
            number=found.offered.number,
            run=found.offered.run,
        )
    return added


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
