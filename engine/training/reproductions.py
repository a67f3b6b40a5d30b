"""Training a version again, to the same digest of predictions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.sandbox import Limits
from engine.store import Files
from engine.training import fits, frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """Whether the same came out, and where it first differs."""

    reproduced: bool
    differences: tuple[str, ...]  #: the first difference of each kind, inputs before outcomes; empty where reproduced
    notes: tuple[str, ...]  #: what differs and changed nothing: a library's version
    predictions: str  #: digest of the predictions now
    recorded: str  #: digest of the predictions in the record
    facts: Mapping[str, Any]  #: of the run: rows, seconds, isolation

    @property
    def first_difference(self) -> str | None:
        """The first difference, or None."""
        return self.differences[0] if self.differences else None


def reproduce(
    files: Files,
    kind: str,
    assets: Mapping[str, str],
    *,
    seed: int | None = None,
    training_data: str | None = None,
    limits: Limits = fits.LIMITS,
    interpreter: str | Path | None = None,
    allow_network: bool = False,
) -> Reproduction:
    """Train again from a version's recorded assets (role -> digest); compare the probe set's predictions bit by bit.

    seed, training_data: other values than the recorded ones, to see that the comparison finds them. Another seed or
    another row is a difference even where the predictions agree: it was not the same training.
    """
    recipe = fits.recorded(files, kind, assets)
    tried = fits.changed(recipe, seed=seed, training_data=training_data)
    outcome = fits.train(files, tried, limits=limits, interpreter=interpreter, allow_network=allow_network)
    differences = []
    if tried.seed != recipe.seed:
        differences.append(f"seed: {tried.seed}, was {recipe.seed}")
    if tried.training_data != recipe.training_data:
        differences.append(_first_row(files, recipe.training_data, tried.training_data))
    notes = []
    if "libraries" in assets:
        notes = list(_libraries(files, assets["libraries"], outcome.assets["libraries"]))
    if outcome.predictions != assets["predictions"]:
        differences += notes[:1]
        differences.append(_first_prediction(files, assets["predictions"], outcome.predictions))
    return Reproduction(
        reproduced=not differences,
        differences=tuple(differences),
        notes=tuple(notes),
        predictions=outcome.predictions,
        recorded=assets["predictions"],
        facts=outcome.facts,
    )


def _first_row(files: Files, before: str, after: str) -> str:
    """The first value in which two tables differ."""
    old, new = (frames.read(files.read(digest), "training data") for digest in (before, after))
    if old.column_names != new.column_names:
        return f"training data: columns {', '.join(new.column_names)}, were {', '.join(old.column_names)}"
    first: tuple[int, str, Any, Any] | None = None
    for name in old.column_names:
        pairs = zip(old.column(name).to_pylist(), new.column(name).to_pylist(), strict=False)
        for row, (was, now) in enumerate(pairs):
            if was != now and (first is None or row < first[0]):
                first = (row, name, was, now)
                break
    if first is not None:
        row, name, was, now = first
        return f"training data: row {row}, column {name}: {now!r}, was {was!r}"
    if old.num_rows != new.num_rows:
        return f"training data: {new.num_rows} rows, were {old.num_rows}"
    return "training data: another file with the same rows"


def _libraries(files: Files, before: str, after: str) -> Iterator[str]:
    old, new = (json.loads(files.read(digest)) for digest in (before, after))
    if old.get("python") != new.get("python"):
        yield f"python: {new.get('python')}, was {old.get('python')}"
    was, now = old.get("used", {}), new.get("used", {})
    for name in sorted(was | now):
        if was.get(name) != now.get(name):
            yield f"library {name}: {now.get(name, 'absent')}, was {was.get(name, 'absent')}"


def _first_prediction(files: Files, before: str, after: str) -> str:
    old, new = (json.loads(files.read(digest))["values"] for digest in (before, after))
    for row, (was, now) in enumerate(zip(old, new, strict=False)):
        if was != now:
            return f"predictions: row {row} of the probe set: {now!r}, was {was!r}"
    return f"predictions: {len(new)}, were {len(old)}"
