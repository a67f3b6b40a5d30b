"""One call in a child of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.sandbox.limits import Limits
from engine.sandbox.process import Isolation, Process, Usage
from engine.telemetry import tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out of one run."""

    value: Any  #: what the function returned, a JSON value
    files: Mapping[str, bytes]  #: what it left in `out/`
    isolation: Isolation
    usage: Usage
    seconds: float  #: wall time, start of the child included
    output: str  #: the last lines it printed


def run(
    program: str,
    call: str,
    request: Any = None,
    *,
    files: Mapping[str, bytes | Path] | None = None,
    options: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    interpreter: str | Path | None = None,
    allow_network: bool = False,
) -> Result:
    """The result of `call(start(options), request)` in a fresh child; see `Process` for what a program is.

    Raises SandboxRefused, ModelCodeFailed, MemoryExceeded, TimeExceeded or ChildDied; nothing of the child is left.
    """
    began = time.monotonic()
    with (
        tracing.span("sandbox"),
        Process(
            program,
            files=files,
            options=options,
            limits=limits,
            interpreter=interpreter,
            allow_network=allow_network,
        ) as process,
    ):
        value = process.call(call, request)
        return Result(
            value=value,
            files=process.collect(),
            isolation=process.isolation,
            usage=process.usage,
            seconds=round(time.monotonic() - began, 3),
            output=process.output(),
        )
