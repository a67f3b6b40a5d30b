"""The safe subset: what it gives, and what it refuses in good time."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bpmn.expressions import ExpressionError, assignments, evaluate, execute, is_foreign, names, translated

HOSTILE = [
    line
    for line in (Path(__file__).parent / "hostile_expressions.txt").read_text().splitlines()
    if line and not line.startswith("# ")
]


@pytest.mark.timeout(60)  # a bomb would not come back at all
@pytest.mark.parametrize("expression", HOSTILE)
def test_a_hostile_expression_is_refused(expression):
    with pytest.raises(ExpressionError):
        evaluate(expression, {"x": {"y": 1}})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7), ("2 ** 10", 1024), ("7 // 2", 3), ("-n", -4), ("not true", False), ("null", None),
        ("n if n > 3 else 0", 4), ("m.a.b", 5), ('m["a"]["b"]', 5), ('m.get("z", 9)', 9), ("len(xs)", 3),
        ("xs[0] + xs[-1]", 4), ("xs[1:]", [2, 3]), ("sum(x * x for x in xs)", 14), ("[x for x in xs if x > 1]", [2, 3]),
        ("max(xs)", 3), ("max(1, n)", 4), ("max([], default=0)", 0), ("sorted(xs, reverse=true)", [3, 2, 1]),
        ("any(x > 2 for x in xs)", True), ("all(x > 2 for x in xs)", False), ("round(2.567, 2)", 2.57),
        ('name.upper() + "!"', "ADA!"), ('"a" in name', True), ("n in [1, 4]", True), ("1 < n <= 4", True),
        ('{"k": n, "l": [n]}', {"k": 4, "l": [4]}), ("(1, 2)", [1, 2]), ('f"{name} has {n}"', "ada has 4"),
        ("{k: v for k, v in m.a.items()}", {"b": 5}), ("int('12') + float('0.5')", 12.5), ("str(n)", "4"),
        ("str(1) + str(0) + str(1.5)", "101.5"),
        ("str(true) + str(false) + str(null)", "truefalse"),
        ("n is null", False), ("nothing is None", True), ("bool(xs) and n == 4", True),
        ('", ".join(["a", "b"])', "a, b"),
        ('name\n  + "x"', "adax"), ("range(3)", [0, 1, 2]), ("true == 1", True),
    ],
)  # fmt: skip
def test_an_expression_gives_its_value(expression, value):
    variables = {"n": 4, "m": {"a": {"b": 5}}, "xs": [1, 2, 3], "name": "ada", "nothing": None}
    found = evaluate(expression, variables)
    assert found == value
    assert type(found) is type(value)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ExpressionError, match='"amount"'):
        evaluate("ammount > 3", {"amount": 4})


def test_there_is_no_clock_unless_it_is_handed_in():
    with pytest.raises(ExpressionError):
        evaluate("now", {})
    assert evaluate("now", {}, {"now": "2027-01-01"}) == "2027-01-01"


def test_a_script_assigns_and_nothing_else():
    variables = {"a": 1}
    assert execute("# a remark\nb = a + 1\nc = [b,\n     a]\n", variables) == {"b": 2, "c": [2, 1]}
    assert variables == {"a": 1}
    assert [assignment.name for assignment in assignments("  b = 1\n  c = b")] == ["b", "c"]


@pytest.mark.parametrize(
    "script", ["a.b = 1", "a, b = 1, 2", "a = b = 1", "a += 1", "print(1)", "if a:\n  b = 1", "a: int = 1", "_a = 1",
               "import os", "a = __import__('os')", "true = 1", "def f():\n  pass", "a = 1\n}"],
)  # fmt: skip
def test_any_other_script_is_refused(script):
    with pytest.raises(ExpressionError):
        assignments(script)


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        ("${approved}", "approved"), ("${amount > 3 && !late}", "amount > 3 and not late"),
        ('#{tier eq "high"}', 'tier == "high"'), ("=amount = 3", "amount == 3"), ("${empty name}", "not name"),
    ],
)  # fmt: skip
def test_another_engines_expression_is_translated_as_a_proposal(foreign, ours):
    assert is_foreign(foreign)
    assert translated(foreign) == ours


def test_the_variables_that_an_expression_reads():
    assert names("[x for x in xs if x > limit] and len(m.a) > 0 and true") == {"xs", "limit", "m"}


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
fragments = st.lists(
    st.sampled_from(
        ["x", "y", "(", ")", "[", "]", "{", "}", ".", ",", ":", "+", "-", "*", "**", "/", "<", "==", " in ", " not ",
         " for ", " if ", " else ", " and ", "1", "2.5", "'a'", "len", "sum", "x.", "range", "__", "lambda", "\n",
         "f'{x}'"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(fragments | st.text(max_size=60), json, json)
@settings(max_examples=400, deadline=None)
def test_whatever_is_written_gives_a_json_value_or_an_expression_error(expression, x, y):
    try:
        value = evaluate(expression, {"x": x, "y": y})
    except ExpressionError:
        return
    assert orjson.loads(orjson.dumps(value)) == value
