"""The page and the code say the same."""

from __future__ import annotations

from pathlib import Path

from engine.bpmn import documentation
from engine.bpmn.lint import RULES
from engine.bpmn.spec.build import EVENTS, GATEWAYS
from engine.bpmn.supported import EVENT_DEFINITIONS, EXECUTED, REFUSED

PAGE = Path(__file__).parents[2] / "docs" / "bpmn.md"


def test_the_page_lists_what_the_code_does():
    page = PAGE.read_text(encoding="utf-8")
    assert documentation.filled(page) == page, "run python -m engine.bpmn.documentation"


def test_every_refusal_names_a_rule_that_exists():
    for named in REFUSED.values():
        assert set(named.split(", ")) <= set(RULES) | {"readable"}


def test_what_is_built_is_what_is_listed():
    assert set(GATEWAYS) | set(EVENTS) <= set(EXECUTED)
    assert set(EVENT_DEFINITIONS) == set(EVENTS)
