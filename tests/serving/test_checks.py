"""The fast check says yes only where the inventory's own check says yes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.inventory import schemas
from engine.serving.scoring.checks import InputInvalid, InputSchema

TYPES = ("integer", "number", "string", "boolean", "null")
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([0.0, 1.0, 2.5]),
    st.text("ab\0", max_size=2),
)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """The rule of one field."""
    rule: dict[str, Any] = {
        "type": draw(st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, unique=True))
    }
    for bound, span in (("minimum", st.integers(-3, 0)), ("maximum", st.integers(0, 3))):
        if draw(st.booleans()):
            rule[bound] = draw(span)
    if draw(st.booleans()):
        rule["enum"] = draw(st.lists(st.sampled_from([None, True, 0, 1, 2.5, "a", "ab"]), min_size=1))
    return rule


@st.composite
def schemas_and_rows(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A schema, and rows that may or may not fit it."""
    properties = draw(st.dictionaries(st.sampled_from("xyz"), rules(), min_size=1))
    schema = {
        "type": "object",
        "properties": properties,
        "required": draw(st.lists(st.sampled_from(sorted(properties)), unique=True)),
        "additionalProperties": draw(st.booleans()),
    }
    return schema, draw(st.lists(st.dictionaries(st.sampled_from("xyzw"), values), min_size=1, max_size=4))


@given(schemas_and_rows())
@example(({"properties": {"x": {"type": "number"}}}, [{"x": 1.0}, {"x": math.nan}]))
@example(({"properties": {"x": {"type": "integer"}}}, [{"x": True}]))
def test_both_checks_agree(drawn: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    schema, rows = drawn
    faults = schemas.validate_rows(schema, rows)
    holds_nul = any("\0" in value for row in rows for value in row.values() if isinstance(value, str))
    if faults or holds_nul:
        with pytest.raises(InputInvalid) as refused:
            InputSchema(schema).check(rows)
        assert not faults or refused.value.faults == tuple(faults)
    else:
        InputSchema(schema).check(rows)


def test_a_fault_names_its_row_and_field_in_the_problem() -> None:
    schema = InputSchema({"properties": {"age": {"type": "integer", "minimum": 16}}, "required": ["age"]})
    with pytest.raises(InputInvalid, match="Row 1, field age") as refused:
        schema.check([{"age": 40}, {"age": 12}, {}])
    problem = refused.value.as_problem()
    assert problem["status"] == 422
    assert [(fault["row"], fault["field"]) for fault in problem["faults"]] == [(1, "age"), (2, "age")]


def test_a_nul_is_refused_wherever_it_stands_since_it_cannot_be_logged() -> None:
    schema = InputSchema({"properties": {"job": {"type": "string"}}, "additionalProperties": True})
    for row in ({"job": "a\0"}, {"job": "a", "more": {"deep": ["\0"]}}, {"job": "a", "k\0": 1}):
        with pytest.raises(InputInvalid, match="NUL"):
            schema.check([row])
