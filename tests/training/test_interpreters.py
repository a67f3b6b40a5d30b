"""Versions with libraries of their own: built from wheels without a network, used in the sandbox alone."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from engine import sandbox
from engine.config import Settings
from engine.inventory import kinds
from engine.inventory.kinds import Kind
from engine.serving.runner import Runner
from engine.store import Files, Store
from engine.training import interpreters
from engine.training.interpreters import InterpreterNotBuilt, LibrariesMissing, LibrariesRefused
from tests.serving import test_batches as b
from tests.serving.house import (
    SCHEMA,
    given_a_model,
    given_a_version,
    given_an_environment,
    parquet,
    when_it_goes_live,
    when_it_is_requested,
)

PROGRAM = """
def start(options):
    import gatewright_example
    return gatewright_example

def describe(model, request):
    return {"output": "value", "columns": ["age"], "libraries": {}}

def score(model, columns):
    return {"values": [model.scale(age) for age in columns["age"]]}

def told(model, request):
    import sys
    return {"file": model.__file__, "prefix": sys.prefix, "isolated": sys.flags.isolated}
"""


def wheel(folder: Path, version: str, scale: int, trap: Path | None = None) -> Path:
    """A small wheel of our own making; with a `.pth` file that touches the trap whenever an interpreter reads it."""
    name = f"gatewright_example-{version}"
    content = {
        "gatewright_example.py": f"def scale(age):\n    return age * {scale}\n",
        f"{name}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: gatewright-example\nVersion: {version}\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if trap is not None:
        content["trap.pth"] = f"import pathlib; pathlib.Path({str(trap)!r}).touch()\n"
    record = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text.encode())}"
        for path, text in content.items()
    ]
    content[f"{name}.dist-info/RECORD"] = "\n".join([*record, f"{name}.dist-info/RECORD,,", ""])
    made = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return made


def libraries(version: str) -> bytes:
    return json.dumps({"used": {"gatewright_example": version}}).encode()


@pytest.fixture
def house(tmp_path: Path) -> Settings:
    """Settings with a wheelhouse of two versions of one package."""
    (tmp_path / "wheelhouse").mkdir()
    wheel(tmp_path / "wheelhouse", "1.0", 10)
    wheel(tmp_path / "wheelhouse", "2.0", 20, tmp_path / "trap")
    return Settings(data_dir=tmp_path / "data", wheelhouse=tmp_path / "wheelhouse")


def test_r25_two_versions_serve_side_by_side_each_with_its_recorded_libraries(
    store: Store, house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two wheels of one package; each version answers with its own, and no wheel's code ran outside of the sandbox."""
    kind = kinds.get("rules")
    ours = Kind(**{name: getattr(kind, name) for name in Kind.__slots__} | {"name": "ours", "program": PROGRAM})
    monkeypatch.setitem(kinds.all_kinds(), "ours", ours)
    changed = store.settings.model_copy(update={"wheelhouse": house.wheelhouse})
    store = b.dataclasses.replace(store, settings=changed)
    given_a_model(store, "credit", kind="ours")
    answers = {}
    for number in (1, 2):
        given_an_environment(store, f"place-{number}", target="batch", position=number)
        lock = interpreters.with_wheels(changed, store.files, libraries(f"{number}.0"))
        schema = json.dumps(SCHEMA).encode()
        version = given_a_version(store, artefact=f"no. {number}".encode(), input_schema=schema, libraries=lock)
        when_it_goes_live(store, when_it_is_requested(store, version, f"place-{number}"))
    assert changed.wheelhouse is not None
    for each in changed.wheelhouse.iterdir():
        each.unlink()  # what is approved is in the file store: a rebuild needs no wheelhouse, and no network
    for number in (1, 2):
        asked = b.given_a_batch(store, parquet([{"age": 3}]), environment=f"place-{number}")
        Runner(store).look()
        answers[number] = b.answers(store, b.now_is(store, asked))["value"]
    assert answers == {1: [30.0], 2: [60.0]}
    assert len(list((store.settings.home / "interpreters").iterdir())) == 2
    assert not (tmp_path / "trap").exists()


def test_the_sandbox_child_runs_from_that_interpreter_and_is_built_once(house: Settings, tmp_path: Path) -> None:
    files = Files(str(tmp_path / "files"))
    assets = {"libraries": files.put(libraries("1.0"))}
    interpreter = interpreters.ready(house, files, assets)
    assert interpreter is not None
    made = interpreter.stat().st_ctime_ns
    told = sandbox.run(PROGRAM, "told", interpreter=interpreter).value
    assert told["isolated"] == 1
    assert told["prefix"] == str(interpreter.parents[1])
    assert told["file"].startswith(told["prefix"])
    assert interpreters.ready(house, files, assets) == interpreter
    assert interpreter.stat().st_ctime_ns == made


def test_nothing_is_built_where_the_lock_runs_here_or_nobody_gave_wheels(house: Settings, tmp_path: Path) -> None:
    files = Files(str(tmp_path / "files"))
    import numpy

    same = json.dumps({"used": {"numpy": numpy.__version__}}).encode()
    assert interpreters.ready(house, files, {"libraries": files.put(same)}) is None
    assert interpreters.ready(house, files, {}) is None
    alone = house.model_copy(update={"wheelhouse": None})
    assert interpreters.ready(alone, files, {"libraries": files.put(libraries("1.0"))}) is None
    assert interpreters.with_wheels(alone, files, libraries("1.0")) == libraries("1.0")
    assert not (house.home / "interpreters").exists()


def test_what_is_missing_or_changed_is_told_by_name_and_nothing_is_left(house: Settings, tmp_path: Path) -> None:
    files = Files(str(tmp_path / "files"))
    with pytest.raises(LibrariesMissing, match=r"no wheel of gatewright-example 3\.0"):
        interpreters.ready(house, files, {"libraries": files.put(libraries("3.0"))})
    other = {"gatewright_example-1.0-py3-none-any.whl": files.put(b"no wheel at all")}
    lock = {"used": {"gatewright-example": "1.0"}, "wheels": other}
    with pytest.raises(InterpreterNotBuilt):
        interpreters.ready(house, files, {"libraries": files.put(json.dumps(lock).encode())})
    lock["wheels"] = {"../../escape-1.0-py3-none-any.whl": files.put(b"x")}
    with pytest.raises(LibrariesRefused, match="no wheel's name"):
        interpreters.ready(house, files, {"libraries": files.put(json.dumps(lock).encode())})
    old = {"python": "3.99.1", "used": {"gatewright-example": "1.0"}}
    with pytest.raises(InterpreterNotBuilt, match=r"no Python 3\.99"):
        interpreters.ready(house, files, {"libraries": files.put(json.dumps(old).encode())})
    assert list((house.home / "interpreters").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "used"),
    [
        (b'{"python": "3.11.7", "used": {"Scikit_Learn": "1.8.0"}}', {"scikit-learn": "1.8.0"}),
        (b"# made by pip\nnumpy==2.3.1 \\\n    --hash=sha256:00\nA.b==1\n", {"numpy": "2.3.1", "a-b": "1"}),
        (b"", {}),
    ],
)
def test_a_lock_is_json_or_lines(content: bytes, used: dict[str, str]) -> None:
    assert interpreters.read(content).used == used


@pytest.mark.parametrize("content", [b'{"used": [1]}', b'{"used": {"a": 1}}', b"{", b"\xff"])
def test_what_is_no_lock_is_refused(content: bytes) -> None:
    with pytest.raises(LibrariesRefused):
        interpreters.read(content)
