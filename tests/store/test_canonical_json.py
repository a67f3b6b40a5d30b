"""Canonical bytes: RFC 8785."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from engine.store import canonical
from tests.strategies import json_values


@given(json_values)
def test_canonical_bytes_say_the_same_and_are_their_own_canonical_form(value: object) -> None:
    content = canonical(value)
    # Every number of JSON is a double, as the standard reads it.
    read = json.loads(content, parse_int=float)
    assert read == value
    assert canonical(read) == content


@given(st.dictionaries(st.text(max_size=5), st.integers(-5, 5)))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert canonical(value) == canonical(dict(reversed(value.items())))


def test_canonical_bytes_are_those_of_the_standard() -> None:
    """RFC 8785, section 3.2.4: the sample of section 3.2.2 in bytes."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@given(json_values)
@example({"\ue000": 1, "\U00010000": 2})  # UTF-16 sorts them the other way round than UTF-8
@example({"a": [1.0, -0.0, 1e16, 1e-7, 2**53 - 1, "\x7f\x00\u2028"]})
def test_they_are_those_of_the_reference_whoever_writes_them(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)


class Text(str):
    """A text of another class, as a library may return it."""


@pytest.mark.parametrize(
    "value", [{"a": (1, 2)}, [True, 1, None], Text("a"), {"b": {"a": Text("c")}}, [[]] * 3, {}, "é", -5]
)
def test_what_python_holds_for_json_is_written_as_the_reference_does(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def nested(depth: int) -> list[object]:
    inner: list[object] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize("value", [2**53, -(2**53), float("nan"), {1: 2}, "\ud800", {"\ud800": 1}, b"", {1, 2}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


def test_deep_nesting_is_written_or_refused_and_never_a_crash() -> None:
    assert canonical(nested(300)) == rfc8785.dumps(nested(300))
    with pytest.raises(ValueError, match=r"."):
        canonical(nested(100_000))
