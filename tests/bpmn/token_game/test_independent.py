"""The oracle does not know the engine that it judges."""

from __future__ import annotations

import grimp

GAME = "engine.bpmn.token_game"
#: what it may share with the engine: the diagram as read, the language of its expressions and what values it has
SHARED = ("model", "reading", "issues", "xml", "passes", "expressions", "calendar", "cells", "variables", "bindings")


def test_the_token_game_imports_no_spiffworkflow_neither_itself_nor_through_others():
    graph = grimp.build_graph("engine", include_external_packages=True)
    modules = {GAME, *graph.find_descendants(GAME)}
    assert len(modules) > 8
    for module in modules:
        upstream = graph.find_upstream_modules(module)
        assert "SpiffWorkflow" not in upstream, graph.find_shortest_chain(module, "SpiffWorkflow")
        rest = {name.split(".")[2] for name in upstream if name.startswith("engine.bpmn.") and name not in modules}
        assert rest <= set(SHARED)
