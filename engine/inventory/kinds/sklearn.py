"""A scikit-learn estimator (or pipeline) in a pickle, joblib or skops file: a binary classifier or a regressor."""

import importlib.metadata
import warnings
import zipfile
from typing import Any

TITLE = "scikit-learn"
SUFFIXES = (".joblib", ".pkl", ".pickle", ".skops")
OWES = (
    "artefact",
    "source",
    "training_data",
    "input_schema",
    "output_schema",
    "parameters",
    "libraries",
    "metrics",
    "predictions",
    "tests",
    "documentation",
)
TRAINED = True


def accept(content: bytes, name: str) -> bytes:
    """The file as it is: it is opened in the sandbox only, because opening a pickle runs it."""
    if not content:
        raise ValueError("the file is empty")
    return content


class Model:
    """A loaded estimator and the way in which it is asked."""

    def __init__(self, estimator: Any, columns: list[str]) -> None:
        self.estimator = estimator
        self.columns = columns
        self.output = output_of(estimator)
        self.as_matrix = False

    def predict(self, columns: dict[str, list[Any]]) -> Any:
        """The predictions as an array of numbers, one a row."""
        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise ValueError(f"the rows lack the column {missing[0]}")
        rows = self.matrix(columns) if self.as_matrix else self.frame(columns)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            if self.output == "score":
                return self.estimator.predict_proba(rows)[:, 1]
            return self.estimator.predict(rows)

    def frame(self, columns: dict[str, list[Any]]) -> Any:
        import pandas

        return pandas.DataFrame({name: columns[name] for name in self.columns})

    def matrix(self, columns: dict[str, list[Any]]) -> Any:
        import numpy

        return numpy.array([columns[name] for name in self.columns], dtype=float).T

    def try_matrix(self, probe: dict[str, list[Any]]) -> None:
        """Hand rows over as a bare matrix (half the time on one row) where the probe set shows the very same bits."""
        by_frame = self.predict(probe)
        try:
            self.as_matrix = True
            same = by_frame.tobytes() == self.predict(probe).tobytes()
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            same = False
        self.as_matrix = same


def output_of(estimator: Any) -> str:
    """ "score" for a binary classifier that gives probabilities, "value" for a regressor; anything else is refused."""
    from sklearn.base import is_regressor

    if is_regressor(estimator):
        return "value"
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(f"{type(estimator).__name__} is neither a regressor nor a classifier with predict_proba")
    n_classes = len(estimator.classes_)
    if n_classes != 2:
        raise ValueError(f"the classifier knows {n_classes} classes; two are needed, the second being the positive one")
    return "score"


def start(options: dict[str, Any]) -> Model:
    """Load the artefact; `columns` names the input's columns where the estimator itself does not."""
    path = options["artefact"]
    if zipfile.is_zipfile(path):
        import skops.io

        estimator = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    else:
        import joblib

        estimator = joblib.load(path)
    known = options.get("columns")
    wanted = getattr(estimator, "feature_names_in_", known)
    if wanted is None:
        raise ValueError("the estimator was fitted without column names, and no input schema gives them")
    columns = [str(name) for name in wanted]
    lacking = [name for name in columns if known is not None and name not in known]
    if lacking:
        raise ValueError(f"the estimator needs the column {lacking[0]}, which the input schema lacks")
    expected = getattr(estimator, "n_features_in_", len(columns))
    if expected != len(columns):
        raise ValueError(f"the estimator needs {expected} columns, the input schema has {len(columns)}")
    model = Model(estimator, columns)
    if options.get("probe"):
        model.try_matrix(options["probe"])
    return model


def describe(model: Model, request: Any) -> dict[str, Any]:
    """What the loaded model gives and needs."""
    used = ("scikit-learn", "numpy", "scipy", "pandas", "joblib")
    return {
        "output": model.output,
        "columns": model.columns,
        "libraries": {name: importlib.metadata.version(name) for name in used},
        "class": type(model.estimator).__name__,
        "as_matrix": model.as_matrix,
    }


