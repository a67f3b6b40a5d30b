"""The interpreter of a version: this house's own, or one with the very libraries that the version recorded.

What a version recorded stands in its asset `libraries`: JSON with `used` (name -> version), or lines `name==version`.
Where that is what runs here, nothing is built. Where it is not, and wheels are known, one is built and kept:

    <data folder>/interpreters/<sha256 of Python and wheels>/
        bin/python      a bare virtual environment, which no wheel has touched
        libraries/      the wheels' content, put on the import path by the sandbox's runner, once it has shut itself in

Nothing of a wheel stands in site-packages: a `.pth` file or a sitecustomize there would run before the sandbox closes.
Wheels come from the file store, by the digests that the asset names under `wheels`, or from the folder that the setting
`wheelhouse` names; either way pip gets their hashes, and no network.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import Settings
from engine.errors import GatewrightError
from engine.store import Files, canonical

SECONDS = 600
MEMORY_MB = 4096
FOLDER = "libraries"
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*==\s*([A-Za-z0-9.!+_-]+)(?:\s|$)")
#: Bounds of our own before pip's first line.
_PIP = f"""
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_MB} << 20,) * 2)
sys.argv[:] = ["pip", *sys.argv[1:]]
runpy.run_module("pip", run_name="__main__")
"""


class LibrariesMissing(GatewrightError):
    """There is no wheel of {missing}, which the version was made with."""

    code = "libraries-missing"
    hint = "Put the wheel into the folder that GATEWRIGHT_WHEELHOUSE names, then start the version again."
    status = 422


class LibrariesRefused(GatewrightError):
    """The recorded libraries cannot be read: {reason}."""

    code = "libraries-refused"
    hint = "Attach JSON with `used`, or lines of name==version, as the version's libraries."
    status = 422


class InterpreterNotBuilt(GatewrightError):
    """The interpreter with the version's libraries could not be built: {reason}"""

    code = "interpreter-not-built"
    hint = "Look for wheels that fit this machine and this Python; install pip where it is missing."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What a version was made with."""

    python: str  #: major.minor; empty where it was not recorded
    used: Mapping[str, str]  #: package in its normal spelling -> version
    wheels: Mapping[str, str]  #: file name -> sha256, in the file store

    def lacking(self) -> dict[str, str]:
        """The packages that this interpreter has not, or has in another version."""
        return {name: version for name, version in self.used.items() if _running(name) != version}


def read(content: bytes) -> Lock:
    """The lock in an asset `libraries`; raises LibrariesRefused."""
    try:
        text = content.decode("utf-8")
        if text.lstrip().startswith("{"):
            given: dict[str, Any] = json.loads(text)
            used, wheels = given.get("used", {}), given.get("wheels", {})
            python = ".".join(str(given.get("python", "")).split(".")[:2])
        else:
            lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
            found = [_LINE.match(line) for line in lines if line and not line.startswith(("#", "--"))]
            used, wheels, python = {each[1]: each[2] for each in found if each}, {}, ""
    except (ValueError, TypeError) as error:
        raise LibrariesRefused(reason=str(error)[:200]) from error
    for what in (used, wheels):
        if not isinstance(what, dict) or not all(isinstance(each, str) for each in what.values()):
            raise LibrariesRefused(reason="`used` or `wheels` maps no names to texts")
    return Lock(python=python, used={normal(name): version for name, version in used.items()}, wheels=dict(wheels))


def with_wheels(settings: Settings, files: Files, content: bytes) -> bytes:
    """The asset with the digests of the wheels that it needs here, now in the file store; or as it was.

    Called when a version is registered, so that an approval covers its libraries, byte by byte.
    """
    lock = read(content)
    if lock.wheels or not lock.lacking() or settings.wheelhouse is None:
        return content
    given = json.loads(content) if content.lstrip().startswith(b"{") else {"used": dict(lock.used)}
    return (json.dumps({**given, "wheels": _found(settings, files, lock)}, indent=1) + "\n").encode()


def ready(settings: Settings, files: Files, assets: Mapping[str, str]) -> Path | None:
    """The interpreter for a version, built where it has to be; None: this one.

    It is this one where it has what was recorded, and where nobody gave wheels: no wheelhouse, none in the asset. Takes
    seconds to minutes the first time, at most SECONDS. Raises LibrariesMissing, LibrariesRefused, InterpreterNotBuilt.
    """
    if "libraries" not in assets:
        return None
    lock = read(files.read(assets["libraries"]))
    if not lock.lacking() or (not lock.wheels and settings.wheelhouse is None):
        return None
    base = _base(lock.python)
    wheels = lock.wheels or _found(settings, files, lock)
    name = hashlib.sha256(canonical({"python": str(base), "wheels": dict(wheels)})).hexdigest()
    place = settings.home / "interpreters" / name
    if not place.is_dir():
        _build(place, base, files, wheels)
    return place / "bin" / "python"


def normal(name: str) -> str:
    """A package's name in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _running(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _found(settings: Settings, files: Files, lock: Lock) -> dict[str, str]:
    """Wheel -> sha256 of each package in the wheelhouse, now in the file store; raises LibrariesMissing."""
    folder = settings.wheelhouse
    known: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.glob("*.whl")) if folder else ():
        parts = path.name.split("-")
        if len(parts) >= 5 and path.is_file():
            known.setdefault((normal(parts[0]), parts[1]), []).append(path)
    missing = [f"{name} {version}" for name, version in lock.used.items() if (name, version) not in known]
    if missing:
        raise LibrariesMissing(missing=", ".join(missing[:10]))
    return {path.name: files.put(path) for wanted in sorted(lock.used.items()) for path in known[wanted]}


