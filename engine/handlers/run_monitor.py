"""Service task `run_monitor`: reads in one transaction, judges outside of any, writes with the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.handlers import monitoring, subjects
from engine.monitoring import findings, monitors, runs, thresholds
from engine.monitoring.findings import Key
from engine.monitoring.runs import Plan
from engine.monitoring.thresholds import InForce
from engine.monitoring.verdicts import Taken, Verdict
from engine.runtime import schedules
from engine.runtime.context import Context
from engine.runtime.registry import service_task


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")
    environment: str = Field(description="The environment in which it answers.")
    monitor: str = Field(default=monitors.STANDARD, description="The monitor's name.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was read for a run, before anybody judges it."""

    plan: Plan
    taken: list[Taken]
    in_force: InForce
    lasting: dict[Key, str]  #: what the monitor found before, and its state

    def verdict(self) -> Verdict:
        """What it says; the same each time it is asked."""
        return runs.judge(self.plan, self.taken, self.in_force)


# No breaker: what one model's monitor cannot read says nothing of the others'.
@service_task("run_monitor", kind="job", attempts=3, backoff_seconds=5, breaker=None)
def run_monitor(parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Measures the window that is due and judges it by the bounds in force; `new` counts what came or grew worse."""
    measured: Measured = ctx.prepared
    verdict = measured.verdict()
    head = verdict.causes[0] if verdict.causes else None
    return {
        "state": verdict.state,
        "statistical": verdict.dimensions["statistical"],
        "technical": verdict.dimensions["technical"],
        "business": verdict.dimensions["business"],
        "cause": head.name if head else "",
        "moving_with": [each.reading.subject or each.reading.metric for each in head.with_it] if head else [],
        "new": findings.news(verdict, measured.lasting),
        "rows": verdict.rows,
        "due": measured.plan.due.isoformat(),
        "since": measured.plan.since.isoformat(),
        "until": measured.plan.until.isoformat(),
    }


@run_monitor.prepare
def measure(session: Session, parameters: Parameters, ctx: Context) -> Measured:
    """What every measure reads in the window, and the bounds as they stand."""
    model = subjects.model_of(ctx, parameters.model)
    monitor = monitors.named(session, model, parameters.environment, parameters.monitor)
    plan = runs.plan(session, monitor.id, schedules.due_of(session, ctx.instance))
    return Measured(
        plan=plan,
        taken=runs.measure(session, plan),
        in_force=thresholds.in_force(session, model),
        lasting=findings.states(session, monitor.id),
    )


@run_monitor.apply
def record(session: Session, parameters: Parameters, ctx: Context, result: dict[str, Any]) -> None:
    """Keep the run and what it found, once for each due time, and expect the next one."""
    measured: Measured = ctx.prepared
    plan, verdict = measured.plan, measured.verdict()
    runs.record(session, plan, measured.taken, verdict, actor=ctx.actor, instance=str(ctx.instance))
    monitoring.came(session, monitors.get(session, plan.monitor.id), plan.due)


@run_monitor.preview
def assumed(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Assumes a healthy window."""
    states = dict.fromkeys(("state", "statistical", "technical", "business"), "healthy")
    return {**states, "cause": "", "moving_with": [], "new": 0, "rows": 0, "due": "", "since": "", "until": ""}
