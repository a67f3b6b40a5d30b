"""The shipped library as the tests see it: its folders, and the words that its README promises."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from engine.bpmn import ServiceTaskInfo, Vocabulary
from engine.identity import ROLES

LIBRARY = Path(__file__).parents[2] / "processes"
PROCESSES = sorted(folder.name for folder in LIBRARY.iterdir() if (folder / "process.bpmn").exists())
#: what belongs to a definition; README and scenario stand beside it
DEFINITION = ("*.bpmn", "*.dmn", "*.form.json")


@cache
def files(process: str) -> dict[str, bytes]:
    """The definition's files by name."""
    return {file.name: file.read_bytes() for pattern in DEFINITION for file in (LIBRARY / process).glob(pattern)}


@cache
def vocabulary() -> Vocabulary:
    """The handlers and evidence providers of the README's tables, with all roles and all processes."""
    text = (LIBRARY / "README.md").read_text()
    return Vocabulary(
        service_tasks={
            _plain(name): ServiceTaskInfo(
                kind=kind.strip(),
                schema={
                    "type": "object",
                    "properties": {parameter: {} for parameter in re.findall(r"`(\w+)`", parameters)},
                    "required": re.findall(r"`(\w+)`", parameters.partition("optional")[0]),
                    "additionalProperties": False,
                },
                errors=tuple(re.findall(r"`(\w+)`", errors)),
            )
            for name, kind, parameters, _, errors in _rows(text, "Service tasks")
        },
        evidence=frozenset(_plain(row[0]) for row in _rows(text, "Evidence")),
        roles=frozenset(ROLES),
        processes=frozenset(PROCESSES),
    )


def _rows(text: str, heading: str) -> list[list[str]]:
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def _plain(cell: str) -> str:
    return cell.strip("` ")
