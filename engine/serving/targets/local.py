"""The target `local`: our own scoring service on the same database.

The service reads the wish from the deployment's row and starts a sandbox child for it; this side only asks it over HTTP
how far it is. So a deployment whose job died half-way starts all the same.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

from engine.config import Settings
from engine.serving.deployment import Deployment
from engine.serving.targets import Sight, StartFailed, TargetUnreachable, target
from engine.store import Files

#: Seconds until a version must answer; reading a large artefact and importing its libraries takes most of them.
START_SECONDS = 120.0
STOP_SECONDS = 30.0
#: Seconds for which the service may be away, since it is started together with the worker.
AWAY_SECONDS = 10.0
ASK_SECONDS = 0.2


@target("local", served=True)
class Local:
    """Runs deployments in the scoring service."""

    def start(self, deployment: Deployment, settings: Settings, files: Files) -> str:
        """The address of the scoring service for the model, once the deployment's child is ready."""
        ends, away_ends = time.monotonic() + START_SECONDS, time.monotonic() + AWAY_SECONDS
        while True:
            try:
                seen = self.observe(deployment, settings)
                away_ends = time.monotonic() + AWAY_SECONDS
            except TargetUnreachable:
                if time.monotonic() > away_ends:
                    raise
                seen = Sight(state="waiting", detail="The scoring service is away.")
            if seen.state == "running":
                return f"{base(settings)}/environments/{deployment.environment}/models/{deployment.model}/score"
            if seen.state == "failing" or time.monotonic() > ends:
                raise StartFailed(
                    target="local",
                    version=deployment.reference,
                    environment=deployment.environment,
                    cause=seen.detail or f"it is still {seen.state} after {START_SECONDS:g} s.",
                )
            time.sleep(ASK_SECONDS)

    def observe(self, deployment: Deployment, settings: Settings) -> Sight:
        """What the scoring service tells of the deployment; one it does not know is stopped, or waits to be seen."""
        address = f"{base(settings)}/deployments/{deployment.id}"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own service, http by construction
                told = json.load(answer)
            return Sight(state=told["state"], detail=told["detail"])
        except urllib.error.HTTPError as refused:
            if refused.code == 404:
                return Sight(state="waiting" if deployment.desired == "running" else "stopped")
            raise TargetUnreachable(target="local", address=address, cause=refused) from refused
        except OSError as cause:
            raise TargetUnreachable(target="local", address=address, cause=getattr(cause, "reason", cause)) from cause

    def stop(self, deployment: Deployment, settings: Settings) -> None:
        """Wait until the child is gone; a scoring service that is away runs none, since children die with it."""
        ends = time.monotonic() + STOP_SECONDS
        while time.monotonic() < ends:
            try:
                if self.observe(deployment, settings).state == "stopped":
                    return
            except TargetUnreachable:
                return
            time.sleep(ASK_SECONDS)
        raise TargetUnreachable(
            target="local", address=base(settings), cause=f"{deployment.id} still runs after {STOP_SECONDS:g} s"
        )


def base(settings: Settings) -> str:
    """The scoring service's address as this machine reaches it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.scoring_host, settings.scoring_host)  # noqa: S104
    return f"http://{host}:{settings.scoring_port}"
