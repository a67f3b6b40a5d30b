"""The child process in which model code runs. It knows nothing of the rest of the house."""

from engine.sandbox.child import Child, Predictions, Program
from engine.sandbox.limits import Limits
from engine.sandbox.process import (
    ChildDied,
    Isolation,
    MemoryExceeded,
    ModelCodeFailed,
    Process,
    SandboxRefused,
    TimeExceeded,
    Usage,
)
from engine.sandbox.run import Result, run

__all__ = [
    "Child",
    "ChildDied",
    "Isolation",
    "Limits",
    "MemoryExceeded",
    "ModelCodeFailed",
    "Predictions",
    "Process",
    "Program",
    "Result",
    "SandboxRefused",
    "TimeExceeded",
    "Usage",
    "run",
]
