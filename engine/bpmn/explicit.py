"""The diagram with what it only implies made explicit, for the builder; what is drawn keeps its meaning.

The lint rules, the descriptions and the token game read the diagram as it is drawn, without these passes: the token
game says itself what an implied start, end, fork or choice means, and judges the passes so. A fork without a gateway
needs no pass: the builder puts a token on each flow that leaves an element.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from engine.bpmn.model import Diagram, Process, Scope
from engine.bpmn.passes import asides, conditions, defaults, ends, starts

#: in this order: what a pass adds may begin a scope, and is no end of a path
PASSES: Final[tuple[Callable[[Scope], Scope], ...]] = (
    asides.apply,
    defaults.apply,
    conditions.apply,
    starts.apply,
    ends.apply,
)


def explicit(diagram: Diagram) -> Diagram:
    """The diagram after all passes."""
    return replace(diagram, processes=tuple(_process(process) for process in diagram.processes))


def _process(process: Process) -> Process:
    return replace(process, scopes={name: _scope(scope) for name, scope in process.scopes.items()})


def _scope(scope: Scope) -> Scope:
    for apply in PASSES:
        scope = apply(scope)
    return scope
