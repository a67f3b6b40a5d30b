"""One short file per service task: typed parameters in, calls into the wings, a JSON value out.

The only floor that knows both wings. `load` imports every file, so that what they register can be named in diagrams.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache


@cache
def load() -> None:
    """Import every file of this folder and what other packages register; done once a process."""
    from engine.runtime import registry

    for module in pkgutil.walk_packages(__path__, prefix=f"{__name__}."):
        importlib.import_module(module.name)
    registry.load_entry_points()
