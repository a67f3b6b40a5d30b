"""Pass: a scope without a start event begins with every element that nothing leads to (BPMN 2.0.2, 10.5.2, 13.2)."""

from __future__ import annotations

from dataclasses import replace

from engine.bpmn.model import Scope


def apply(scope: Scope) -> Scope:
    """The scope with the elements that begin with it named."""
    return replace(scope, starts=tuple(node.id for node in scope.beginnings()))
