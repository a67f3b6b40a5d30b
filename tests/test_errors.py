"""Every error says what is wrong and what to do, and is told in the docs."""

from __future__ import annotations

import importlib
import re
from collections import Counter

from engine.errors import GatewrightError
from tests.docs import pages

ERRORS = pages.errors()

#: what a hint tells people to do; a new verb is added here by whoever looked whether its hint is an act
_VERBS = (
    "add allow ask attach build cancel change check choose close compare connect correct declare define draw end "
    "finish free give go hand have install issue leave let look make mend move name open pass print publish put raise "
    "read register release reload remove rename repair replace request resolve restore resume retry return run save "
    "say score see send set shorten show sign start stop take tell try turn type upgrade upload use wait write"
)
ACTS = frozenset(_VERBS.split())


def acts(hint: str) -> set[str]:
    """The verbs with which a sentence, or a part of one, of the hint begins."""
    parts = re.split(r"[.;:,?(]\s+|\b(?:or|and|then|to)\s+|^", hint)
    return {word for part in parts if part and (word := part.split()[0].strip("`").lower()) in ACTS}


def test_every_module_can_be_imported():
    """An error that nobody can import is told by nobody."""
    for name in pages.modules():
        importlib.import_module(name)


def test_an_error_has_a_message_of_its_own():
    """The docstring is the message: an inherited one would tell of something else."""
    assert [error for error in ERRORS if not (error.__dict__.get("__doc__") or "").strip()] == []


def test_an_error_has_a_code_of_its_own_which_is_unique():
    assert [error for error in ERRORS if "code" not in error.__dict__] == []
    assert [error.code for error in ERRORS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", error.code)] == []
    counts = Counter(error.code for error in [*ERRORS, GatewrightError])
    assert [code for code, times in counts.items() if times > 1] == []


def test_a_hint_is_an_act():
    """Whoever reads it knows what to do next, or who does it."""
    assert [error for error in ERRORS if "hint" not in error.__dict__] == []
    somebody = re.compile(r"(Another|Somebody|An operator)\b|.*`gatewright ")
    idle = [error for error in ERRORS if not acts(error.hint) and not somebody.match(error.hint)]
    assert {error.code: error.hint for error in idle} == {}


def test_a_message_reads_whole_even_where_a_fact_is_missing():
    """An error must never hide behind a KeyError of its own."""
    for error in ERRORS:
        told = error.__new__(error)
        GatewrightError.__init__(told)
        assert str(told).startswith(f"[{error.code}]")
        assert GatewrightError.as_problem(told)["detail"]
        assert 400 <= error.status < 600, error


def test_every_error_has_its_line_in_the_docs():
    page = (pages.DOCS / "errors.md").read_text(encoding="utf-8")
    missing = [error.code for error in ERRORS if f'<a id="{error.code}"></a>' not in page]
    assert missing == [], "run python -m tests.docs.pages"
