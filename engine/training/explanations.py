"""What moved a model's answer, and what moves its answers in general: Shapley values, from the sandbox."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import GatewrightError
from engine.inventory import kinds
from engine.statistics import Estimate
from engine.statistics.mean import mean
from engine.statistics.shapley import Attribution, attribute
from engine.store import Files
from engine.training import frames, scorers

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.sandbox import Child

FORMAT = "gatewright-attributions/1"
BACKGROUND = 100  #: rows that one answer is held against
_MANY_ROWS, _MANY_BACKGROUND = 50, 20  #: of a look at the version as a whole: 1,000 walks
_SECONDS = 120
MOST_REASONS = 4  #: as in the sample forms of Regulation B, 12 CFR 1002.9, where more would help nobody


class NotExplained(GatewrightError):
    """The answers of {version} cannot be explained by their columns: {reason}."""

    code = "not-explained"
    hint = "Attach what it names, or ask whoever runs the model."
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a model answered as it did."""

    columns: Mapping[str, Any]  #: what was scored, in the order of the model's columns
    attribution: Attribution
    residual: float  #: of the answer, what base and columns leave unexplained
    background: str  #: digest of the table that it is held against
    artefact: str  #: digest of the model file that was asked
    reasons: tuple[str, ...]  #: of a decision against the person: at most four columns, the weightiest first
    told: tuple[str, ...]  #: what the model itself says, such as the rule that held


def of_answer(
    files: Files,
    kind: str,
    assets: Mapping[str, str],
    row: Mapping[str, Any],
    *,
    version: str,
    output: float,
    adverse: bool | None = None,
    upward: bool = False,
    interpreter: str | Path | None = None,
    settings: Settings | None = None,
) -> Explanation:
    """The explanation of one answer: what each column contributed against the version's background.

    assets: role -> digest, as the version ran when it answered. output: what was answered. adverse: whether the answer
    went against the person; then the reasons are the columns that moved the output most to its side of the cut-off,
    `upward` where that is the upper one. The same answer gives the same explanation, to the last bit. The background is
    the probe set, or else 100 rows spread over the test data. Raises NotExplained where there is neither.
    """
    if kinds.get(kind).remote:
        raise NotExplained(
            version=version, reason="the model is somebody else's, and asking it thousands of times is theirs to allow"
        )
    background, digest = _background(files, assets, version)
    with scorers.start(files, kind, assets, interpreter=interpreter, settings=settings) as child:
        names = [name for name in child.model["columns"] if name in background]
        found = attribute(
            lambda columns: child.score_columns(columns, seconds=_SECONDS).values,
            {name: row.get(name) for name in names},
            {name: frames.evenly(background[name], BACKGROUND) for name in names},
            output=output,
            seed=_seed(assets["artefact"], row),
        )
        told = child.score([row]).reasons
    return Explanation(
        columns={name: row.get(name) for name in names},
        attribution=found,
        residual=found.residual,
        background=digest,
        artefact=assets["artefact"],
        reasons=tuple(found.largest(MOST_REASONS, upward=upward)) if adverse else (),
        told=tuple(told[0]) if told else (),
    )


def of_version(child: Child, artefact: str, columns: Mapping[str, Sequence[Any]], outputs: Sequence[float]) -> bytes:
    """What moves the version's answers in general, as a file: by column the mean of |φ| and of φ, with intervals.

    columns: rows that it was tested on, and their outputs. 50 of them are explained, each against 20 others, spread
    over the table: the intervals are of the 50 rows, at 95 percent by the normal, and hold the walks' own error.
    """
    names = list(child.model["columns"])
    total = len(outputs)
    rows = frames.evenly(range(total), _MANY_ROWS)
    background = {name: frames.evenly(columns[name], _MANY_BACKGROUND) for name in names}
    found = [
        attribute(
            lambda mixed: child.score_columns(mixed, seconds=_SECONDS).values,
            {name: columns[name][place] for name in names},
            background,
            output=outputs[place],
            seed=place,
        )
        for place in rows
    ]
    values = {name: np.array([each.values[name] for each in found]) for name in names}
    told = {
        "format": FORMAT,
        "artefact": artefact,
        "rows": len(found),
        "background_rows": len(background[names[0]]),
        "scored": sum(each.scored for each in found),
        "base": float(np.mean([each.base for each in found])),
        "largest_residual": max(abs(each.residual) for each in found),
        "columns": {
            name: {"mean_size": mean(np.abs(values[name])).as_json(), "mean": mean(values[name]).as_json()}
            for name in sorted(names, key=lambda name: (-float(np.abs(values[name]).mean()), name))
        },
    }
    return (json.dumps(told, indent=1, allow_nan=False) + "\n").encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """How much a column moves a version's answers in general, over the rows that were explained."""

    column: str
    mean_size: Estimate  #: of the contributions' sizes, whichever way they went
    mean: Estimate  #: of the contributions


def read(content: bytes) -> list[Weight]:
    """What `of_version` wrote, the weightiest first; empty for a file of another kind, which somebody attached."""
    try:
        told = json.loads(content)
        if told["format"] != FORMAT:
            return []
        return [
            Weight(column=name, **{what: Estimate.from_json(each[what]) for what in ("mean_size", "mean")})
            for name, each in told["columns"].items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _background(files: Files, assets: Mapping[str, str], version: str) -> tuple[dict[str, list[Any]], str]:
    if "probe" in assets:
        return json.loads(files.read(assets["probe"]))["columns"], assets["probe"]
    for role in ("test_data", "training_data"):
        if role in assets:
            table = frames.spread(frames.read(files.read(assets[role]), role.replace("_", " ")), BACKGROUND)
            return {name: table.column(name).to_pylist() for name in table.column_names}, assets[role]
    raise NotExplained(version=version, reason="it has neither a probe set nor test data to hold an answer against")


def _seed(artefact: str, row: Mapping[str, Any]) -> int:
    """The same walks for the same row and model, whoever asks and when."""
    return int.from_bytes(hashlib.sha256(artefact.encode() + scorers.canonical(dict(row))).digest()[:8], "big")
