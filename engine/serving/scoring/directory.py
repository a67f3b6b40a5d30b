"""What the service runs at one moment: the deployments, and which of them answers for which model."""

from __future__ import annotations

import random
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

    def find(self, model: str, environment: str, version: int | None = None) -> Endpoint:
        """The endpoint that answers this request; among several of one route by their weights.

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
        endpoints, weights = zip(*shares, strict=True)
        chosen: Endpoint = random.choices(endpoints, weights)[0]  # noqa: S311 - spreads load, guards nothing
        return chosen
