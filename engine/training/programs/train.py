"""The child's side of a training: run the recipe on the training data, leave the estimator and the libraries' versions.

The recipe is the Python file `modules/recipe.py` with `train(frame, parameters, seed)`; it gets a pandas frame of the
features and the target, its parameters (`features` and `target` among them), and returns a fitted estimator.
"""

import importlib
import importlib.metadata
import json
import platform
import random
import sys
import time
from typing import Any


def start(options: dict[str, Any]) -> None:
    """Nothing to load."""


def train(state: None, request: dict[str, Any]) -> dict[str, Any]:
    """Fit, and leave `model.joblib` and `libraries.json` in out/."""
    import joblib
    import numpy
    import pandas

    # A recipe that forgets to pass the seed on is still the same tomorrow.
    random.seed(request["seed"])
    numpy.random.seed(request["seed"] % (1 << 32))
    frame = pandas.read_parquet("training.parquet")
    # Scoring hands over plain values, so training does not see dictionary columns either.
    for name in frame.columns:
        if isinstance(frame[name].dtype, pandas.CategoricalDtype):
            frame[name] = frame[name].astype(frame[name].cat.categories.dtype)
    frame = frame[[*request["features"], request["target"]]]

    recipe = importlib.import_module("recipe")
    if not callable(getattr(recipe, "train", None)):
        raise AttributeError("the recipe has no function train(frame, parameters, seed)")
    began = time.perf_counter()
    parameters = {**request["parameters"], "features": request["features"], "target": request["target"]}
    estimator = recipe.train(frame, parameters, request["seed"])
    seconds = time.perf_counter() - began
    if not hasattr(estimator, "predict"):
        raise TypeError(f"the recipe returned {type(estimator).__name__}, which is no estimator: it has no predict")
    joblib.dump(estimator, "out/model.joblib")
    installed = {(each.metadata["Name"] or "").lower(): each.version for each in importlib.metadata.distributions()}
    loaded = {name.partition(".")[0] for name in list(sys.modules)}
    packages = importlib.metadata.packages_distributions()
    used = {each.lower() for name in loaded for each in packages.get(name, ())}
    libraries = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "used": {name: version for name, version in sorted(installed.items()) if name in used},
        "installed": dict(sorted(installed.items())),
    }
    with open("out/libraries.json", "w", encoding="utf-8") as file:
        json.dump(libraries, file, indent=1)
    return {
        "rows": len(frame),
        "features": len(request["features"]),
        "fit_seconds": round(seconds, 3),
        "class": type(estimator).__name__,
    }