def _base(python: str) -> Path:
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python in ("", ours):
        return Path(sys.executable)
    found = shutil.which(f"python{python}") if re.fullmatch(r"3\.\d{1,2}", python) else None
    if found is None:
        raise InterpreterNotBuilt(reason=f"there is no Python {python} on this machine, which runs {ours}.")
    return Path(found)


def _build(place: Path, base: Path, files: Files, wheels: Mapping[str, str]) -> None:
    if importlib.util.find_spec("pip") is None:
        raise InterpreterNotBuilt(reason="there is no pip in this interpreter.")
    place.parent.mkdir(parents=True, exist_ok=True)
    coming = Path(tempfile.mkdtemp(prefix=".coming-", dir=place.parent))
    try:
        house, made = coming / "wheels", coming / "made"
        house.mkdir()
        lines = []
        for name, digest in sorted(wheels.items()):
            if not re.fullmatch(r"[A-Za-z0-9._+!-]+\.whl", name) or name.count("-") < 4:
                raise LibrariesRefused(reason=f"{name[:100]!r} is no wheel's name")
            (house / name).write_bytes(files.read(digest))
            package, version = name.split("-")[:2]
            lines.append((f"{normal(package)}=={version}", f"--hash=sha256:{digest}"))
        # Several wheels of one version, for several machines: one line, with the hashes of all.
        together = {wanted: " ".join(h for w, h in lines if w == wanted) for wanted, _ in lines}
        (coming / "lock.txt").write_text("\n".join(f"{wanted} {hashes}" for wanted, hashes in together.items()) + "\n")
        _run([str(base), "-I", "-m", "venv", "--without-pip", str(made)], coming)
        python = str(made / "bin" / "python")
        offline = ["--no-index", "--find-links", str(house), "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        quiet = ["--isolated", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "-q"]
        install = ["install", *offline, "--no-compile", "--target", str(made / FOLDER), "-r", str(coming / "lock.txt")]
        _run([sys.executable, "-I", "-c", _PIP, "--python", python, *quiet, *install], coming)
        made.chmod(0o755)
        try:
            made.rename(place)
        except OSError:
            if not place.is_dir():  # else somebody else was quicker, and made the same
                raise
    finally:
        shutil.rmtree(coming, ignore_errors=True)


def _run(words: list[str], folder: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder)}
    try:
        done = subprocess.run(  # noqa: S603 - our interpreter, fixed words, no shell
            words, env=environment, cwd=folder, capture_output=True, text=True, timeout=SECONDS, umask=0o022
        )
    except subprocess.TimeoutExpired as late:
        raise InterpreterNotBuilt(reason=f"it took longer than {SECONDS} s.") from late
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())
        raise InterpreterNotBuilt(reason=said[-400:] or f"exit code {done.returncode}.")
