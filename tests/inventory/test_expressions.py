"""Expressions of KPIs and rules: what they may hold, what becomes of what cannot be told, what hostile ones meet."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import GatewrightError
from engine.inventory import expressions, metadata
from engine.inventory.expressions import ExpressionRefused, Row
from tests.inferences.test_outcomes import declared

ROW = Row(
    input={"age": 30, "income": None, "loan amount": 500.0, "kind": "car", "huge": 10**400, "many": [1]},
    score=0.25,
    decision="grant",
    output={"reasons": "none"},
    label=1.0,
)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("age * 2 - 1", 59),
        ('input["loan amount"] * score', 125),
        ("1000 if decision == 'grant' and label == 1 else -500", 1000),
        ("18 <= age <= 30", True),
        ("18 <= age < 30", False),
        ("kind in ['car', 'house']", True),
        ("kind not in ['car', 'house']", False),
        ("min(age, 20) + max(1, 2) + abs(-3) + floor(2.9)", 27),
        ("age % 7", 2),
        ("kind == 30", False),
        ("output['reasons'] == 'none'", True),
        # What cannot be told is null, and stays so where it matters.
        ("income + 1", None),
        ("income > 0", None),
        ("not income > 0", None),
        ("age / 0", None),
        ("kind + 1", None),
        ("kind < 3", None),
        ("huge + 1", None),
        ("1e15 * 1e15", None),
        ("many > 1", None),
        ("missing(income)", True),
        ("missing(age)", False),
        ("income > 0 or age > 18", True),
        ("income > 0 and age > 99", False),
        ("income > 0 and age > 18", None),
        ("1 if income > 0 else 0", None),
    ],
)
def test_r42_an_expression_says_what_it_says_and_null_where_it_cannot_tell(source: str, value: object) -> None:
    assert expressions.parse(source, label=True).reader(ROW) == value


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("__import__('os').system('id')", 1),
        ("age.__class__", 1),
        ("age + ().__class__", 7),
        ("lambda: 1", 1),
        ("[x for x in kind]", 1),
        ("age ** 9 ** 9", 1),
        ("f'{age}'", 1),
        ("(x := 1)", 2),
        ("age is None", 1),
        ("input", 1),
        ("input[age]", 1),
        ("age[0]", 1),
        ("eval('1')", 1),
        ("abs(*kind)", 1),
        ("abs(1, 2)", 1),
        ("age + 1e999", 7),
        ("age +", 1),
        ("é + ~age", 5),
        ("age; 1", 4),
        ("'\\x41'", 2),
        ("", 1),
        ("age #", 5),
        ("1\x00", 2),
        ("9" * 30, 1),
        ("(" * 500, 51),
        ("-" * 500 + "1", 51),
        ("age+" * 60 + "1", 45),
        ("a" * 2000, 1001),
    ],
)
def test_r42_a_hostile_expression_is_refused_with_the_name_of_its_kpi_and_the_position(
    source: str, position: int
) -> None:
    with pytest.raises(ExpressionRefused) as refused:
        expressions.parse(source, of="the KPI 'margin'", label=True)
    assert refused.value.facts["position"] == position
    assert "the KPI 'margin'" in refused.value.message


@settings(max_examples=50)
@given(st.text(max_size=60) | st.text("()[]{}'\"+-*/%<>=!.,:;~ \n01e_ainotdrscoremp", max_size=60))
def test_any_text_is_an_expression_or_refused_by_name(source: str) -> None:
    try:
        found = expressions.parse(source, label=True)
    except ExpressionRefused as error:
        refused = error
    else:
        assert abs(found.number(ROW) or 0) <= expressions.LARGEST
        assert found.holds(ROW) in (True, False, None)
        return
    assert 1 <= refused.facts["position"] <= max(len(source), 1) + 1


def test_r42_columns_are_known_and_a_rule_does_not_read_the_truth() -> None:
    for field, more, words in (
        ("kpis", {"expression": "incme * 2", "unit": "EUR"}, "did you mean income?"),
        ("rules", {"expression": "label == 1"}, "the truth is not known when a row is answered"),
    ):
        with pytest.raises(ExpressionRefused) as refused:
            declared(features=["income"], **{field: [{"name": "margin", **more}]})
        assert words in refused.value.message


@pytest.mark.parametrize(
    "kpi",
    [
        {"aggregate": "ratio"},
        {"per": "1"},
        {"warn": 1, "breach": 2},
        {"better": "low", "warn": 2, "breach": 1},
        {"warn": float("nan")},
        {"aggregate": "median"},
        {"name": "two\nlines"},
    ],
)
def test_a_kpi_that_makes_no_sense_is_refused(kpi: dict[str, object]) -> None:
    with pytest.raises(GatewrightError):
        declared(kpis=[{"name": "margin", "unit": "EUR", "expression": "score", **kpi}])
    with pytest.raises(metadata.MetadataRefused, match="is there twice"):
        declared(kpis=[{"name": "margin", "unit": "EUR", "expression": "score"}] * 2)
