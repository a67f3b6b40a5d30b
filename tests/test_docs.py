"""The docs say what the code does: registries, settings, errors, commands, links, requirements and their tests."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from engine.bpmn.lint import RULES
from engine.config import Settings
from engine.identity import PERMISSIONS, ROLES
from engine.inventory import kinds
from engine.runtime import registry
from engine.serving import targets
from engine.statistics.registry import all_metrics
from tests.docs import pages

ROOT, DOCS = pages.ROOT, pages.DOCS
WRITTEN = sorted(
    path
    for path in [
        *ROOT.glob("*.md"),
        *DOCS.rglob("*.md"),
        *(ROOT / "processes").rglob("*.md"),
        *ROOT.glob("web/**/*.md"),
    ]
    if "node_modules" not in path.parts
)
PARTS = pages.parts()
STATES = ("works", "partly", "not yet")


def of(name: str) -> str:
    """A page of docs/, as text."""
    return (DOCS / name).read_text(encoding="utf-8")


# What is made from the code


@pytest.mark.parametrize("name", PARTS)
def test_the_page_is_what_the_code_says(name):
    page = of(name)
    for part, text in PARTS[name].items():
        assert pages.filled(page, part, text) == page, f"{name}: run python -m tests.docs.pages"


# Registries and their pages


def _cells(page: str) -> set[str]:
    """What stands in backticks at the beginning of a table's row."""
    return set(re.findall(r"^\| (?:<a id=[^>]*></a>)?`([^`]+)` \|", page, re.MULTILINE))


def test_every_setting_is_documented_once():
    named = Counter(re.findall(r"^\| `GATEWRIGHT_(\w+)` \|", of("configuration.md"), re.MULTILINE))
    assert set(named) >= {name.upper() for name in Settings.model_fields}
    assert set(named.values()) == {1}


def test_every_service_task_has_its_section_and_its_result():
    page = of("service-tasks.md")
    sections = dict(zip(*[iter(re.split(r"^## (\w+)$", page, flags=re.MULTILINE)[1:])] * 2, strict=True))
    assert set(sections) == {task.name for task in pages.ours()}
    for task in pages.ours():
        told = re.search(r"^- result: (.*?)(?=\n\n|\n\Z|\Z)", sections[task.name], re.MULTILINE | re.DOTALL)
        assert told, f"{task.name} does not tell its result"
        # What stands in parentheses explains, what stands outside of them is the key.
        keys = set(re.findall(r"`(\w+)`", re.sub(r"\([^()]*\)", "", told[1])))
        assert keys == _keys_returned(task), task.name


