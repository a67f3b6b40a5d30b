"""Each shipped folder is whole, its diagram passes the checks, and its README says what it does."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.bpmn import bundle, check
from engine.bpmn.expressions import evaluate
from engine.bpmn.expressions.scripts import assignments
from engine.bpmn.model import Decision, Node, Rule
from engine.bpmn.reading import read
from engine.identity import ROLES
from tests.processes.library import LIBRARY, PROCESSES, files, vocabulary
from tests.processes.scenario import scenarios


@pytest.fixture(params=PROCESSES)
def process(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def nodes(process: str) -> list[Node]:
    diagram, issues = read(files(process))
    assert issues == []
    return list(diagram.process.nodes)


def test_the_library_holds_the_life_cycle_and_all_that_it_calls() -> None:
    called = {node.called for process in PROCESSES for node in nodes(process) if node.called}
    # Alerting is started by a message of the house, a run of a monitor by its schedule, a canary and a roll-back by
    # a person; none of them by another life cycle.
    assert called | {"model_life_cycle", "alerting", "monitoring", "canary", "roll_back"} == set(PROCESSES)
    bundle(files("model_life_cycle"), {name: files(name) for name in called})


def test_a_diagram_has_no_issue(process: str) -> None:
    """Neither an error nor a warning."""
    assert [str(issue) for issue in check(files(process), vocabulary())] == []


def test_the_process_is_named_like_its_folder(process: str) -> None:
    diagram, _ = read(files(process))
    assert diagram.process.id == process
    assert diagram.process.name
    assert diagram.process.documentation


def test_everything_has_a_name_and_a_documentation(process: str) -> None:
    """Gateways that only join need no name: the diagram says all there is."""
    diagram, _ = read(files(process))
    for scope in diagram.process.scopes.values():
        for node in scope.nodes.values():
            joins = node.kind.endswith("Gateway") and len(scope.outgoing(node.id)) == 1
            splits = node.kind == "parallelGateway"
            assert node.name or joins or splits, node.id
            assert node.documentation, node.id
            if node.kind.endswith("Gateway") and not joins:
                assert all(flow.name for flow in scope.outgoing(node.id)), node.id


def test_an_exclusive_gateway_has_a_default_flow_and_a_condition_on_every_other(process: str) -> None:
    diagram, _ = read(files(process))
    for scope in diagram.process.scopes.values():
        for node in scope.nodes.values():
            ways = scope.outgoing(node.id)
            if node.kind == "exclusiveGateway" and len(ways) > 1:
                assert [flow.id for flow in ways if not flow.condition] == [node.default], node.id


def test_every_activity_stands_in_the_lane_of_a_role(process: str) -> None:
    assert {node.lane for node in nodes(process)} <= set(ROLES)


def test_element_ids_are_unique_over_the_library() -> None:
    counted = Counter(node.id for process in PROCESSES for node in nodes(process))
    assert [element for element, times in counted.items() if times > 1] == []


def test_four_eyes_rules_name_user_tasks_of_the_library() -> None:
    tasks = {(process, node.id) for process in PROCESSES for node in nodes(process) if node.kind == "userTask"}
    for process in PROCESSES:
        for node in nodes(process):
            for name in node.properties.get("shut_out", "").replace(" ", "").split(","):
                where, _, element = name.rpartition("/")
                assert name in {"", "starter"} or (where or process, element) in tasks, f"{node.id}: {name}"


def test_nobody_decides_an_approval_that_they_asked_for(process: str) -> None:
    for node in nodes(process):
        if node.properties.get("kind") == "approval":
            assert "starter" in node.properties["shut_out"], node.id
            assert node.properties["evidence"], node.id
            assert node.properties["due"], node.id
            assert node.properties["purpose"] in {"deployment", "retirement"}, node.id


def test_each_form_is_a_schema_and_is_used(process: str) -> None:
    used = {node.properties["form"] for node in nodes(process) if "form" in node.properties}
    assert used == {name for name in files(process) if name.endswith(".form.json")}
    for name in used:
        form = json.loads(files(process)[name])
        Draft202012Validator.check_schema(form["schema"])
        assert form["title"]
        assert form["schema"]["additionalProperties"] is False
        assert all("title" in field and "description" in field for field in form["schema"]["properties"].values())


@pytest.mark.parametrize(
    ("form", "answer", "fits"),
    [
        ("deployment/decision", {"decision": "approve"}, True),
        ("deployment/decision", {"decision": "approve", "comment": ""}, True),
        ("deployment/decision", {"decision": "reject"}, False),
        ("deployment/decision", {"decision": "reject", "comment": "no"}, False),
        ("deployment/decision", {"decision": "reject", "comment": "The evidence is too old."}, True),
        ("deployment/decision", {"decision": "perhaps"}, False),
        ("deployment/decision", {}, False),
        ("deployment/decision", {"decision": "approve", "tier": "low"}, False),
        ("review/review", {"decision": "retire"}, False),
        ("review/review", {"decision": "keep"}, True),
        ("model_life_cycle/start", {"model": "credit"}, True),
        ("model_life_cycle/start", {"model": "../credit"}, False),
    ],
)
def test_a_rejection_needs_a_reason(form: str, answer: dict[str, str], fits: bool) -> None:
    process, name = form.split("/")
    schema = json.loads(files(process)[f"{name}.form.json"])["schema"]
    assert Draft202012Validator(schema).is_valid(answer) is fits


CASES: dict[str, list[dict[str, Any]]] = {
    "risk_tier": [
        {"facts": {"affects_people": people, "protected": protected, "kind": kind, "decisions_per_year": count}}
        for people, protected, kind, count in itertools.product(
            (True, False),
            (True, False),
            ("sklearn", "rules", "prompt"),
            (0, 9_999, 10_000, 99_999, 100_000, 999_999, 1_000_000, 10**9),
        )
    ],
    "deployment_path": [
        {"facts": {"kind": kind, "environment": environment}, "tier": tier}
        for kind, environment, tier in itertools.product(
            ("sklearn", "rules", "remote"), ("production", "staging", "test"), ("low", "medium", "high")
        )
    ],
}


@pytest.mark.parametrize("decision", CASES)
def test_exactly_one_rule_of_a_decision_table_speaks_for_every_case(decision: str) -> None:
    table = next(
        found for process in PROCESSES for found in read(files(process))[0].decisions.values() if found.id == decision
    )
    speaking = [[rule.number for rule in _rules(table, case)] for case in CASES[decision]]
    assert {len(rules) for rules in speaking} == {1}
    assert {rules[0] for rules in speaking} == {rule.number for rule in table.rules}


def _rules(table: Decision, case: dict[str, Any]) -> list[Rule]:
    return [
        rule
        for rule in table.rules
        if all(
            _holds(cell.text, evaluate(column, case)) for column, cell in zip(table.inputs, rule.inputs, strict=True)
        )
    ]


def _holds(cell: str, value: object) -> bool:
    """The cell as the DMN standard reads it: nothing, a comparison with `?` or in front of it, or a value."""
    if cell == "-":
        return True
    test = cell.replace("?", "value") if "?" in cell else f"value {cell}" if cell[0] in "<>!=" else f"value == {cell}"
    return bool(evaluate(test, {"value": value}))


def test_a_folder_has_a_readme_that_tells_its_variables_roles_and_ends(process: str) -> None:
    text = (LIBRARY / process / "README.md").read_text()
    spoken = " ".join(text.split())
    written = {node.operator.result_variable for node in nodes(process) if node.operator}
    written |= {node.properties["result"] for node in nodes(process) if "result" in node.properties}
    written |= {made.name for node in nodes(process) if node.script for made in assignments(node.script)}
    written |= {event.variable for node in nodes(process) for event in node.events if event.variable}
    assert [name for name in sorted(written) if f"`{name}`" not in text] == []
    assert [role for role in sorted({node.lane for node in nodes(process)}) if f"| `{role}` |" not in text] == []
    ends = [node.name for node in nodes(process) if node.kind == "endEvent"]
    assert [name for name in ends if f"*{name}*" not in spoken] == []


def test_the_library_readme_lists_every_process_and_only_used_words() -> None:
    text = (LIBRARY / "README.md").read_text()
    assert set(re.findall(r"\((\w+)/README\.md\)", text)) == set(PROCESSES)
    everywhere = [node for process in PROCESSES for node in nodes(process)]
    used = {node.operator.handler for node in everywhere if node.operator}
    assert used | {"score_batch"} == set(vocabulary().service_tasks)  # a batch stands in diagrams of others alone
    shown = {name.strip() for node in everywhere for name in node.properties.get("evidence", "").split(",")} - {""}
    assert shown == vocabulary().evidence
    messages = {event.name for node in everywhere for event in node.events if event.kind == "message"}
    assert all(f"| `{message}` |" in text for message in messages)


def test_the_names_of_scenarios_are_sentences_and_differ(process: str) -> None:
    names = [scenario.name for scenario in scenarios(process)]
    assert len(set(names)) == len(names)
    assert all(name[0].isupper() and len(name.split()) > 3 for name in names)
