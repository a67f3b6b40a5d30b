"""What the service runs at one moment: the deployments, and which of them answers for which model."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from engine.errors import GatewrightError
from engine.sandbox import Predictions
from engine.serving.deployment import Deployment
from engine.serving.scoring.checks import InputSchema
from engine.serving.scoring.scorer import Scorer


class NotDeployed(GatewrightError):
    """{model} is not deployed in {environment}."""

    code = "not-deployed"
    hint = "Send the rows to where it answers: {environments}. Its life cycle deploys a version, after its approval."
    status = 404


class VersionNotDeployed(GatewrightError):
    """Version {version} of {model} does not answer in {environment}."""

    code = "version-not-deployed"
    hint = "Name one that does: {versions}."
    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What the service must know of a version to score with it."""

    kind: str
    output: str  #: what its numbers are: score or value
    schema: InputSchema
    decide: Callable[[Predictions], Sequence[str | None]]  #: each row's decision: the model's own, or by the cut-off


@dataclass(slots=True, eq=False, kw_only=True)
class Endpoint:
    """One deployment in this service."""

    deployment: Deployment
    scorer: Scorer
    durable: bool  #: answer only after the inferences are committed
    version: Version | None = None  #: read by the scorer's thread before the child is started


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A snapshot that is replaced as a whole, so that a request sees one state."""

    #: by deployment id: everything that runs here, routed or not
    endpoints: Mapping[UUID, Endpoint] = field(default_factory=dict)
    #: by model, then environment in the order of promotion, then (endpoint, weight)
    routes: Mapping[str, Mapping[str, Sequence[tuple[Endpoint, int]]]] = field(default_factory=dict)

    def answers(self, model: str, environment: str | None) -> bool:
        """Whether anything answers for the model in the environment, or in any where none is named."""
        environments = self.routes.get(model, {})
        return environment in environments if environment else bool(environments)

    def environment_of(self, model: str) -> str | None:
        """The environment that is meant where a caller names none: the last in the order of promotion that answers."""
        environments = list(self.routes.get(model, {}))
        return environments[-1] if environments else None

    def versions(self, model: str, environment: str) -> list[int]:
        """The versions that answer for the model in the environment."""
        shares = self.routes.get(model, {}).get(environment, ())
        return sorted({endpoint.deployment.version for endpoint, _ in shares})

    def shared(self, model: str, environment: str) -> bool:
        """Whether several deployments share the model's requests in the environment."""
        return len(self.routes.get(model, {}).get(environment, ())) > 1

    def find(self, model: str, environment: str, version: int | None = None, key: str = "") -> Endpoint:
        """The endpoint that answers this request; among several of one route by their weights.

        key: what the caller calls the request; the same key always finds the same endpoint, and still finds the
        newest when its share has grown. Without one, chance decides.
        Raises NotDeployed or VersionNotDeployed.
        """
        shares = self.routes.get(model, {}).get(environment, ())
        if not shares:
            environments = ", ".join(self.routes.get(model, {})) or "none"
            raise NotDeployed(model=model, environment=environment, environments=environments)
        if version is not None:
            shares = [share for share in shares if share[0].deployment.version == version]
            if not shares:
                versions = ", ".join(map(str, self.versions(model, environment)))
                raise VersionNotDeployed(model=model, version=version, environment=environment, versions=versions)
        if len(shares) == 1:
            return shares[0][0]
        # The newest first: whoever is in its share stays there while it grows.
        newest_first = sorted(shares, key=lambda share: share[0].deployment.id, reverse=True)
        place = _place(f"{model}/{environment}/{key}" if key else secrets.token_hex(8))
        place *= sum(weight for _, weight in newest_first)
        for endpoint, weight in newest_first:
            place -= weight
            if place < 0:
                return endpoint
        return newest_first[-1][0]


def _place(key: str) -> float:
    """Where a key falls in [0, 1), evenly and always the same."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=6).digest()) / (1 << 48)
