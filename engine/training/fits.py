"""Training a version in the sandbox."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import GatewrightError
from engine.inventory import kinds, schemas
from engine.inventory.sources import modules_of
from engine.sandbox import Isolation, Limits, run
from engine.store import Files
from engine.training import compiled, frames, scorers

PROGRAM = Path(__file__).parent / "programs" / "train.py"
PROBE_ROWS = 200
LIMITS = Limits(wall_seconds=900, cpu_seconds=1800, memory_mb=8192)


class NotTrainable(GatewrightError):
    """A model of the kind {kind} is not trained here: {reason}."""

    code = "not-trainable"
    hint = "Hand in its artefact as a version of its own."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that decides what comes out of a training; the same recipe gives the same predictions."""

    kind: str
    source: str  #: digest of the Python file (or zip) with `train(frame, parameters, seed)`
    training_data: str  #: digest of a Parquet or CSV file
    target: str  #: the column to predict
    features: tuple[str, ...]
    seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Any] | None = None  #: the declared input schema; what it leaves open is inferred
    probe: str | None = None  #: digest of the probe set; None: 200 rows spread over the training data

    def as_json(self) -> dict[str, Any]:
        """What the asset `parameters` holds."""
        return {
            "seed": self.seed,
            "target": self.target,
            "features": list(self.features),
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What came out of a training: assets by role, and the facts of the run."""

    #: role -> digest: source, training_data, parameters, artefact, libraries, input_schema, output_schema, metrics,
    #: probe, predictions, compiled where the model has such a form. The digest of `predictions` is the one by which a
    #: training is reproduced.
    assets: Mapping[str, str]
    seed: int
    parameters: Mapping[str, Any]
    output: str  #: "score" or "value"
    facts: Mapping[str, Any]  #: rows, features, fit_seconds, seconds, cpu_seconds, peak_mb, class
    isolation: Isolation

    @property
    def predictions(self) -> str:
        """The digest of the predictions on the probe set."""
        return self.assets["predictions"]


def train(
    files: Files,
    recipe: Recipe,
    *,
    limits: Limits = LIMITS,
    interpreter: str | Path | None = None,
    allow_network: bool = False,
) -> Training:
    """Train in one sandbox child, load the artefact in another and score the probe set: nothing is taken on trust.

    Needs no database. Files are written, no row is: the caller records the result. Raises what the sandbox raises,
    NotTrainable, ColumnMissing, TableRefused or SchemaRefused.
    """
    kind = kinds.get(recipe.kind)
    if not kind.trained:
        raise NotTrainable(kind=kind.title, reason="it has no training")
    if recipe.target in recipe.features:
        raise NotTrainable(kind=kind.title, reason=f"the target {recipe.target} is among the features")
    table = frames.read(files.read(recipe.training_data), "training data")
    used = frames.choose(table, [*recipe.features, recipe.target], "training data")
    features = used.select(list(recipe.features))
    input_schema = schemas.infer(features, recipe.declared)
    probe = recipe.probe or files.put(probe_file(features))

    modules = {f"modules/{name}": text for name, text in modules_of(files.read(recipe.source)).items()}
    result = run(
        PROGRAM.read_text(encoding="utf-8"),
        "train",
        {
            "seed": recipe.seed,
            "parameters": dict(recipe.parameters),
            "features": list(recipe.features),
            "target": recipe.target,
        },
        files={**modules, "training.parquet": frames.write(used)},
        limits=limits,
        interpreter=interpreter,
        allow_network=allow_network,
    )
    assets = {
        "source": recipe.source,
        "training_data": recipe.training_data,
        "parameters": files.put(scorers.canonical(recipe.as_json())),
        "artefact": files.put(result.files["model.joblib"]),
        "libraries": files.put(result.files["libraries.json"]),
        "input_schema": files.put(as_file(input_schema)),
        "probe": probe,
    }
    child = scorers.start(
        files, recipe.kind, assets, limits=limits, interpreter=interpreter, allow_network=allow_network
    )
    with child:
        predictions = child.score_columns(json.loads(files.read(probe))["columns"])
        assets |= compiled.make(files, recipe.kind, child, assets, predictions)
    assets["predictions"] = files.put(scorers.predictions_file(predictions))
    assets["output_schema"] = files.put(as_file(schemas.output(predictions.output)))
    facts = {
        **result.value,
        "seconds": result.seconds,
        "cpu_seconds": result.usage.cpu_seconds,
        "peak_mb": result.usage.peak_mb,
        "isolation": result.isolation.as_json(),
    }
    assets["metrics"] = files.put(as_file(facts))
    return Training(
        assets=assets,
        seed=recipe.seed,
        parameters=recipe.parameters,
        output=predictions.output,
        facts=facts,
        isolation=result.isolation,
    )


def read_upload(
    files: Files,
    kind: str,
    assets: Mapping[str, str],
    *,
    limits: Limits | None = None,
    interpreter: str | Path | None = None,
    allow_network: bool = False,
) -> dict[str, str]:
    """The assets of a version that was made elsewhere, with those that only a look in the sandbox gives.

    assets: at least `artefact` and `input_schema`; with a `probe` its predictions are added, which is how two
    uploads of the same model are told. Raises what the sandbox raises: an artefact that does not load is refused here.
    """
    schemas.check(json.loads(files.read(assets["input_schema"])))
    found = dict(assets)
    child = scorers.start(files, kind, assets, limits=limits, interpreter=interpreter, allow_network=allow_network)
    with child:
        found.setdefault(
            "output_schema", files.put(as_file(schemas.output(child.output, child.model.get("decisions"))))
        )
        if child.model.get("libraries"):
            found.setdefault("libraries", files.put(as_file({"used": child.model["libraries"]})))
        if "probe" in assets:
            predictions = child.score_columns(json.loads(files.read(assets["probe"]))["columns"])
            found["predictions"] = files.put(scorers.predictions_file(predictions))
            found |= compiled.make(files, kind, child, assets, predictions)
    return found


def probe_file(features: Any) -> bytes:
    """The probe set: at most 200 rows spread over a table, as JSON, whose bytes depend on no library's version."""
    rows = frames.spread(features, PROBE_ROWS)
    return scorers.canonical({"columns": {name: rows.column(name).to_pylist() for name in rows.column_names}})


def as_file(value: Any) -> bytes:
    """JSON to be read by people."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def recorded(files: Files, kind: str, assets: Mapping[str, str]) -> Recipe:
    """The recipe by which a version was trained, read from its assets; NotTrainable names what is missing."""
    for role in ("source", "training_data", "parameters", "probe", "predictions"):
        if role not in assets:
            raise NotTrainable(kind=kind, reason=f"the version has no {role.replace('_', ' ')}")
    values = json.loads(files.read(assets["parameters"]))
    return Recipe(
        kind=kind,
        source=assets["source"],
        training_data=assets["training_data"],
        target=values["target"],
        features=tuple(values["features"]),
        seed=values["seed"],
        parameters=values["parameters"],
        probe=assets["probe"],
    )


def changed(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe with other values; None keeps the value."""
    return dataclasses.replace(recipe, **{name: value for name, value in changes.items() if value is not None})