def _keys_returned(task: registry.ServiceTask) -> set[str]:
    """The keys of the object that a handler returns, as its source writes them."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(task.function)))
    found = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    assert all(isinstance(each, ast.Dict) for each in found), f"{task.name} returns something else than an object"
    return {key.value for each in found for key in each.keys if isinstance(key, ast.Constant)}


def test_the_library_names_the_same_service_tasks_evidence_and_errors():
    page = (ROOT / "processes" / "README.md").read_text(encoding="utf-8")
    named = _cells(page)
    assert {task.name for task in pages.ours()} <= named
    assert registry.vocabulary(frozenset()).evidence <= named
    errors = {error for task in pages.ours() for error in task.errors}
    assert {error for error in errors if f"`{error}`" not in page} == set()


@pytest.mark.parametrize(
    ("page", "known"),
    [
        ("metrics.md", lambda: set(all_metrics())),
        ("models.md", lambda: set(kinds.all_kinds())),
        ("bpmn.md", lambda: set(RULES)),
        ("user-tasks.md", lambda: set(registry.vocabulary(frozenset()).evidence)),
        ("user-tasks.md", lambda: set(registry.vocabulary(frozenset()).task_kinds)),
        ("security.md", lambda: set(PERMISSIONS)),
        ("security.md", lambda: set(ROLES)),
        ("errors.md", lambda: {error.code for error in pages.errors()}),
    ],
    ids=["metrics", "kinds", "lint rules", "evidence", "kinds of user task", "permissions", "roles", "errors"],
)
def test_every_registered_thing_has_its_line(page, known):
    assert sorted(known() - _cells(of(page))) == []


def test_every_deployment_target_has_its_part_on_their_page():
    assert [name for name in targets.names() if f"`{name}`" not in of("targets.md")] == []


def test_no_table_of_metrics_or_errors_lists_what_is_not_there():
    assert sorted(_cells(of("metrics.md")) - set(all_metrics())) == []
    assert sorted(_cells(of("errors.md")) - {error.code for error in pages.errors()}) == []


def test_errors_that_other_pages_name_exist():
    codes = {error.code for error in pages.errors()} | {"unexpected"}
    for page in ("models.md", "sandbox.md"):
        section = of(page).partition("\n## Errors\n")[2].partition("\n## ")[0]
        named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", section))
        assert sorted(named - codes) == [], page


# Links


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a page: its headings as GitHub names them, and what it sets itself."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found, times = set(re.findall(r'<a id="([^"]+)">', text)), Counter()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        found.add(f"{name}-{times[name]}" if times[name] else name)
        times[name] += 1
    return frozenset(found)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_map_leads_to_every_page():
    text = of("index.md")
    missing = [
        str(path.relative_to(DOCS))
        for path in DOCS.rglob("*.md")
        if path.name != "index.md" and f"({path.relative_to(DOCS)}" not in text
    ]
    assert missing == []


def test_pages_that_messages_name_exist():
    """An error that sends its reader to a page must not send them nowhere."""
    for source in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "web").rglob("*.py")]:
        if "node_modules" in source.parts:
            continue
        for named in re.findall(r"docs/[a-z\-/]+\.md", source.read_text(encoding="utf-8")):
            assert (ROOT / named).exists(), f"{source.relative_to(ROOT)} names {named}"


# Requirements and capabilities


def _rows(page: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in page.splitlines()
        if line.startswith("|") and not re.match(r"^\|[-:| ]+\|$", line)
    ]


def _tests(cell: str) -> list[str]:
    return re.findall(r"`(tests/[^`]+)`", cell)


def exists(test: str) -> bool:
    """Whether a test of this id is there: a file, or a function in it."""
    name, _, function = test.partition("::")
    path = ROOT / name
    if not path.exists():
        return False
    return not function or bool(re.search(rf"^(async )?def {re.escape(function)}\(", path.read_text(), re.MULTILINE))


def test_every_requirement_has_its_row_once():
    rows = [row for row in _rows(of("requirements.md")) if re.fullmatch(r"[RN]\d+", row[0])]
    expected = [*(f"R{n}" for n in range(1, 77)), *(f"N{n}" for n in range(1, 5))]
    assert [row[0] for row in rows] == expected
    assert {row[2] for row in rows} <= set(STATES)


def test_a_requirement_that_works_names_the_test_that_shows_it():
    for number, _, state, *_, shown in [
        row for row in _rows(of("requirements.md")) if re.fullmatch(r"[RN]\d+", row[0])
    ]:
        if state != "not yet":
            assert _tests(shown), f"{number} is said to be there and names no test"
        else:
            assert not _tests(shown), f"{number} is not there yet and names a test"


def test_a_requirement_that_works_is_shown_by_a_test_that_bears_its_number():
    """Whoever reads a failing test sees which requirement it takes down."""
    for number, _, state, *_, shown in [
        row for row in _rows(of("requirements.md")) if re.fullmatch(r"[RN]\d+", row[0])
    ]:
        bearing = [test for test in _tests(shown) if re.search(rf"_{number.lower()}_", test.partition("::")[2])]
        assert state != "works" or bearing, f"no test of {number} is named test_{number.lower()}_..."


def test_every_capability_is_shown_or_said_to_be_missing():
    rows = [row for row in _rows(of("capabilities.md")) if len(row) == 5 and row[0] != "statement"]
    assert len(rows) > 60
    for statement, *_, test in rows:
        assert _tests(test) or "not yet" in test, statement


@pytest.mark.parametrize("page", ["requirements.md", "capabilities.md"])
def test_tests_that_are_named_exist(page):
    assert [test for test in _tests(of(page)) if not exists(test)] == []


# Words


def test_no_page_names_a_place_of_one_machine():
    for path in WRITTEN:
        found = re.findall(r"(?<![\w.])/(?:home|Users|root|work|tmp)/[\w./-]+", path.read_text(encoding="utf-8"))
        assert found == [], path


def test_the_readme_gives_the_two_commands():
    lines = [line.strip() for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()]
    assert "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/gatewright demo" in lines
    assert "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest" in lines
