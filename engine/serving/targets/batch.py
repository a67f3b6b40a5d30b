"""The target `batch`: no process stands; files of rows are scored as they come, by the workers."""

from __future__ import annotations

import os

from engine.config import Settings
from engine.serving import rehearsals
from engine.serving.deployment import Deployment
from engine.serving.targets import Sight, TargetUnreachable, target
from engine.store import Files


@target("batch")
class Batch:
    """Scores files of rows that are handed in by page, API, command line or a life cycle."""

    def start(self, deployment: Deployment, settings: Settings, files: Files) -> str:
        """Where batches are handed in, once the version has answered its probe rows in a child."""
        reachable(deployment, settings)
        rehearsals.rehearse(deployment, settings, files)
        host = f"http://{settings.web_host}:{settings.web_port}"
        return f"{host}/api/v1/models/{deployment.model}/batches?environment={deployment.environment}"

    def observe(self, deployment: Deployment, settings: Settings) -> Sight:
        """Running from the start on: what it needs is a worker, and the exchange folder for results."""
        reachable(deployment, settings)
        return Sight(state="running" if deployment.desired == "running" else "stopped")

    def stop(self, deployment: Deployment, settings: Settings) -> None:
        """Nothing stands; batches that were asked for before are scored by the version that they were asked of."""


def reachable(deployment: Deployment, settings: Settings) -> None:
    """Return where this machine can write into the exchange folder; raises TargetUnreachable."""
    place = settings.exchange
    try:
        place.mkdir(parents=True, exist_ok=True)
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(f"{place} cannot be written to")
    except OSError as cause:
        raise TargetUnreachable(target=deployment.target, address=place.as_uri(), cause=cause) from cause
