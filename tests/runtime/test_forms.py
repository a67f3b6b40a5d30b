"""Forms: only what they declare comes through, whatever is sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime import forms

FORM = forms.read(
    "f.form.json",
    json.dumps(
        {
            "title": "F",
            "order": ["b"],
            "schema": {
                "type": "object",
                "properties": {"a": {"enum": ["x", "y"]}, "b": {"type": "integer", "minimum": 1}},
                "required": ["a"],
            },
        }
    ).encode(),
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(anything)
def test_any_answer_either_fits_the_schema_or_is_refused_by_field(answer):
    try:
        checked = forms.check(FORM, answer)
    except forms.AnswerRefused as refusal:
        checked, fields = {"a": "x"}, refusal.fields
    else:
        fields = {"none": "wrong"}
    assert fields
    assert set(checked) <= {"a", "b"}
    assert checked["a"] in ("x", "y")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_are_refused_by_name(content):
    try:
        said = forms.read("x.form.json", content).name
    except forms.FormUnreadable as refusal:
        said = refusal.message
    assert "x.form.json" in said


def test_fields_are_asked_in_the_forms_order():
    assert [(name, required) for name, _, required in FORM.fields] == [("b", False), ("a", True)]


def test_a_missing_field_is_named():
    with pytest.raises(forms.AnswerRefused) as refusal:
        forms.check(FORM, {})
    assert set(refusal.value.fields) == {"a"}
