"""The BPMN files of a folder, whatever they are called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ENDINGS = (".bpmn", ".bpmn2", ".bpmn20")
#: an XML file of another name counts where it says so near its beginning
SIGN = b"omg.org/spec/BPMN"


def diagrams(folder: Path) -> Iterator[Path]:
    """Every regular file that is BPMN by its name, or is XML that names BPMN; links to folders are not followed."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and (name.lower().endswith(ENDINGS) or _says_so(path)):
                yield path


def _says_so(path: Path) -> bool:
    if not path.name.lower().endswith(".xml"):
        return False
    try:
        with path.open("rb") as file:
            start = file.read(8_192)
    except OSError:
        return False
    return SIGN in start or SIGN in start.replace(b"\x00", b"")
