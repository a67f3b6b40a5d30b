"""A version tried out where nothing of it will stand: loaded in a sandbox child, asked for its probe rows, ended."""

from __future__ import annotations

import json

from engine.config import Settings
from engine.errors import GatewrightError
from engine.serving.batch_rows import Worker, started
from engine.serving.deployment import Deployment
from engine.serving.targets import StartFailed
from engine.store import Files


def rehearse(deployment: Deployment, settings: Settings, files: Files) -> None:
    """Return where the version loads and answers its probe rows, where it has some; raises StartFailed with why not."""
    try:
        with started(Worker(files=files, settings=settings), deployment, {}) as (_, ask):
            if "probe" in deployment.inputs:
                ask(json.loads(files.read(deployment.inputs["probe"]))["columns"])
    except (GatewrightError, ValueError) as failure:
        raise StartFailed(
            target=deployment.target,
            version=deployment.reference,
            environment=deployment.environment,
            cause=failure.message if isinstance(failure, GatewrightError) else f"{type(failure).__name__}: {failure}",
        ) from failure
