"""A package of service tasks as somebody else would add it: found by its entry point, in every process of the house."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import requests
from pydantic import BaseModel

from engine.runtime import registry
from engine.runtime.context import Context

#: names the recorder, in the environment of the house
RECORDER = "FAULTS_RECORDER"


class Word(BaseModel):
    word: str = "hello"


@registry.service_task("faults_tell", kind="job", attempts=5, backoff_seconds=0.5, breaker=None)
def tell(parameters: Word, ctx: Context) -> dict[str, Any]:
    """Tells another system, under the step's own key."""
    requests.post(
        os.environ[RECORDER],
        json={"element": ctx.element, "word": parameters.word},
        headers={"Idempotency-Key": ctx.idempotency_key},
        timeout=20,
    ).raise_for_status()
    return {"told": ctx.element}


@registry.service_task("faults_note", kind="transactional")
def note(session: Any, parameters: Word, ctx: Context) -> dict[str, Any]:
    """Says the word back, inside the transaction."""
    return {"said": parameters.word}


def installed_in(folder: Path) -> Path:
    """A folder for PYTHONPATH in which this module is an installed package of service tasks."""
    about = folder / "gatewright_faults-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gatewright-faults\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gatewright.service_tasks]\nfaults = tests.faults.plugin\n")
    return folder
