"""An `mlflow models serve` that answers for a deployment: held against the version's own child before it is believed.

What is asked there is the folder that the target `mlflow` registered. Every answer names the version that gave it, so
that one which serves another version, before or after the alias moved, answers nobody.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from engine.config import Settings
from engine.errors import GatewrightError
from engine.sandbox import Child, Predictions
from engine.serving.deployment import Deployment
from engine.store import Files
from engine.training.remotes import Remote

TARGET = "mlflow"
PATH = "/invocations"


class EndpointDiffers(GatewrightError):
    """The endpoint {host} answers probe row {row} of {version} with {found}; the version itself answers {own}."""

    code = "endpoint-differs"
    hint = "Start the endpoint anew from the alias, with the libraries that its requirements.txt names."
    status = 502


def held(settings: Settings, files: Files, deployment: Deployment, address: str, child: Child) -> Remote:
    """The endpoint, ready to be asked, once it gave the child's very answers to the version's probe rows.

    Raises EndpointDiffers naming the first row, ModelCodeFailed where another version answers, or what `Remote` raises.
    """
    decides = "decisions" in child.model
    response: dict[str, Any] = {"at": "predictions", "number": child.output, "with": {"version": deployment.reference}}
    if decides:
        response |= {"decision": "decision", "reasons": "reasons"}
    described = {
        "url": address + PATH,
        "output": child.output,
        "columns": list(child.model["columns"]),
        "request": {"form": "split", "at": "dataframe_split"},
        "response": response,
        "rows_per_request": 2_000,
    }
    asked = Remote(json.dumps(described).encode(), None, settings)
    try:
        if "probe" in deployment.inputs:
            columns = json.loads(files.read(deployment.inputs["probe"]))["columns"]
            _compare(deployment, asked, _told(asked.score_columns(columns)), _told(child.score_columns(columns)))
    except BaseException:
        asked.close()
        raise
    return asked


def _compare(deployment: Deployment, asked: Remote, found: Sequence[Any], own: Sequence[Any]) -> None:
    for row, (one, other) in enumerate(zip(found, own, strict=True)):
        if one != other:
            raise EndpointDiffers(host=asked.host, row=row, version=deployment.reference, found=one, own=other)


def _told(predictions: Predictions) -> list[tuple[Any, ...]]:
    """Each row's number, decision and reasons."""
    nothing = [None] * len(predictions)
    return list(
        zip(
            predictions.values,
            predictions.decisions or nothing,
            map(_plain, predictions.reasons or nothing),
            strict=True,
        )
    )


def _plain(reasons: Sequence[str] | None) -> list[str] | None:
    return None if reasons is None else list(reasons)
