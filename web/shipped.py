"""The life cycles that come with this release."""

from __future__ import annotations

from pathlib import Path

import processes

#: what of a folder belongs to its definition; a README is for the reader of the source
_KINDS = (".bpmn", ".dmn", ".form.json", "scenario.yaml")


def library() -> dict[str, dict[str, bytes]]:
    """Process id -> its files by name."""
    return {folder.name: files(folder) for folder in folders()}


def folders() -> list[Path]:
    """The folder of each shipped life cycle."""
    home = Path(processes.__file__).parent
    return sorted(path.parent for path in home.glob("*/process.bpmn"))


def files(folder: Path) -> dict[str, bytes]:
    """The files of one definition in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name.endswith(_KINDS)}
