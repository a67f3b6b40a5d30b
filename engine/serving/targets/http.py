"""The target `http`: the model stands behind somebody else's API, our scoring service in front of it.

Callers ask the scoring service as for every model: it checks their rows, asks the API, logs the answers. So a model of
others is refused, counted and watched as our own is.
"""

from __future__ import annotations

import json

from engine.config import Settings
from engine.errors import GatewrightError
from engine.inventory import kinds, schemas
from engine.serving.deployment import Deployment
from engine.serving.targets import Sight, StartFailed, TargetUnreachable, target
from engine.serving.targets.local import Local
from engine.store import Files
from engine.training import remotes


@target("http", served=True)
class Http:
    """Answers for a remote model by asking its API."""

    def start(self, deployment: Deployment, settings: Settings, files: Files) -> str:
        """The address of the scoring service for the model, once its API has answered the probe rows."""
        refused = {"version": deployment.reference, "environment": deployment.environment}
        if not kinds.get(deployment.kind).remote:
            cause = f"a model of the kind {deployment.kind} stands behind no API; deploy it on another target."
            raise StartFailed(target="http", cause=cause, **refused)
        try:
            columns = schemas.columns(json.loads(files.read(deployment.inputs["input_schema"])))
            with remotes.Remote(files.read(deployment.inputs["artefact"]), columns, settings) as asked:
                if "probe" in deployment.inputs:
                    asked.score_columns(json.loads(files.read(deployment.inputs["probe"]))["columns"])
        except remotes.RemoteAway as away:
            address = f"http://{away.facts['host']}"
            raise TargetUnreachable(target="http", address=address, cause=away.facts["cause"]) from away
        except GatewrightError as failure:
            raise StartFailed(target="http", cause=failure.message, **refused) from failure
        return Local().start(deployment, settings, files)

    def observe(self, deployment: Deployment, settings: Settings) -> Sight:
        """What the scoring service tells of the deployment."""
        return Local().observe(deployment, settings)

    def stop(self, deployment: Deployment, settings: Settings) -> None:
        """Return when the scoring service asks the API no more."""
        Local().stop(deployment, settings)
