"""Targets: what runs a deployment. One file each, registered by its decorator, held to one shared contract test.

A deployment's row stands in the database, with its wish, before a target is asked: `start` is called when the wish is
"running", `stop` when it is "stopped". All three are called from jobs, outside any transaction, and may be called again
after a failure: the deployment's id is the key by which a target knows its own work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeVar

from engine import extensions
from engine.config import Settings
from engine.errors import GatewrightError
from engine.serving.deployment import Deployment
from engine.store import Files

ENTRY_POINTS = "gatewright.targets"


class TargetUnknown(GatewrightError):
    """There is no target named {name!r}; known are {known}."""

    code = "target-unknown"
    hint = "Did you mean {nearest}? docs/add-a-target.md tells how to add one."
    status = 422


class TargetUnreachable(GatewrightError):
    """The target {target} does not answer at {address}: {cause}."""

    code = "target-unreachable"
    hint = "Start it, or correct its address, and retry; the deployment is still wanted and starts by itself then."
    status = 503


class StartFailed(GatewrightError):
    """The target {target} could not start {version} in {environment}: {cause}"""

    code = "start-failed"
    hint = "Mend what it names and retry; until then whatever was live before goes on answering."
    status = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a target sees of a deployment."""

    state: str  #: waiting, starting, running, failing or stopped
    detail: str = ""


class Target(Protocol):
    """A place that can run deployments."""

    def start(self, deployment: Deployment, settings: Settings, files: Files) -> str:
        """The address at which the version answers, once it does; the same again for one that runs already.

        Raises StartFailed naming the cause, or TargetUnreachable.
        """
        ...

    def observe(self, deployment: Deployment, settings: Settings) -> Sight:
        """What is seen of it now; raises TargetUnreachable."""
        ...

    def stop(self, deployment: Deployment, settings: Settings) -> None:
        """Return when nothing of it runs any more; quiet where nothing ran."""
        ...


T = TypeVar("T", bound=type[Target])
_targets: dict[str, Target] = {}
_served: set[str] = set()
_outside: set[str] = set()


def target(name: str, *, served: bool = False, outside: bool = False) -> Callable[[T], T]:
    """Register a class as the target of this name.

    served: our own scoring service answers for its deployments, and tells itself how they are. outside: something of
    a deployment stands elsewhere from the moment it is started, so that only the target can say that it is gone.
    """

    def register(made: T) -> T:
        if name in _targets:
            raise ValueError(f"two targets are named {name}")
        _targets[name] = made()
        if served:
            _served.add(name)
        if outside:
            _outside.add(name)
        return made

    return register


def get(name: str) -> Target:
    """The target of this name; raises TargetUnknown with the nearest known one."""
    _load()
    return extensions.find(name, _targets, TargetUnknown)


def names() -> list[str]:
    """The names of all targets, sorted."""
    _load()
    return sorted(_targets)


def served() -> list[str]:
    """The names of the targets for which our scoring service answers, sorted."""
    _load()
    return sorted(_served)


def outside() -> list[str]:
    """The names of the targets that alone can say that a deployment is gone, sorted."""
    _load()
    return sorted(_outside)


@cache
def _load() -> None:
    """Import this folder's files and what other packages declare, once a process."""
    extensions.load(__name__, ENTRY_POINTS)
