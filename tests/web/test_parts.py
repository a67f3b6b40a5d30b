"""Forms from JSON Schema, documents of others, small plots: without a server."""

from __future__ import annotations

import math

import pytest
from werkzeug.datastructures import MultiDict

from engine.runtime.forms import Form
from web import answers, documents, plots

SCHEMA = {
    "type": "object",
    "properties": {
        "decision": {"type": "string", "enum": ["approve", "reject"], "title": "Decision"},
        "weight": {"type": "integer", "minimum": 1},
        "share": {"type": "number"},
        "agreed": {"type": "boolean"},
        "roles": {"type": "array", "items": {"enum": ["a", "b"]}},
        "level": {"type": "integer", "enum": [1, 2]},
        "note": {"type": "string", "format": "textarea"},
        "day": {"type": "string", "format": "date"},
        "facts": {"type": "object"},
    },
    "required": ["decision"],
}
FORM = Form("a.form.json", "A form", SCHEMA)


def sent(**values):
    return MultiDict(
        [(answers.PREFIX + k, each) for k, v in values.items() for each in (v if isinstance(v, list) else [v])]
    )


def test_each_field_has_the_control_of_its_type():
    found = {field.name.removeprefix(answers.PREFIX): field for field in answers.fields(FORM)}
    assert {name: field.control for name, field in found.items()} == {
        "decision": "choice",
        "weight": "number",
        "share": "number",
        "agreed": "check",
        "roles": "several",
        "level": "choice",
        "note": "area",
        "day": "date",
        "facts": "json",
    }
    assert found["decision"].required
    assert not found["weight"].required
    assert found["weight"].attributes == {"step": "1", "min": 1}


def test_what_was_sent_is_read_by_type_and_what_is_empty_left_out():
    given = sent(
        decision="approve", weight="3", share="0.5", agreed="yes", roles=["a", "b"], level="2", note="", facts="{}"
    )
    assert answers.read(FORM, given) == {
        "decision": "approve",
        "weight": 3,
        "share": 0.5,
        "agreed": True,
        "roles": ["a", "b"],
        "level": 2,
        "facts": {},
    }


def test_what_is_no_number_stays_text_for_the_check_to_name():
    assert answers.read(FORM, sent(decision="approve", weight="three"))["weight"] == "three"
    assert answers.read(FORM, sent(decision="approve", facts="{"))["facts"] == "{"


def test_a_field_that_the_form_does_not_have_is_not_read():
    assert answers.read(FORM, sent(decision="approve", approved="yes")) == {
        "decision": "approve",
        "agreed": False,
        "roles": [],
    }


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("<script>alert(1)</script>", "<script"),
        ("[x](javascript:alert(1))", "href"),
        ("[x](data:text/html;base64,AAAA)", "href"),
        ("![x](https://elsewhere.example/pixel.png)", "<img"),
        ('<img src=x onerror="alert(1)">', "<img"),
        ("<a href='x'>y</a>", "<a "),
    ],
)
def test_nothing_of_a_document_is_run_or_fetched(text, absent):
    assert absent not in documents.rendered(text)


def test_headings_of_a_document_stand_below_those_of_the_page():
    assert documents.rendered("# One\n\n## Two\n", headings_from=3) == "<h3>One</h3>\n<h4>Two</h4>\n"


def test_an_interval_is_placed_on_the_axis_it_shares():
    found, ends = plots.intervals({"auc": {"value": 0.5, "low": 0.25, "high": 0.75}}, {"auc": 1.0})
    assert ends == (0.0, 1.0)
    assert (found["auc"].low, found["auc"].value, found["auc"].high, found["auc"].bound) == (53.0, 100.0, 147.0, 194.0)
    assert found["auc"].words == "0.500, between 0.250 and 0.750, bound 1"


def test_no_data_is_drawn_as_nothing_and_said():
    found, _ = plots.intervals({"auc": {"value": None, "low": None, "high": None}})
    assert found["auc"].value is None
    assert found["auc"].words == "no data"


def test_an_interval_without_end_stays_on_the_drawing():
    found, ends = plots.intervals({"ratio": {"value": 1.5, "low": 0.5, "high": "infinity"}})
    assert math.isfinite(ends[1])
    assert found["ratio"].high == plots.WIDTH - 6
