"""Where a running house keeps its lock, its control socket and its logs."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from engine.config import Settings
from engine.errors import GatewrightError

#: sun_path holds 104 bytes on the shortest of our systems, with its closing zero
_LONGEST_SOCKET = 103


class RuntimeFolderForeign(GatewrightError):
    """{folder} should hold the control socket, and it belongs to somebody else or is open to others."""

    code = "runtime-folder-foreign"
    hint = "Remove it, or set TMPDIR to a folder of your own."
    status = 500


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of one data folder's running house."""

    home: Path

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """The places of the settings' data folder."""
        return cls(settings.home)

    @property
    def run(self) -> Path:
        """The folder of the lock, and of the socket where its path is short enough."""
        return self.home / "run"

    @property
    def lock(self) -> Path:
        """Locked by the supervisor while it lives; holds its process id."""
        return self.run / "supervisor.lock"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.home / "logs"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.logs / f"{name}.log"

    @property
    def socket(self) -> Path:
        """The control socket: in the data folder, or in a short folder of our own where that path is too long."""
        near = self.run / "control.sock"
        if len(os.fsencode(near)) <= _LONGEST_SOCKET:
            return near
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"gatewright-{os.geteuid()}-{name}" / "control.sock"

    def make(self) -> None:
        """Make the folders, closed to others; raises RuntimeFolderForeign."""
        self.home.mkdir(parents=True, exist_ok=True)
        for folder in (self.run, self.logs, self.socket.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        found = self.socket.parent.lstat()
        if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
            raise RuntimeFolderForeign(folder=self.socket.parent)
