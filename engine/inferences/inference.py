"""One inference as a value: what was asked, what was answered, by which deployment, to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """One row of a scoring request and its answer."""

    id: UUID  #: UUIDv7, given back to the caller
    logged_at: datetime  #: when the answer was made; the log is partitioned by it
    event_time: datetime  #: when the row happened, by the caller's word; windows use it; default: logged_at
    model: str
    version: int
    environment: str
    deployment: UUID
    caller: str  #: the id of the person whose token was used
    caller_reference: str | None  #: the caller's own key of the row
    input: Mapping[str, Any]
    score: float | None  #: None where the model gives none (a rules model may only decide)
    decision: str | None  #: None where neither a cut-off nor the model decides
    output: Mapping[str, Any]  #: whatever else the model gave
    request: UUID  #: shared by the rows of one request
    position: int  #: place in the request, from 0
    request_rows: int  #: rows in the request
    latency_us: int  #: from the request's arrival to its answer being made, shared by its rows
