"""Decision tables with cells as modellers write them."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest

from engine.bpmn import Vocabulary, check
from engine.bpmn.cells import INPUT
from engine.bpmn.cells import test as unary
from engine.bpmn.expressions import evaluate
from tests.bpmn import drawing as d
from tests.bpmn.running import Running, made


def table(policy, rows, inputs=("amount", "kind"), outputs=("tier", "fee")):
    def cell(tag, text):
        return f"<{tag} id='{tag}{id(text)}{text.__hash__()}'><text>{escape(text)}</text></{tag}>"

    head = "".join(
        f"<input id='in{i}'><inputExpression id='ie{i}'><text>{escape(text)}</text></inputExpression></input>"
        for i, text in enumerate(inputs)
    ) + "".join(f"<output id='out{i}' name='{name}'/>" for i, name in enumerate(outputs))
    body = "".join(
        f"<rule id='r{n}'>"
        + "".join(f"<inputEntry id='c{n}i{i}'><text>{escape(t)}</text></inputEntry>" for i, t in enumerate(ins))
        + "".join(f"<outputEntry id='c{n}o{i}'><text>{escape(t)}</text></outputEntry>" for i, t in enumerate(outs))
        + "</rule>"
        for n, (ins, outs) in enumerate(rows)
    )
    return (
        "<definitions xmlns='https://www.omg.org/spec/DMN/20191111/MODEL/' id='d' name='d' namespace='x'>"
        f"<decision id='tiers' name='Tiers'><decisionTable id='t' hitPolicy='{policy}'>{head}{body}</decisionTable>"
        "</decision></definitions>"
    ).encode()


def deciding(content):
    return made(d.start(), d.rule("Decide", "tiers"), d.end(), d.chain("Start", "Decide", "End"), tiers__dmn=content)


ROWS = [
    (("> 100", '"a", "b"'), ('"high"', "amount * 2")),
    (("[10..100]", 'not("c")'), ('"middle"', "")),
    (("-", "-"), ('"low"', "0")),
]


@pytest.mark.parametrize(
    ("amount", "kind", "tier", "fee"),
    [(200, "a", "high", 400), (200, "c", "low", 0), (100, "z", "middle", None), (10, "c", "low", 0)],
)
def test_the_first_matching_row_decides(amount, kind, tier, fee):
    run = Running(deciding(table("FIRST", ROWS)), {"amount": amount, "kind": kind})
    assert run.rest.finished
    assert (run.variables["tier"], run.variables["fee"]) == (tier, fee)


def test_two_rows_of_a_unique_table_are_a_failure_that_names_them():
    run = Running(deciding(table("UNIQUE", ROWS)), {"amount": 200, "kind": "a"})
    (failure,) = run.rest.failures
    assert (failure.kind, failure.element) == ("decision", "Decide")
    assert "Rows 1, 3" in failure.cause


def test_no_row_is_a_failure_and_not_a_variable_left_unset():
    run = Running(deciding(table("UNIQUE", ROWS[:1])), {"amount": 1, "kind": "a"})
    (failure,) = run.rest.failures
    assert "amount = 1" in failure.cause
    run.act(lambda execution: execution.retry(failure.task_id, {"amount": 101}))
    assert run.variables["tier"] == "high"


def test_collect_gives_lists():
    run = Running(deciding(table("COLLECT", ROWS)), {"amount": 200, "kind": "a"})
    assert run.variables["tier"] == ["high", "low"]


@pytest.mark.parametrize(
    ("cell", "value", "matches"),
    [
        ('"high"', "high", True), ('"high"', "low", False), ("> 3", 4, True), (">= 4", 4, True), ("= 4", 4, True),
        ("!= 4", 4, False), ("[1..5]", 5, True), ("[1..5)", 5, False), ("(1..5]", 1, False), ("]1..5[", 1, False),
        ('"a","b"', "b", True), ("1, > 5", 7, True), ("not(1, 2)", 3, True), ("not(1, 2)", 2, False),
        ("true", True, True), ("null", None, True),
        ('? in ["x", "y"]', "y", True), ('?.startswith("a, b?")', "a, b?c", True),
        ("3 < ? < 6", 5, True), ('"a, b"', "a, b", True),
    ],
)  # fmt: skip
def test_a_cell_reads_as_its_author_meant_it(cell, value, matches):
    assert evaluate(unary(cell), {}, {INPUT: value}) is matches


def issues(content):
    return [
        issue.reason
        for issue in check(
            d.files(
                "p",
                d.start(),
                d.rule("Decide", "tiers"),
                d.end(),
                d.chain("Start", "Decide", "End"),
                tiers__dmn=content,
            ),
            Vocabulary(),
        )
    ]


@pytest.mark.parametrize(
    ("policy", "rows", "told"),
    [
        ("PRIORITY", ROWS, "hit policy PRIORITY"),
        ("FIRST", [(("date(x) > 1", "-"), ("1", "2"))], "row 1"),
        ("FIRST", [(("-", "-"), ("import os", "2"))], "row 1, output"),
        ("FIRST", [(("-",), ("1", "2"))], "too few or too many cells"),
        ("FIRST", [(("1,", "-"), ("1", "2"))], "comma"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(policy, rows, told):
    assert any(told in reason for reason in issues(table(policy, rows)))


def test_a_good_table_is_accepted():
    assert issues(table("FIRST", ROWS)) == []
