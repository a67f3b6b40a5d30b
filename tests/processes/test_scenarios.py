"""Each shipped process does what its scenarios tell, and no part of it is without a scenario."""

from __future__ import annotations

from functools import cache

import pytest

from engine.bpmn.reading import read
from tests.processes.library import PROCESSES, files
from tests.processes.scenario import Played, Scenario, play, scenarios

ALL = [scenario for process in PROCESSES for scenario in scenarios(process)]


@cache
def played(process: str, name: str) -> Played:
    return play(next(scenario for scenario in scenarios(process) if scenario.name == name))


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: f"{scenario.process}: {scenario.name}")
def test_a_scenario_goes_as_told(scenario: Scenario) -> None:
    went = played(scenario.process, scenario.name)
    assert went.trace[-1] == scenario.end
    if scenario.trace is not None:
        assert went.trace == scenario.trace
    assert [element for element in scenario.passes if element not in went.inside] == []
    assert [element for element in scenario.avoids if element in went.inside] == []
    assert went.sent == scenario.sends
    assert {name: went.variables.get(name) for name in scenario.leaves} == scenario.leaves


@pytest.mark.parametrize("process", PROCESSES)
def test_the_scenarios_pass_every_element(process: str) -> None:
    diagram, _ = read(files(process))
    passed = {element for scenario in scenarios(process) for element in played(process, scenario.name).trace}
    assert [node.id for node in diagram.process.nodes if node.id not in passed] == []


@pytest.mark.parametrize("process", PROCESSES)
def test_the_scenarios_take_every_way_out_of_every_gateway(process: str) -> None:
    diagram, _ = read(files(process))
    traces = [played(process, scenario.name).trace for scenario in scenarios(process)]
    untaken = []
    for scope in diagram.process.scopes.values():
        for node in scope.nodes.values():
            ways = [flow.target for flow in scope.outgoing(node.id)]
            if not node.kind.endswith("Gateway") or len(ways) == 1:
                continue
            assert len(set(ways)) == len(ways), f"two flows of {node.id} lead to the same element"
            taken = {
                target
                for trace in traces
                for target in _taken(trace, node.id, ways, all_of_them=node.kind == "parallelGateway")
            }
            untaken += [(node.id, target) for target in ways if target not in taken]
    assert untaken == []


def _taken(trace: list[str], gateway: str, ways: list[str], *, all_of_them: bool) -> list[str]:
    """The targets that followed each passage of the gateway."""
    taken = []
    for place in [index for index, element in enumerate(trace) if element == gateway]:
        after = [element for element in trace[place + 1 :] if element in ways]
        taken += after if all_of_them else after[:1]
    return taken
