"""The front-end bundle: the hashed file names that the build gave to scripts and style sheets."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from engine.errors import GatewrightError

DIST = Path(__file__).parent / "static" / "dist"


class BundleMissing(GatewrightError):
    """The front-end bundle has no {name}."""

    code = "bundle-missing"
    hint = "Build it: run `pip install -e .` in the clone, or install a wheel, which carries it."
    status = 500


@cache
def _manifest(path: Path, changed_ns: int) -> dict[str, str]:
    manifest: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def file_name(name: str, dist: Path = DIST) -> str:
    """The name under web/static/dist of a script or style sheet asked for as `viewer.js` or `app.css`.

    Raises BundleMissing where the bundle was not built or has no such entry. A bundle built anew is noticed.
    """
    path = dist / "manifest.json"
    try:
        return _manifest(path, path.stat().st_mtime_ns)[name]
    except (FileNotFoundError, KeyError):
        raise BundleMissing(name=name) from None
