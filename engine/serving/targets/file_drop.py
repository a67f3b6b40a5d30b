"""The target `file_drop`: a watched folder; see `engine.serving.drops` for what happens in it."""

from __future__ import annotations

from engine.config import Settings
from engine.serving import drops, rehearsals
from engine.serving.deployment import Deployment
from engine.serving.targets import Sight, TargetUnreachable, target
from engine.serving.targets.batch import reachable
from engine.store import Files


@target(drops.TARGET)
class FileDrop:
    """Scores each file that is put into its folder, and lays the result beside it."""

    def start(self, deployment: Deployment, settings: Settings, files: Files) -> str:
        """The folder's address, once it is there and the version has answered its probe rows in a child."""
        reachable(deployment, settings)
        rehearsals.rehearse(deployment, settings, files)
        try:
            return drops.lay_out(settings, deployment).as_uri()
        except OSError as cause:
            raise TargetUnreachable(
                target=deployment.target, address=settings.exchange.as_uri(), cause=cause
            ) from cause

    def observe(self, deployment: Deployment, settings: Settings) -> Sight:
        """Running while the folder is there."""
        reachable(deployment, settings)
        if deployment.desired == "stopped":
            return Sight(state="stopped")
        place = drops.folder(settings, deployment.environment, deployment.model) / drops.IN
        if not place.is_dir():
            return Sight(state="failing", detail=f"{place} is not there.")
        return Sight(state="running")

    def stop(self, deployment: Deployment, settings: Settings) -> None:
        """Nothing stands: files are no longer taken as soon as the deployment has no route."""
