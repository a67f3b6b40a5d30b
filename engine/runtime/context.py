"""What a handler is told about the step it does: set by the runtime, never read from process data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.store import Files


def _unheard(fraction: float, text: str) -> None:
    """Progress of a step that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The step in hand. A handler never sees the instance itself."""

    instance: UUID
    task: UUID
    element: str  #: element id in its diagram
    starter: str  #: id of the person (or of the clock) who started the instance
    subject: str  #: the business key: a model's id, or empty
    now: datetime
    files: Files
    settings: Settings
    actor: str = "system"  #: who moved the instance: a person, the clock, a worker
    progress: Callable[[float, str], None] = field(default=_unheard)
    prepared: Any = None  #: what a job's `prepare` returned for this attempt, for its `run` and its `apply`

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step: other systems may use it to drop a repeated effect."""
        return f"{self.instance}:{self.task}"
