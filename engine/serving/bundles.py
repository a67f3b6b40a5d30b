"""A version's files as they leave the house: for MLflow, for a container. Of the same deployment, the same bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from engine.inventory import kinds
from engine.inventory.sources import modules_of
from engine.serving.deployment import Deployment
from engine.store import Files
from engine.training import interpreters

PROGRAM = Path(__file__).parent / "programs" / "gatewright_model.py"
INDEX = "version.json"


def bundle(deployment: Deployment, files: Files) -> dict[str, bytes]:
    """The files that `programs/gatewright_model.py` loads, by name.

    Neither training data nor probe rows are among them: they may tell of people, and no answer needs them.
    """
    kind, inputs = kinds.get(deployment.kind), deployment.inputs
    given = {
        "artefact": files.read(inputs["artefact"]),
        "input_schema.json": files.read(inputs["input_schema"]),
        "program.py": kind.program.encode(),
    }
    if "source" in inputs and kind.trained:
        given |= {f"modules/{name}": text for name, text in modules_of(files.read(inputs["source"])).items()}
    told = {
        "version": deployment.reference,
        "kind": deployment.kind,
        "cut_off": deployment.cut_off,
        "inputs": dict(sorted(inputs.items())),
        "files": {name: sha256(content) for name, content in sorted(given.items())},
    }
    return {**given, INDEX: as_json(told)}


def requirements(deployment: Deployment, files: Files) -> tuple[str, bytes]:
    """The Python of the version's libraries, empty where it was not recorded; and these, one name==version a line."""
    if "libraries" not in deployment.inputs:
        return "", b""
    lock = interpreters.read(files.read(deployment.inputs["libraries"]))
    return lock.python, "".join(f"{name}=={version}\n" for name, version in sorted(lock.used.items())).encode()


def sha256(content: bytes) -> str:
    """The digest of a file's content."""
    return hashlib.sha256(content).hexdigest()


def as_json(value: object) -> bytes:
    """JSON for people, in one spelling."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
