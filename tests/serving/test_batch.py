"""The two forms in which rows arrive, and what is refused of them."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.serving.scoring import batch as batches
from engine.serving.scoring import open_inference
from engine.serving.scoring.batch import Batch, BatchMalformed, BatchTooLong
from engine.serving.scoring.checks import InputSchema

NOON = datetime(2016, 7, 1, 12, tzinfo=UTC)
SCHEMA = InputSchema({"properties": {"age": {"type": "integer"}, "job": {"type": "string"}}})


def read(content: Any, fields: frozenset[str] = frozenset({"age"})) -> Batch:
    return batches.read(content, fields=fields, limit_rows=3)


def infer(content: Any) -> Batch:
    return open_inference.read(content, SCHEMA, limit_rows=3)


def tensor(name: str, values: list[Any], shape: list[int] | None = None, datatype: str = "INT64") -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(values)], "datatype": datatype, "data": values}


AGES, JOBS = tensor("age", [1, 2]), tensor("job", ["a", "b"], datatype="BYTES")


def test_rows_may_come_bare_or_with_one_time_and_reference_for_all() -> None:
    bare = read([{"age": 1}, {"age": 2}])
    assert (bare.rows, bare.event_times, bare.references) == ([{"age": 1}, {"age": 2}], [None, None], [None, None])
    around = read({"rows": [{"age": 1}, {"age": 2}], "event_time": "2016-07-01T12:00:00Z", "reference": "r"})
    assert (around.event_times, around.references) == ([NOON, NOON], ["r", "r"])


def test_each_row_may_have_its_own_time_and_reference() -> None:
    listed = read(
        {"rows": [{"age": 1}, {"age": 2}], "reference": ["a", None], "event_time": [None, "2016-07-01T14:00+02:00"]}
    )
    assert (listed.event_times, listed.references) == ([None, NOON], ["a", None])
    inside = read({"rows": [{"age": 1, "reference": "own"}, {"age": 2}], "reference": "all"})
    assert (inside.rows, inside.references) == ([{"age": 1}, {"age": 2}], ["own", "all"])


def test_a_field_of_the_model_named_reference_stays_a_field() -> None:
    own = read([{"reference": 7}], frozenset({"reference"}))
    assert (own.rows, own.references) == ([{"reference": 7}], [None])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (7, "not a list"),
        ({}, 'no "rows"'),
        ([], "no rows"),
        ([1], "row 0 is not an object"),
        ({"rows": [{}], "event_tme": 1}, "event_tme"),
        ({"rows": [{}], "event_time": 7}, "row 0 is not a text"),
        ({"rows": [{}], "event_time": "2016-07-01T12:00:00"}, "a time with its zone"),
        ({"rows": [{}], "event_time": "soon"}, "a time with its zone"),
        ({"rows": [{}], "event_time": [None, None]}, "2 values for 1 rows"),
        ({"rows": [{}], "reference": ""}, "1 to 200"),
        ({"rows": [{}], "reference": "\0"}, "1 to 200"),
        ({"rows": [{}], "reference": 7}, "1 to 200"),
    ],
)
def test_what_is_malformed_is_named(content: Any, reason: str) -> None:
    with pytest.raises(BatchMalformed, match=reason):
        read(content)


def test_too_many_rows_are_refused_with_the_limit() -> None:
    with pytest.raises(BatchTooLong, match="4 rows; at most 3"):
        read([{}] * 4)


def test_tensors_by_name_become_rows() -> None:
    found = infer({"inputs": [AGES, JOBS], "parameters": {"event_time": "2016-07-01T12:00:00Z"}})
    assert found.rows == [{"age": 1, "job": "a"}, {"age": 2, "job": "b"}]
    assert found.event_times == [NOON, NOON]


def test_one_matrix_is_read_in_the_order_of_the_schema() -> None:
    for data in ([1, "a", 2, "b"], [[1, "a"], [2, "b"]]):
        found = infer({"inputs": [tensor("input-0", data, [2, 2], "BYTES")]})
        assert found.rows == [{"age": 1, "job": "a"}, {"age": 2, "job": "b"}]


def test_columns_of_one_and_tensors_beside_the_fields_are_read() -> None:
    ages = tensor("age", [[1], [2]], [2, 1])
    found = infer({"inputs": [ages, JOBS, tensor("reference", ["x", "y"], datatype="BYTES")]})
    assert found.rows == [{"age": 1, "job": "a"}, {"age": 2, "job": "b"}]
    assert found.references == ["x", "y"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, 'no list of "inputs"'),
        ({"inputs": [AGES], "parameters": 7}, "parameters"),
        ({"inputs": [{}]}, "no name"),
        ({"inputs": [AGES, AGES]}, "age is given twice"),
        ({"inputs": [AGES, tensor("job", ["a"], datatype="BYTES")]}, "job has 1 rows"),
        ({"inputs": [tensor("age", [1], [2])]}, "has 1 values, its shape says 2"),
        ({"inputs": [tensor("age", [1], [1, 1, 1])]}, "no shape"),
        ({"inputs": [tensor("age", [1], [True])]}, "no shape"),
        ({"inputs": [tensor("age", [1], datatype="INT")]}, "datatype INT"),
        ({"inputs": [{"name": "age", "shape": [1], "datatype": "INT64"}]}, "no list of data"),
        ({"inputs": [tensor("age", [[1], 2], [2])]}, "partly nested"),
        ({"inputs": [tensor("x", [1, 2, 3], [1, 3])]}, "one tensor per field"),
    ],
)
def test_what_is_malformed_in_tensors_is_named(content: Any, reason: str) -> None:
    with pytest.raises(BatchMalformed, match=reason):
        infer(content)


def test_tensors_may_come_as_bytes() -> None:
    ages = {"name": "age", "shape": [2], "datatype": "INT64", "parameters": {"binary_data_size": 16}}
    jobs = {"name": "job", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": 12}}
    raw = struct.pack("<qq", 1, -2) + struct.pack("<I3sI1s", 3, "bé".encode(), 1, b"c")
    found = infer(open_inference.with_binary({"inputs": [ages, jobs]}, raw))
    assert found.rows == [{"age": 1, "job": "bé"}, {"age": -2, "job": "c"}]


@pytest.mark.parametrize(
    ("datatype", "size", "raw", "reason"),
    [
        ("INT64", 8, b"1234567", "no 8 bytes"),
        ("INT64", 7, b"1234567", "are no INT64"),
        ("INT64", 0, b"1", "1 bytes belong to no tensor"),
        ("INT64", "8", b"12345678", "no 8 bytes"),
        ("BYTES", 5, b"\x09\0\0\0a", "cut off"),
        ("BYTES", 5, b"\x01\0\0\0\xff", "are no BYTES"),
        ("INT9", 1, b"1", "are no INT9"),
    ],
)
def test_bytes_that_are_no_tensor_are_named(datatype: str, size: Any, raw: bytes, reason: str) -> None:
    tensor = {"name": "age", "shape": [1], "datatype": datatype, "parameters": {"binary_data_size": size}}
    with pytest.raises(BatchMalformed, match=reason):
        open_inference.with_binary({"inputs": [tensor]}, raw)


members = st.sampled_from(
    [
        "rows",
        "event_time",
        "reference",
        "inputs",
        "name",
        "shape",
        "datatype",
        "data",
        "parameters",
        "binary_data_size",
        "age",
    ]
)
plain = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.floats(allow_nan=False)
    | st.sampled_from(["age", "INT64", "BYTES"])
)
contents = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(members, inner, max_size=5))
tensors = st.fixed_dictionaries(
    {"name": st.sampled_from(["age", "job", "x"])},
    optional={
        "shape": contents,
        "datatype": st.sampled_from(["INT64", "BYTES", 7]),
        "data": contents,
        "parameters": contents,
    },
)


@given(contents | st.fixed_dictionaries({"inputs": st.lists(tensors, max_size=3)}), st.binary(max_size=8))
def test_any_json_is_read_or_refused_by_name(content: Any, raw: bytes) -> None:
    for reading in (lambda: read(content), lambda: infer(open_inference.with_binary(content, raw))):
        try:
            found = reading()
        except (BatchMalformed, BatchTooLong):
            continue
        assert 1 <= len(found.rows) == len(found.event_times) == len(found.references) <= 3
