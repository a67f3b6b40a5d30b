"""A version of a model outside of Gatewright: scored by the very program that scores it at home.

The folder beside it, or the one that is named, holds what the version consists of:

    version.json        model, version, kind, cut-off; the sha256 of every other file
    artefact            the model file
    input_schema.json   what a row holds
    program.py          the kind's own program
    modules/            what the artefact imports, if anything

Each row is answered with `score` or `value`, `decision`, `reasons` where the kind tells some, and `version`. MLflow
loads this file as a pyfunc. It imports the standard library alone, and nothing of Gatewright.
"""

import hashlib
import json
import math
import sys
import types
from pathlib import Path
from typing import Any


class Model:
    """A loaded version."""

    def __init__(self, folder: Path) -> None:
        """Ends with ValueError where a file is not the one that was written."""
        told = json.loads((folder / "version.json").read_bytes())
        for name, digest in told["files"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                raise ValueError(f"{name} is not the file that was written for {told['version']}")
        self.version, self.cut_off = told["version"], told["cut_off"]
        self.properties = json.loads((folder / "input_schema.json").read_bytes())["properties"]
        if (folder / "modules").is_dir():
            sys.path.insert(0, str(folder / "modules"))
        self._program = types.ModuleType("gatewright_program")
        sys.modules["gatewright_program"] = self._program
        exec(compile((folder / "program.py").read_bytes(), "<gatewright_program>", "exec"), self._program.__dict__)  # noqa: S102 - the version's own
        self._model = self._program.start({"artefact": str(folder / "artefact"), "columns": list(self.properties)})
        self.output = self._program.describe(self._model, None)["output"]

    def answers(self, columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
        """One answer a row; a column that is not given is missing in every row."""
        n_rows = len(next(iter(columns.values()), []))
        if not n_rows:
            return []
        given = {name: columns.get(name, [None] * n_rows) for name in self.properties}
        found = self._program.score(self._model, given)
        values, decisions, reasons = found["values"], found.get("decisions"), found.get("reasons")
        if decisions is None and self.cut_off is not None and self.output == "score":
            decisions = ["positive" if value >= self.cut_off else "negative" for value in values]
        answers = []
        for row, value in enumerate(values):
            answer = {self.output: float(value), "decision": decisions[row] if decisions is not None else None}
            if reasons is not None:
                answer["reasons"] = list(reasons[row])
            answers.append({**answer, "version": self.version})
        return answers

    def predict(self, model_input: Any, params: Any = None) -> list[dict[str, Any]]:
        """The answers to a pandas frame, as MLflow hands rows over."""
        return self.answers({name: self._told(name, model_input[name].tolist()) for name in self._in(model_input)})

    def _in(self, frame: Any) -> list[str]:
        return [name for name in self.properties if name in frame]

    def _told(self, name: str, values: list[Any]) -> list[Any]:
        """The values as they were in the JSON: a frame writes NaN for what is missing, and then 3.0 for 3."""
        kinds = self.properties[name].get("type")
        whole = "integer" in kinds and "number" not in kinds
        return [
            None
            if value is None or (isinstance(value, float) and math.isnan(value))
            else int(value)
            if whole and isinstance(value, float) and value.is_integer()
            else value
            for value in values
        ]


def _load_pyfunc(path: str, model_config: Any = None) -> Model:
    """What MLflow calls (`loader_module` in the file MLmodel)."""
    return Model(Path(path))
