"""A file of several executable processes as a definition for each: the others stay drawn beside it, for the reader."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from engine.bpmn import xml
from engine.bpmn.reading import Files, read
from engine.errors import GatewrightError

_PROCESS = f"{{{xml.BPMN}}}process"


class ProcessNotDrawn(GatewrightError):
    """No executable process "{process}" is drawn; there are {known}."""

    code = "process-not-drawn"
    hint = "Name one of the processes that the file holds, by its id."
    status = 422


def apart(files: Files) -> dict[str, Files]:
    """By process id the files of each; as they are where there is one process, or none, or what cannot be read.

    In each the diagram says isExecutable="false" of the other processes, and is otherwise as it was drawn.
    """
    diagram, _ = read(files)
    names = [process.id for process in diagram.processes if process.executable]
    if len(names) < 2 or len(set(names)) < len(names):
        return {names[0] if names else "": files}
    return {name: {file: _with_one(content, file, name, names) for file, content in files.items()} for name in names}


def chosen(files: Files, process: str) -> Files:
    """The files with one of their processes as the executable one; raises ProcessNotDrawn."""
    found: Mapping[str, Files] = apart(files)
    if process not in found:
        raise ProcessNotDrawn(process=process[:100], known=", ".join(filter(None, found)) or "none")
    return found[process]


def _with_one(content: bytes, file: str, name: str, names: list[str]) -> bytes:
    if not file.endswith(".bpmn"):
        return content
    xml.read(content)  # within the limits, and without what is never read
    # Comments are kept: what an architect wrote stays in the file.
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    for process in root.iterchildren(_PROCESS):
        if process.get("id") in names:
            process.set("isExecutable", "true" if process.get("id") == name else "false")
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")
