"""Rows are held to the input schema, each fault by row and field."""

from __future__ import annotations

import math

import jsonschema
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inventory import schemas
from engine.inventory.schemas import SchemaRefused, validate_rows

SCHEMA = {
    "type": "object",
    "properties": {
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "income": {"type": ["number", "null"], "minimum": 0},
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "member": {"type": "boolean"},
    },
    "required": ["age", "colour"],
    "additionalProperties": False,
}
GOOD = {"age": 30, "income": 1.5, "colour": "red", "member": True}


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"age": "30"}, "age", "is not a whole number"),
        ({"age": 30.5}, "age", "is not a whole number"),
        ({"age": True}, "age", "is not a whole number"),
        ({"age": 121}, "age", "above 120"),
        ({"age": -1}, "age", "below 0"),
        ({"age": None}, "age", "is null"),
        ({"income": math.nan}, "income", "is not a number"),
        ({"income": "x"}, "income", "is not a number"),
        ({"colour": "green"}, "colour", "is none of 'red', 'blue'"),
        ({"colour": 1}, "colour", "is not a text"),
        ({"member": 1}, "member", "true or false"),
        ({"height": 1}, "height", "is not in the input schema"),
    ],
)
def test_a_fault_names_row_field_and_reason(change, field, reason):
    (fault,) = validate_rows(SCHEMA, [GOOD, {**GOOD, **change}])
    assert (fault.row, fault.field) == (1, field)
    assert reason in fault.reason


def test_what_is_missing_is_named_and_what_is_no_row_too():
    first, second = validate_rows(SCHEMA, [{"colour": "red"}, [1]])
    assert str(first) == "row 0, field age: is missing"
    assert (second.row, second.reason) == (1, "[1] is not an object of named values")


def test_good_rows_have_no_fault():
    assert validate_rows(SCHEMA, [GOOD, {"age": 1.0, "colour": "blue"}, {**GOOD, "income": None}]) == []


def test_not_more_than_a_hundred_faults_are_told():
    assert len(validate_rows(SCHEMA, [{}] * 500)) == 100


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 130),
    st.floats(-5, 130, allow_nan=False),
    st.sampled_from(["red", "green"]),
)
rows = st.dictionaries(st.sampled_from(["age", "income", "colour", "member", "height"]), values)


@given(rows)
def test_it_agrees_with_jsonschema(row):
    assert bool(validate_rows(SCHEMA, [row])) == (not jsonschema.Draft202012Validator(SCHEMA).is_valid(row))


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ([], "type"),
        ({"type": "array"}, "type"),
        ({"properties": {}}, "properties"),
        ({"properties": {"a": {"type": "int"}}}, "properties.a.type"),
        ({"properties": {"a": {"type": "integer", "pattern": "x"}}}, "properties.a.pattern"),
        ({"properties": {"a": {"type": "integer", "minimum": 2, "maximum": 1}}}, "properties.a.minimum"),
        ({"properties": {"a": {"type": "string", "enum": []}}}, "properties.a.enum"),
        ({"properties": {"a": {"type": "string"}}, "required": ["b"]}, "required"),
        ({"properties": {"a": {"type": "string"}}, "oneOf": []}, "oneOf"),
    ],
)
def test_a_schema_that_is_none_is_refused_by_place(schema, where):
    with pytest.raises(SchemaRefused) as caught:
        schemas.check(schema)
    assert caught.value.facts["where"] == where


def test_a_schema_is_inferred_and_what_was_declared_stays():
    table = pa.table(
        {
            "n": pa.array([1, 2, 3], pa.int8()),
            "r": pa.array([0.5, None, 2.0]),
            "c": pa.array(["a", "b", "a"]).dictionary_encode(),
            "b": pa.array([True, False, True]),
        }
    )
    schema = schemas.infer(table, {"properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}}})
    properties = schema["properties"]
    assert list(properties) == ["n", "r", "c", "b"]
    assert (properties["n"]["minimum"], properties["n"]["maximum"]) == (0, 9)
    assert properties["n"]["x-observed"] == {"distinct": 3, "minimum": 1, "maximum": 3}
    assert properties["r"]["type"] == ["number", "null"]
    assert properties["c"]["type"] == "string"
    assert properties["b"]["type"] == "boolean"
    assert "minimum" not in properties["r"]  # what was seen binds nobody
    with pytest.raises(SchemaRefused, match="no such column"):
        schemas.infer(table, {"properties": {"z": {"type": "integer"}}})
