"""What the processes of deployments use, sampled and kept by the hour: resident memory, and processor time."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.serving.tables import DeploymentRow, UsageRow

SAMPLE_SECONDS = 10.0
_MB = float(1 << 20)
_PAGE, _TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a process and those below it used since the sample before."""

    deployment: UUID
    memory_mb: float  #: resident now
    cpu_seconds: float
    watched_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a version's processes used in a span."""

    samples: int
    memory_mb_mean: float  #: nan where nothing was sampled
    memory_mb_peak: float
    cores: float  #: processor time over time


@dataclass(slots=True)
class Sampler:
    """Samples processes by their ids; remembers what each had used when it was looked at last."""

    _before: dict[UUID, tuple[int, float, float]] = field(default_factory=dict)

    def look(self, processes: Iterable[tuple[UUID, int]]) -> list[Sample]:
        """A sample of each deployment's process; one that is gone, or was not seen before, gives none.

        A process that took another's place counts from when it was first looked at.
        """
        found, seen = [], {}
        for deployment, pid in processes:
            used = _used(pid)
            if used is None:
                continue
            memory, cpu = used
            at = time.monotonic()
            seen[deployment] = pid, cpu, at
            before = self._before.get(deployment)
            if before is not None and before[0] == pid and at > before[2]:
                # A process below it that has ended takes its time along: never less than nothing.
                spent = max(0.0, cpu - before[1])
                found.append(
                    Sample(
                        deployment=deployment,
                        memory_mb=memory / _MB,
                        cpu_seconds=spent,
                        watched_seconds=at - before[2],
                    )
                )
        self._before = seen
        return found


def add(session: Session, samples: Iterable[Sample], at: datetime) -> None:
    """Keep samples with the hour in which they were taken."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    values = [
        {
            "deployment": each.deployment,
            "hour": hour,
            "samples": 1,
            "memory_mb_sum": each.memory_mb,
            "memory_mb_peak": each.memory_mb,
            "cpu_us": round(each.cpu_seconds * 1e6),
            "watched_us": round(each.watched_seconds * 1e6),
        }
        for each in sorted(samples, key=lambda each: each.deployment)
    ]
    if not values:
        return
    statement = insert(UsageRow)
    new = statement.excluded
    adding = {
        name: getattr(UsageRow, name) + new[name] for name in ("samples", "memory_mb_sum", "cpu_us", "watched_us")
    }
    peak = func.greatest(UsageRow.memory_mb_peak, new.memory_mb_peak)
    session.execute(
        statement.on_conflict_do_update(constraint="pk_usage", set_={**adding, "memory_mb_peak": peak}), values
    )


def of_version(
    session: Session, model: str, version: int, environment: str, *, since: datetime, until: datetime
) -> Usage:
    """What the processes of a version used there between two instants, widened to whole hours."""
    n, memory, peak, cpu, watched = session.execute(
        select(
            func.coalesce(func.sum(UsageRow.samples), 0),
            func.sum(UsageRow.memory_mb_sum),
            func.max(UsageRow.memory_mb_peak),
            func.sum(UsageRow.cpu_us),
            func.sum(UsageRow.watched_us),
        )
        .join(DeploymentRow, DeploymentRow.id == UsageRow.deployment)
        .where(
            DeploymentRow.model == model,
            DeploymentRow.version == version,
            DeploymentRow.environment == environment,
            UsageRow.hour >= since.replace(minute=0, second=0, microsecond=0),
            UsageRow.hour <= until,
        )
    ).one()
    if not n:
        return Usage(samples=0, memory_mb_mean=math.nan, memory_mb_peak=math.nan, cores=math.nan)
    return Usage(
        samples=int(n),
        memory_mb_mean=float(memory) / int(n),
        memory_mb_peak=float(peak),
        cores=float(cpu) / float(watched) if watched else math.nan,
    )


def _used(pid: int) -> tuple[float, float] | None:
    """(resident bytes, processor seconds) of a process and all below it; None where it is gone. By proc(5)."""
    memory = cpu = 0.0
    waiting = [pid]
    while waiting:
        folder = Path("/proc") / str(waiting.pop())
        try:
            # The name, in brackets, may hold anything; behind it the fields begin with the third.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            memory += int((folder / "statm").read_text().split()[1]) * _PAGE
            cpu += (int(fields[11]) + int(fields[12])) / _TICKS
            for each in (folder / "task").iterdir():
                waiting += map(int, (each / "children").read_text().split())
        except (OSError, IndexError):
            continue
    return (memory, cpu) if memory else None
