"""The compiled form of a version: its model as arrays, and how far their answers lie from the original's.

It is made where the version is made or read, in the sandbox child that holds the original anyway, and measured there
on the version's probe rows. It is an asset like every other: an approval covers its digest. It holds no code, so it may
be walked outside of a sandbox; `engine.training.trees` trusts nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import GatewrightError
from engine.inventory import kinds
from engine.sandbox import Child, ModelCodeFailed, Predictions
from engine.store import Files
from engine.training import scorers
from engine.training.trees import Floats, Trees, TreesRefused

ROLE = "compiled"


class CompiledDiffers(GatewrightError):
    """The compiled form lies {found} from the original on a probe row; {measured} was measured when it was made."""

    code = "compiled-differs"
    hint = "Train or register the version anew where it shall serve, or remove the threshold max_compiled_difference."
    status = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How a compiled form answered the probe rows, beside the original."""

    artefact: str  #: digest of the original
    probe: str  #: digest of the probe rows
    rows: int
    largest_difference: float
    equal_rows: int  #: rows answered to the last bit the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A compiled form, ready to score."""

    trees: Trees
    measured: Measured

    @property
    def output(self) -> str:
        """What its numbers are: score or value."""
        return self.trees.output

    def score(self, columns: Mapping[str, Any]) -> Predictions:
        """The predictions of rows that passed the input schema; as `Child.score_columns`."""
        return Predictions(output=self.output, values=self.trees.score(columns))

    def score_rows(self, rows: Sequence[Mapping[str, Any]], numbers: Mapping[str, Floats] | None = None) -> Predictions:
        """The same of rows; a value that a row lacks is missing. numbers: those columns that are arrays already."""
        return Predictions(output=self.output, values=self.trees.score_rows(rows, numbers))


def make(files: Files, kind: str, child: Child, assets: Mapping[str, str], predictions: Predictions) -> dict[str, str]:
    """A version's compiled form, measured, as role -> digest; empty where the model has none.

    child: holds the original, which gave `predictions` for the probe rows. assets: at least `artefact` and `probe`.
    """
    if not kinds.get(kind).flattens or not len(predictions):
        return {}
    try:
        form = child.flatten()
        trees = Trees(form)
        if trees.output != predictions.output:
            raise TreesRefused(reason=f"it gives a {trees.output}, the original a {predictions.output}")
        answers = trees.score(json.loads(files.read(assets["probe"]))["columns"])
    except (ModelCodeFailed, TreesRefused, ValueError, TypeError, KeyError):
        return {}
    differences = _differences(answers, predictions)
    measured = {
        "artefact": assets["artefact"],
        "probe": assets["probe"],
        "rows": len(answers),
        "largest_difference": max(differences),
        "equal_rows": differences.count(0.0),
    }
    return {ROLE: files.put(scorers.canonical({"measured": measured, "form": form}))}


def read(files: Files, digest: str) -> Compiled:
    """The compiled form of that digest; TreesRefused where the file is none."""
    held = _document(files, digest)
    return Compiled(trees=Trees(held["form"]), measured=_measured(held))


def hold(files: Files, compiled: Compiled, child: Child) -> None:
    """Raises CompiledDiffers where it now lies further from the original, in its child, than was measured before.

    Measured again wherever it is to serve: a file that somebody made, or other libraries, are found out here.
    """
    columns = json.loads(files.read(compiled.measured.probe))["columns"]
    found = max(_differences(compiled.score(columns).values, child.score_columns(columns)))
    if not found <= compiled.measured.largest_difference:
        raise CompiledDiffers(found=f"{found:g}", measured=f"{compiled.measured.largest_difference:g}")


def difference(files: Files, digest: str) -> Measured:
    """What was measured of the compiled form of that digest; TreesRefused where the file is none."""
    return _measured(_document(files, digest))


def _differences(answers: Sequence[float], predictions: Predictions) -> list[float]:
    return [abs(one - other) for one, other in zip(answers, predictions.values, strict=True)]


def _document(files: Files, digest: str) -> dict[str, Any]:
    try:
        held = json.loads(files.read(digest))
    except ValueError as cause:
        raise TreesRefused(reason="it is no JSON") from cause
    if not isinstance(held, dict) or held.keys() != {"measured", "form"}:
        raise TreesRefused(reason="it is no form with its measurement")
    return held


def _measured(held: Mapping[str, Any]) -> Measured:
    try:
        return Measured(**held["measured"])
    except TypeError as cause:
        raise TreesRefused(reason="its measurement lacks what it is read for") from cause
