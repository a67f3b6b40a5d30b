"""What a version's source consists of."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

from engine.errors import GatewrightError

LARGEST = 32 << 20  #: bytes of all modules, unpacked


class SourceRefused(GatewrightError):
    """The source is refused: {reason}."""

    code = "source-refused"
    hint = "Hand in one Python file, or a zip of Python files and folders."
    status = 422


def modules_of(source: bytes) -> dict[str, bytes]:
    """Relative path -> text of the Python files: one file is `recipe.py`, a zip is what it holds.

    Raises SourceRefused for a path that leads outside, and for more than 32 MB.
    """
    if source[:4] != b"PK\x03\x04":
        return {"recipe.py": source}
    found: dict[str, bytes] = {}
    size = 0
    try:
        with zipfile.ZipFile(io.BytesIO(source)) as archive:
            for entry in archive.infolist():
                path = PurePosixPath(entry.filename)
                if path.is_absolute() or ".." in path.parts:
                    raise SourceRefused(reason=f"{entry.filename} leads outside")
                size += entry.file_size
                if size > LARGEST:
                    raise SourceRefused(reason=f"it unpacks to more than {LARGEST >> 20} MB")
                if not entry.is_dir():
                    found[str(path)] = archive.read(entry)
    except zipfile.BadZipFile as error:
        raise SourceRefused(reason=f"not a zip file: {error}") from error
    return found
