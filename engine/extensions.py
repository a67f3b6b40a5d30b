"""What others add by one file: the files of a folder of ours, and the entry points of installed packages."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Mapping
from typing import Any, TypeVar

from engine.errors import GatewrightError

V = TypeVar("V")


def load(package: str, group: str) -> list[Any]:
    """Import each file of a package, then what installed packages declare as entry points of this group."""
    path = importlib.import_module(package).__path__
    ours = [importlib.import_module(f"{package}.{found.name}") for found in pkgutil.iter_modules(path)]
    return ours + [point.load() for point in importlib.metadata.entry_points(group=group)]


def find(name: str, known: Mapping[str, V], unknown: type[GatewrightError]) -> V:
    """What is registered under this name; raises `unknown`, telling all that are known and the nearest of them."""
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0) or sorted(known)
        raise unknown(name=name, known=", ".join(sorted(known)), nearest=nearest[0] if nearest else "none")
    return known[name]