def score(model: Model, request: dict[str, list[Any]]) -> dict[str, Any]:
    """One number a row: the second class's probability, or the value."""
    import numpy

    values = numpy.asarray(model.predict(request), dtype=float)
    if values.ndim != 1:
        raise ValueError(f"the model gives {values.ndim}-dimensional answers; one number a row is needed")
    wrong = ~numpy.isfinite(values)
    if model.output == "score":
        wrong |= (values < 0) | (values > 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"row {row}: the model answered {values[row]}")
    return {"values": values.tolist()}


def flatten(model: Model, request: Any) -> dict[str, Any]:
    """The estimator's trees as lists of numbers (`engine.training.trees`); ValueError where it has none to give."""
    from sklearn import ensemble, tree
    from sklearn.pipeline import Pipeline

    held = model.estimator
    if isinstance(held, Pipeline) and all(step in (None, "passthrough") for _, step in held.steps[:-1]):
        held = held.steps[-1][1]
    boosted = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
    gradual = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
    forests = (
        ensemble.RandomForestClassifier,
        ensemble.RandomForestRegressor,
        ensemble.ExtraTreesClassifier,
        ensemble.ExtraTreesRegressor,
    )
    single = (tree.DecisionTreeClassifier, tree.DecisionTreeRegressor)
    form: dict[str, Any] = {
        "format": "gatewright-trees-1",
        "columns": model.columns,
        "output": model.output,
        "link": "logistic" if model.output == "score" else "none",
        "single": True,
        "baseline": 0.0,
    }
    # By type and not by kind of: a subclass may answer otherwise.
    if type(held) in boosted:
        if getattr(held, "is_categorical_", None) is not None and held.is_categorical_.any():
            raise ValueError("its trees split by categories")
        form.update(single=False, baseline=float(held._baseline_prediction.ravel()[0]))
        form["trees"] = [boosted_tree(predictors[0].nodes) for predictors in held._predictors]
    elif type(held) in gradual:
        import numpy
        from sklearn.dummy import DummyClassifier, DummyRegressor

        if not (isinstance(held.init_, str) or type(held.init_) in (DummyClassifier, DummyRegressor)):
            raise ValueError("it begins with another model")
        form["baseline"] = float(held._raw_predict_init(numpy.zeros((1, len(model.columns)), numpy.float32)).ravel()[0])
        form["trees"] = [plain_tree(each[0].tree_, held.learning_rate, 0) for each in held.estimators_]
    elif type(held) in forests or type(held) in single:
        place = 1 if model.output == "score" else 0
        members = held.estimators_ if type(held) in forests else [held]
        form.update(link="mean", trees=[plain_tree(each.tree_, 1.0, place) for each in members])
    else:
        raise ValueError(f"{type(held).__name__} is not made of trees that are known here")
    return form


def boosted_tree(nodes: Any) -> dict[str, Any]:
    """The nodes of one tree of a histogram gradient boosting."""
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "column": [-1 if ends else int(at) for ends, at in zip(leaf, nodes["feature_idx"], strict=True)],
        "threshold": [finite(each) for each in nodes["num_threshold"].tolist()],
        "left": nodes["left"].tolist(),
        "right": nodes["right"].tolist(),
        "missing_left": [bool(each) for each in nodes["missing_go_to_left"]],
        "value": nodes["value"].tolist(),
    }


def plain_tree(held: Any, scale: float, place: int) -> dict[str, Any]:
    """The nodes of one tree of `sklearn.tree`; `place` is the class, or 0."""
    return {
        "column": [-1 if left < 0 else int(at) for left, at in zip(held.children_left, held.feature, strict=True)],
        "threshold": [finite(each) for each in held.threshold.tolist()],
        "left": held.children_left.tolist(),
        "right": held.children_right.tolist(),
        "missing_left": [bool(each) for each in held.missing_go_to_left],
        "value": (scale * held.value[:, 0, place]).tolist(),
    }


def finite(threshold: float) -> float | None:
    """The threshold; None for one that every number stays under, so that only a missing value goes right."""
    return None if threshold == float("inf") else threshold
