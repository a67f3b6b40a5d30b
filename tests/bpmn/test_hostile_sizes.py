"""Diagrams of any size and shape are refused by name in good time, or run in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.bpmn import Execution, Vocabulary, bundle, check
from tests.bpmn import drawing as d

NOW = datetime(2026, 1, 5, tzinfo=UTC)
VOCABULARY = Vocabulary(roles=frozenset({"risk_manager"}))


def refused(content: bytes) -> list[tuple[str, str]]:
    return [(issue.rule, issue.reason) for issue in check({"process.bpmn": content}, VOCABULARY)]


def row(count: int) -> bytes:
    ids = [f"T{n}" for n in range(count)]
    return d.xml("p", d.start(), *(d.script(id, "a = 1") for id in ids), d.end(), d.chain("Start", *ids, "End"))


def fork(kind: str, count: int) -> bytes:
    ids = [f"T{n}" for n in range(count)]
    conditions = ["" if kind == "parallel" or n == 0 else "true" for n in range(count)]
    return d.xml(
        "p",
        d.start(),
        d.gateway(kind, "Fork", default="Fork_T0" if kind == "inclusive" else ""),
        *(d.script(id, f"v{n} = {n}") for n, id in enumerate(ids)),
        d.gateway(kind, "Join"),
        d.end(),
        d.chain("Start", "Fork"),
        *(d.flow("Fork", id, condition) for id, condition in zip(ids, conditions, strict=True)),
        *(d.flow(id, "Join") for id in ids),
        d.flow("Join", "End"),
    )


def nested(depth: int) -> bytes:
    inner = d.start("S0") + d.end("E0") + d.chain("S0", "E0")
    for n in range(1, depth):
        inner = d.start(f"S{n}") + d.sub(f"Sub{n}", inner) + d.end(f"E{n}") + d.chain(f"S{n}", f"Sub{n}", f"E{n}")
    return d.xml("p", inner)


def test_a_diagram_of_a_hundred_megabytes_is_not_even_read():
    huge = b"<a>" + b"x" * 100_000_000 + b"</a>"
    ((rule, reason),) = refused(huge)
    assert rule == "readable"
    assert "100,000,007 bytes" in reason


@pytest.mark.timeout(60)
def test_a_diagram_of_ten_thousand_elements_is_refused_by_its_size():
    assert [rule for rule, _ in refused(row(3_333))] == ["size"]  # with flows and scripts 10,000
    assert [rule for rule, _ in refused(row(10_000))] == ["readable"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["parallel", "inclusive"])
def test_the_widest_fork_that_is_let_in_joins_in_good_time(kind):
    """Each of n arrivals once asked all n others at each of n steps: 18 s of an instance's lock for 490 branches."""
    content = fork(kind, 490)
    assert refused(content) == []
    execution = Execution.start(bundle({"process.bpmn": content}), {}, now=NOW)
    while (rest := execution.run(lambda call: None, now=NOW)).more:
        execution.state()
    assert rest.finished
    # The default flow is taken only where no condition is true.
    assert execution.variables() == {f"v{n}": n for n in range(kind == "inclusive", 490)}


@pytest.mark.timeout(60)
def test_subprocesses_nest_as_deep_as_files_are_read_and_run():
    assert refused(nested(80))[0][0] == "readable"
    content = nested(55)
    assert refused(content) == []
    rest = Execution.start(bundle({"process.bpmn": content}), {}, now=NOW).run(lambda call: None, 10_000, now=NOW)
    assert rest.finished


def test_a_variable_that_grows_in_a_loop_ends_as_a_failure_of_its_step():
    content = d.xml(
        "p",
        d.start(),
        d.script("Set", "a = []", "b = 'x'.join(str(i) for i in range(5000))"),
        d.gateway("exclusive", "Merge"),
        d.script("Grow", "a = a + [b]"),
        d.chain("Start", "Set", "Merge", "Grow", "Merge"),
    )
    execution = Execution.start(bundle({"process.bpmn": content}), {}, now=NOW)
    rest = execution.run(lambda call: None, now=NOW)
    (failure,) = rest.failures
    assert (failure.element, rest.more) == ("Grow", False)
    assert "more than 256,000 characters" in failure.cause
    assert len(execution.state()) < 600_000


@pytest.mark.parametrize("text", [r"'\x00'", r"{'\x00': 1}", r"['a\x00b']", r"'\ud800'", r"'a' + '\x00'"])
def test_what_postgresql_cannot_keep_is_a_failure_of_its_step(text):
    content = d.xml("p", d.start(), d.script("Set", f"a = {text}"), d.end(), d.chain("Start", "Set", "End"))
    rest = Execution.start(bundle({"process.bpmn": content}), {}, now=NOW).run(lambda call: None, now=NOW)
    (failure,) = rest.failures
    assert (failure.element, failure.kind) == ("Set", "expression")
    assert "a text holds" in failure.cause
