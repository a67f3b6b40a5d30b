"""Service task `train_model`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine import training
from engine.handlers import subjects
from engine.inventory import queries, versions
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.training import profiles


class Parameters(BaseModel):
    version: str = Field(description="The draft version to train, as model@number.")


# No breaker: the model code of others runs here, and its failures say nothing of a tool that all of them need.
@service_task("train_model", kind="job", attempts=2, backoff_seconds=5, breaker=None)
def train_model(parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Trains a draft version in the sandbox from its own source, data, parameters and seed."""
    recipe, protected = training.Recipe(**ctx.prepared["recipe"]), ctx.prepared["protected"]
    ctx.progress(0.05, "training in the sandbox")
    made = training.train(ctx.files, recipe, allow_network=ctx.settings.sandbox_allow_network)
    # Here and not where it is shown: reading the whole table has no place in a transaction.
    profile = profiles.keep(ctx.files, recipe.training_data, protected)
    return {
        "digest": made.predictions,
        "rows": made.facts.get("rows", 0),
        "assets": {**made.assets, "profile": profile},
        "isolation": made.isolation.as_json(),
    }


@train_model.prepare
def recipe(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """The recipe as the version's record tells it."""
    ref = subjects.version_of(ctx, parameters.version)
    version, model = queries.version(session, ref), queries.model(session, ref.model)
    declared = model.metadata
    return {
        "protected": tuple(declared.protected),
        "recipe": {
            "kind": model.kind,
            "source": queries.asset(session, ref, "source").digest,
            "training_data": queries.asset(session, ref, "training_data").digest,
            "target": declared.target or "",
            "features": tuple(declared.features),
            "seed": version.seed or 0,
            "parameters": dict(version.parameters),
            "declared": declared.input_schema,
        },
    }


@train_model.apply
def record(session: Session, parameters: Parameters, ctx: Context, result: dict[str, Any]) -> None:
    """Give the version what its training brought, in the transaction that takes the result."""
    ref = subjects.version_of(ctx, parameters.version)
    versions.complete_training(session, ref, result["assets"], actor=ctx.actor)


@train_model.preview
def assumed(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Assumes a training that brings every file; the transaction of a preview is rolled back."""
    ref = subjects.version_of(ctx, parameters.version)
    source = queries.asset(session, ref, "source").digest
    brought = (
        "artefact",
        "libraries",
        "metrics",
        "probe",
        "predictions",
        "parameters",
        "input_schema",
        "output_schema",
    )
    versions.complete_training(session, ref, dict.fromkeys(brought, source), actor=ctx.actor)
    return {"digest": "", "rows": 0, "assets": {}, "isolation": {}}
