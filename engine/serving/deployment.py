"""One deployment as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

STATES = ("waiting", "starting", "running", "failing", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One version in one environment on one target."""

    id: UUID
    key: str  #: the idempotency key of the request: the same key is the same deployment
    model: str
    version: int
    environment: str
    target: str
    kind: str  #: the model's kind, as it was when the deployment was asked for
    cut_off: float | None  #: the score from which on the decision is positive, as it was then; None: no decision by it
    inputs: Mapping[str, str]  #: asset role -> sha256 of everything that went in; what runs is read from here
    desired: str  #: running or stopped
    observed: str  #: waiting, starting, running, failing or stopped
    detail: str  #: why it is observed so, where that needs words
    address: str | None  #: where it answers, once it is live
    requested_by: str
    requested_at: datetime
    instance: str  #: the life-cycle instance that asked
    task: str  #: and its task
    observed_at: datetime
    live_at: datetime | None
    ended_at: datetime | None  #: when it was seen stopped after it was told to

    @property
    def reference(self) -> str:
        """The version as model@number."""
        return f"{self.model}@{self.version}"

    @property
    def form(self) -> str:
        """What answers: the original in a sandbox child, or the compiled form."""
        return "compiled" if "compiled" in self.inputs else "original"

    @property
    def outcome(self) -> str:
        """What became of it: on its way, live, failing, never live, or ended."""
        if self.desired == "stopped":
            return "ended" if self.live_at else "never live"
        if self.observed == "failing":
            return "failing"
        return "live" if self.live_at else "on its way"
