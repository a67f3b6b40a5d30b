"""Forms: only what they declare comes through, whatever is sent."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.runtime import forms, patterns

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


def form(**field) -> bytes:
    return json.dumps({"schema": {"type": "object", "properties": {"x": field}}}).encode()


@pytest.mark.parametrize(
    "field",
    [
        {"$ref": "file:///etc/hostname"},
        {"$ref": "http://169.254.169.254/latest/meta-data"},
        {"$ref": "#/properties/x"},
        {"allOf": [{"$dynamicRef": "#x"}]},
        {"items": {"patternProperties": {"a": {}}}},
        {"type": "string", "pattern": "(?=a)b"},
        {"type": "string", "pattern": "(a)\\1"},
        {"type": "string", "pattern": "a{900}"},
    ],
)
def test_a_form_stands_for_itself_and_its_patterns_end(field):
    with pytest.raises(forms.FormUnreadable, match=r"schema\.properties\.x"):
        forms.read("x.form.json", form(**field))


@pytest.mark.parametrize(
    "content",
    [b'{"schema": true}', b'{"schema": {"properties": {"x": true}}}', b'{"schema": {}, "order": 5}', b'{"title": "a"}'],
)
def test_what_a_page_cannot_draw_is_no_form(content):
    with pytest.raises(forms.FormUnreadable):
        forms.read("x.form.json", content)


def test_a_pattern_that_would_take_python_for_ever_is_answered_at_once():
    slow = forms.read("x.form.json", form(type="string", pattern="^(a+)+$"))
    assert forms.check(slow, {"x": "a" * 400}) == {"x": "a" * 400}
    with pytest.raises(forms.AnswerRefused, match="does not match"):
        forms.check(slow, {"x": "a" * 400 + "!"})


pieces = st.sampled_from(
    ["a", "b", "1", r"\d", r"\w", r"\.", "[ab]", "[^a]", "[0-9-]", r"[\]a]", r"[\[a]", ".", "a*", "b+?", "(?:ab)?",
     "(a|b1)*", "a{2}", "b{1,2}", "[ab]{2,}", "(a|)", "^", "$", "(a*)*"]
)  # fmt: skip


@given(st.lists(pieces, max_size=5).map("".join), st.text(alphabet="ab1.-]\n é", max_size=8))
@example("^", "")
@example(r"^[\[]$", "\\")
def test_a_pattern_finds_what_python_finds(pattern, text):
    ecma = pattern.replace(
        "$", r"\Z"
    )  # where JSON Schema's `$` is the end, Python's may stand before a last line break
    assert patterns.compiled(pattern).found_in(text) == bool(re.search(ecma, text, re.ASCII))


@given(st.text(alphabet=r"ab()[]{}|*+?^$\.,-1", max_size=12))
def test_any_text_is_a_pattern_or_is_refused(pattern):
    try:
        found = patterns.Pattern(pattern).found_in("ab1")
    except patterns.PatternRefused as reason:
        found = bool(str(reason))
    assert found in (True, False)


@pytest.mark.parametrize(
    "value", ["a\x00b", "\ud800", float("inf"), 2**60, {"deep": ["\x00"]}, {"\x00": 1}, "x" * 50_000]
)
def test_what_cannot_be_kept_is_refused_by_its_field(value):
    with pytest.raises(forms.AnswerRefused) as refusal:
        forms.check(forms.read("x.form.json", form()), {"x": value})
    assert set(refusal.value.fields) == {"x"}


def test_a_backslash_before_a_u_is_a_text_like_any_other():
    assert forms.check(forms.read("x.form.json", form()), {"x": "\\u0000"}) == {"x": "\\u0000"}
