"""The kinds of model that can be registered: one file each, which is also the program that runs in the sandbox.

A kind's file imports nothing but the standard library at its top, because its text is run in the child, where
Gatewright is not. It holds:

    TITLE, SUFFIXES, OWES, TRAINED          what people read, which files it takes, which assets a version owes
    accept(content, name) -> bytes          in the parent: the artefact to keep, or ValueError naming what is wrong
    start(options) -> model                 in the child: load the file `options["artefact"]`
    describe(model, request) -> dict        in the child: `output` ("score" or "value"), `columns`, `libraries`
    score(model, columns) -> dict           in the child: `values`; `decisions`, `reasons` where it decides itself
    flatten(model, request) -> dict         if it has one, in the child: the model as trees (`engine.training.trees`)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from engine import extensions
from engine.errors import GatewrightError

ENTRY_POINTS = "gatewright.kinds"


class UnknownKind(GatewrightError):
    """There is no kind of model named {name!r}; known are {known}."""

    code = "unknown-kind"
    hint = "Did you mean {nearest}? docs/add-a-kind.md tells how to add one."
    status = 422


class ArtefactRefused(GatewrightError):
    """{name} is no {kind} artefact: {reason}."""

    code = "artefact-refused"
    hint = "Mend the file and hand it in again."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of model."""

    name: str  #: the file's name, and the value of a model's `kind`
    title: str
    suffixes: tuple[str, ...]  #: of the files that people hand in
    owes: tuple[str, ...]  #: the asset roles a complete version has
    trained: bool  #: whether a version can be trained here from a recipe
    flattens: bool  #: whether it may give its models as arrays, without their code
    remote: bool  #: whether it is asked over HTTP (`engine.training.remotes`): no child could reach it
    program: str  #: the text that runs in the sandbox
    _accept: Callable[[bytes, str], bytes]

    def accept(self, content: bytes, name: str) -> bytes:
        """The artefact to keep for a file that was handed in; ArtefactRefused names what is wrong with it."""
        try:
            return self._accept(content, name)
        except ValueError as error:
            raise ArtefactRefused(name=name, kind=self.title, reason=str(error).rstrip(".")) from error


@cache
def all_kinds() -> dict[str, Kind]:
    """Every kind by name: the files beside this one, and those that other packages offer as entry points."""
    kinds: dict[str, Kind] = {}
    for module in extensions.load(__name__, ENTRY_POINTS):
        kind = _read(module)
        if kind.name in kinds:
            raise ValueError(f"two kinds of model are named {kind.name!r}")
        kinds[kind.name] = kind
    return kinds


def get(name: str) -> Kind:
    """The kind of that name; UnknownKind tells the nearest."""
    return extensions.find(name, all_kinds(), UnknownKind)


def _read(module: ModuleType) -> Kind:
    assert module.__file__ is not None  # noqa: S101
    return Kind(
        name=module.__name__.rpartition(".")[2],
        title=module.TITLE,
        suffixes=tuple(module.SUFFIXES),
        owes=tuple(module.OWES),
        trained=bool(module.TRAINED),
        flattens=hasattr(module, "flatten"),
        remote=bool(getattr(module, "REMOTE", False)),
        program=Path(module.__file__).read_text(encoding="utf-8"),
        _accept=module.accept,
    )
