"""Service task `score_batch`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.handlers import subjects
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.serving import batch_rows, batches, environments, exchange
from engine.serving import queries as serving
from engine.serving.batch import Scored
from engine.serving.deployment import Deployment
from engine.store import files


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")
    environment: str = Field(description="The environment whose live version scores the rows.")
    file: str = Field(description="The file of rows, Parquet or CSV: its place below the exchange folder.")
    place: str = Field(default="", description="Where the result shall lie too, below the exchange folder.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """The deployment that scores, and its environment's settings."""

    deployment: Deployment
    settings: Mapping[str, Any]


# No breaker: the model code of others runs here, and its failures say nothing of a tool that all of them need.
@service_task("score_batch", kind="job", attempts=3, backoff_seconds=5, breaker=None)
def score_batch(parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Scores a file of rows with the version that is live; each row is logged as an inference."""
    scorer: Scorer = ctx.prepared
    id = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:gatewright:batch:{ctx.idempotency_key}")
    source = exchange.keep(ctx.files, exchange.inside(ctx.settings, parameters.file))
    found = batch_rows.score(
        batch_rows.Worker(files=ctx.files, settings=ctx.settings),
        scorer.deployment,
        scorer.settings,
        source=source,
        name=parameters.file,
        id=id,
        at=ctx.now,
        heard=lambda rows: ctx.progress(0.5, f"{rows:,} rows scored"),
    )
    return {
        "batch": str(id),
        "at": ctx.now.isoformat(),
        "deployment": str(scorer.deployment.id),
        "version": scorer.deployment.reference,
        "rows": found.rows,
        "source": source,
        "result": found.result,
        # By digest: of a file of many million rows their list is longer than a variable may be.
        "parts": ctx.files.put(json.dumps(found.parts).encode()),
    }


@score_batch.prepare
def scorer(session: Session, parameters: Parameters, ctx: Context) -> Scorer:
    """The deployment that is live; raises NoBatchHere, DeploymentsEnded or OtherSubject."""
    model = subjects.model_of(ctx, parameters.model)
    settings = environments.get(session, parameters.environment).settings
    return Scorer(deployment=batches.answering(session, model, parameters.environment), settings=settings)


@score_batch.apply
def record(session: Session, parameters: Parameters, ctx: Context, result: dict[str, Any]) -> None:
    """Have the answers logged and laid where they shall be: the batch is a row from here on."""
    batches.take(
        session,
        serving.deployment(session, UUID(result["deployment"])),
        ctx.starter,
        source=result["source"],
        name=parameters.file,
        place=parameters.place,
        key=ctx.idempotency_key,
        scored=Scored(
            id=UUID(result["batch"]),
            at=datetime.fromisoformat(result["at"]),
            rows=result["rows"],
            parts=tuple(json.loads(files(session).read(result["parts"]))),
            result=result["result"],
        ),
    )


@score_batch.preview
def assumed(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Assumes a file whose rows fit."""
    return {
        "batch": "",
        "at": ctx.now.isoformat(),
        "deployment": "",
        "version": "",
        "rows": 0,
        "source": "",
        "result": "",
        "parts": "",
    }
