"""The long-lived child that scores for one deployment."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.sandbox.limits import Limits
from engine.sandbox.process import ChildDied, Isolation, Process, Usage


class Program(Protocol):
    """What a kind of model must give to be scored here; `engine.inventory.kinds` holds them."""

    @property
    def name(self) -> str:
        """The kind's name."""

    @property
    def program(self) -> str:
        """The text of the kind's self-contained file: `start(options)` and `score(model, request)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What a model said of the rows, in their order."""

    output: str  #: "score" (a probability in [0, 1]) or "value" (a number)
    values: Sequence[float]
    decisions: Sequence[str] | None = None  #: set where the kind decides itself (rules); else the cut-off decides
    reasons: Sequence[Sequence[str]] | None = None  #: why, where the kind tells

    def __len__(self) -> int:
        return len(self.values)


class Child:
    """A model, loaded once in a sandbox child, that scores rows until it is closed. Usable from several threads."""

    def __init__(self, process: Process, model: Mapping[str, Any]) -> None:
        self._process = process
        self._closing = threading.Lock()
        self.output: str = str(model["output"])  #: "score" or "value"
        self.model = model  #: what the kind told of the loaded model: output, columns it needs, library versions

    @classmethod
    def start(
        cls,
        artefact: bytes | Path,
        kind: Program,
        *,
        columns: Sequence[str] | None = None,
        modules: Mapping[str, bytes] | None = None,
        options: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        interpreter: str | Path | None = None,
        allow_network: bool = False,
    ) -> Child:
        """Load the artefact in a child of its own; the caller's process never opens it.

        columns: the names and order of the input schema. modules: Python files that the artefact imports, by relative
        path; they may be named as ours are. Raises as `Process` does.
        """
        files: dict[str, bytes | Path] = {"artefact": artefact}
        files.update({f"modules/{name}": text for name, text in (modules or {}).items()})
        settings = {"columns": list(columns) if columns is not None else None, **(options or {})}
        process = Process(
            kind.program,
            files=files,
            options={"artefact": "artefact", **settings},
            limits=limits,
            interpreter=interpreter,
            allow_network=allow_network,
        )
        try:
            return cls(process, process.call("describe"))
        except BaseException:
            process.close()
            raise

    @property
    def isolation(self) -> Isolation:
        """How the child was shut in."""
        return self._process.isolation

    @property
    def usage(self) -> Usage:
        """What it has used, as of the last answer."""
        return self._process.usage

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._process.alive

    @property
    def pid(self) -> int:
        """The process that ends with it."""
        return self._process.pid

    def score(self, rows: Sequence[Mapping[str, Any]], *, seconds: float = 30.0) -> Predictions:
        """Score rows of named values that have passed the input schema; the answer keeps their order.

        Raises ModelCodeFailed (the child lives on), TimeExceeded or ChildDied (start another).
        """
        if not rows:
            return Predictions(output=self.output, values=[])
        names = self.model.get("columns") or list(rows[0])
        return self.score_columns({name: [row.get(name) for row in rows] for name in names}, seconds=seconds)

    def score_columns(self, columns: Mapping[str, Sequence[Any]], *, seconds: float = 30.0) -> Predictions:
        """The same for columns of equal length, the cheaper form for many rows."""
        n_rows = len(next(iter(columns.values()), []))
        answer = self._process.call("score", {name: list(values) for name, values in columns.items()}, seconds=seconds)
        predictions = Predictions(
            output=self.output,
            values=answer["values"],
            decisions=answer.get("decisions"),
            reasons=answer.get("reasons"),
        )
        if len(predictions) != n_rows:
            self.close()
            raise ChildDied(what="score", how=f"{len(predictions)} answers to {n_rows} rows", output="")
        return predictions

    def flatten(self) -> Any:
        """The loaded model as a JSON value of numbers, without its code; ModelCodeFailed where it has no such form."""
        return self._process.call("flatten")

    def close(self) -> None:
        """End the child; closing twice is harmless."""
        with self._closing:
            self._process.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
