"""What a call activity is bound to: the latest version of a process, or one version for good.

The one version goes by `process@version` wherever an instance speaks of processes, so that several versions of one
process stand beside each other in a bundle. No XML id holds an @.
"""

from __future__ import annotations

from dataclasses import replace

from engine.bpmn.model import Diagram, Node, Process, Scope

LATEST = "latest"
_SIGN = "@"


def key(process: str, version: str) -> str:
    """What a call names: the process, or the process@version that its property `version` asks for."""
    return process if not process or version in ("", LATEST) else f"{process}{_SIGN}{version}"


def process_of(called: str) -> str:
    """The process that a call names."""
    return called.partition(_SIGN)[0]


def version_of(called: str) -> int | None:
    """The version to which a call is bound, None for the latest; raises ValueError where it is no version."""
    _, sign, text = called.partition(_SIGN)
    if not sign:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10**9):
        raise ValueError(f'"{text}" is no version')
    return int(text)


def under(diagram: Diagram, name: str) -> Diagram:
    """The diagram with its process under another name, as a call bound to one version names it."""
    if diagram.process.id == name:
        return diagram
    made = [_process(each, name) if each.executable else each for each in diagram.processes]
    return replace(diagram, processes=tuple(made))


def _process(process: Process, name: str) -> Process:
    scopes = [_scope(scope, process.id, name) for scope in process.scopes.values()]
    return replace(process, id=name, scopes={scope.id: scope for scope in scopes})


def _scope(scope: Scope, old: str, name: str) -> Scope:
    id = name if scope.id == old else scope.id
    nodes: dict[str, Node] = {
        node.id: replace(node, process=name, scope=name if node.scope == old else node.scope)
        for node in scope.nodes.values()
    }
    flows = tuple(replace(flow, scope=id) for flow in scope.flows)
    return replace(scope, id=id, process=name, nodes=nodes, flows=flows)
