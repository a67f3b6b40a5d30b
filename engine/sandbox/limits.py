"""What a sandbox child may use."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one child; the kernel holds all of them but the wall time, which the parent holds."""

    #: seconds of start (imports and loading the model included) and of each call; then everything in it is killed
    wall_seconds: float = 120.0
    #: processor seconds over the child's whole life; None for a child that scores for months
    cpu_seconds: int | None = None
    #: address space in mebibytes, more than what is resident: a scikit-learn child starts at about 500
    memory_mb: int = 4096
    #: the largest file it may write
    file_mb: int = 256
    open_files: int = 256
    #: processes and threads beyond those it starts with
    processes: int = 32

    def as_json(self) -> dict[str, float | int | None]:
        """The bounds as the runner and the record of a run hold them."""
        return asdict(self)
