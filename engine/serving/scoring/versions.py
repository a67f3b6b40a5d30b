"""A version made ready to score: its schema compiled, its child started, its decision known.

Everything comes from the deployment's own row: what was approved is what runs, whatever the inventory says by now.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from engine.config import Settings
from engine.sandbox import Child, Limits, Predictions
from engine.serving import endpoints
from engine.serving.deployment import Deployment
from engine.serving.scoring.checks import InputSchema
from engine.serving.scoring.directory import Version
from engine.store import Files
from engine.training import compiled, interpreters, scorers
from engine.training.compiled import Compiled

POSITIVE, NEGATIVE = "positive", "negative"
MEMORY_MB = 4096


class House(Protocol):
    """What a start needs of the store: no database, so that a job can do it too."""

    @property
    def settings(self) -> Settings: ...

    @property
    def files(self) -> Files: ...


def start(store: House, deployment: Deployment, settings: Mapping[str, Any]) -> tuple[Version, Child | Compiled]:
    """The version of a deployment and what answers for it; raises whatever keeps it from starting.

    That is a child that has loaded the artefact, or the compiled form, or an endpoint elsewhere, once they were held
    against such a child.
    settings: the environment's. The artefact is copied to the child's own folder and opened only there.
    """
    schema = InputSchema(json.loads(store.files.read(deployment.inputs["input_schema"])))
    limits = Limits(cpu_seconds=None, memory_mb=int(settings.get("memory_mb", MEMORY_MB)))
    child = scorers.start(
        store.files,
        deployment.kind,
        deployment.inputs,
        limits=limits,
        interpreter=interpreters.ready(store.settings, store.files, deployment.inputs),
        allow_network=store.settings.sandbox_allow_network,
        settings=store.settings,
    )
    version = Version(
        kind=deployment.kind, output=child.output, schema=schema, decide=by_cut_off(deployment.cut_off, child.output)
    )
    if settings.get("endpoint") and deployment.target == endpoints.TARGET:
        with child:
            return version, endpoints.held(store.settings, store.files, deployment, settings["endpoint"], child)
    if deployment.form == "original":
        return version, child
    with child:
        form = compiled.read(store.files, deployment.inputs[compiled.ROLE])
        compiled.hold(store.files, form, child)
    return version, form


def by_cut_off(cut_off: float | None, output: str) -> Callable[[Predictions], Sequence[str | None]]:
    """Each row's decision: the model's own where it decides, else positive from the cut-off on.

    A model that gives values (a regression) and no decisions has no decision: a cut-off is one of scores.
    """

    def decide(predictions: Predictions) -> Sequence[str | None]:
        if predictions.decisions is not None:
            return predictions.decisions
        if cut_off is None or output != "score":
            return [None] * len(predictions)
        return [POSITIVE if value >= cut_off else NEGATIVE for value in predictions.values]

    return decide
