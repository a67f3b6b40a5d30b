"""A version's model, loaded in a sandbox child."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.config import Settings
from engine.inventory import kinds, schemas
from engine.inventory.sources import modules_of
from engine.sandbox import Child, Limits, Predictions
from engine.store import Files
from engine.training import remotes


def start(
    files: Files,
    kind: str,
    assets: Mapping[str, str],
    *,
    limits: Limits | None = None,
    interpreter: str | Path | None = None,
    allow_network: bool = False,
    settings: Settings | None = None,
) -> Child:
    """The child that scores with a version's artefact; the caller closes it. A remote model is asked where it stands.

    assets: role -> digest; `artefact` is needed, `input_schema`, `source` (the modules that the artefact imports) and
    `probe` are used where they are there: with a probe set the faster way of handing rows over is taken where it gives
    the very same bits. settings: of hosts and secrets of remote models; default: this process's own.
    """
    columns = None
    if "input_schema" in assets:
        columns = schemas.columns(json.loads(files.read(assets["input_schema"])))
    if kinds.get(kind).remote:
        return remotes.Remote(files.read(assets["artefact"]), columns, settings or Settings.load())
    options = {}
    if "probe" in assets:
        options["probe"] = json.loads(files.read(assets["probe"]))["columns"]
    modules = modules_of(files.read(assets["source"])) if "source" in assets and kinds.get(kind).trained else {}
    with files.local(assets["artefact"]) as path:
        return Child.start(
            path,
            kinds.get(kind),
            columns=columns,
            modules=modules,
            options=options,
            limits=limits,
            interpreter=interpreter,
            allow_network=allow_network,
        )


def predictions_file(predictions: Predictions) -> bytes:
    """Predictions as canonical JSON, so that its digest is the digest of the predictions, bit by bit."""
    values: dict[str, Any] = {"output": predictions.output, "values": list(predictions.values)}
    if predictions.decisions is not None:
        values["decisions"] = list(predictions.decisions)
    return canonical(values)


def canonical(value: Any) -> bytes:
    """JSON in one spelling: sorted names, no spaces, floats by their shortest exact form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()
