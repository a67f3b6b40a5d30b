"""A build context's entry as a container would start it, but for the container."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(context: Path, python: str | Path) -> Iterator[str]:
    """The address at which the context's server answers; gone at the end."""
    process = subprocess.Popen(
        [python, "-I", "serve.py", "--port", "0"],
        cwd=context,
        env={"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        assert " answers at port " in told, told
        yield f"http://127.0.0.1:{told.rsplit(maxsplit=1)[1]}"
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def written(content: Mapping[str, bytes], folder: Path) -> None:
    """Let the folder hold these files."""
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
