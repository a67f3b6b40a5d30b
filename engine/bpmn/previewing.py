"""The path that an instance would take, computed before it starts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from engine.bpmn.bundle import Bundle
from engine.bpmn.execution import Execution
from engine.bpmn.values import ServiceCall, Step, UserTaskWaiting


def preview(
    bundle: Bundle,
    variables: dict[str, Any],
    invoke: Callable[[ServiceCall], object],
    answers: Callable[[UserTaskWaiting], dict[str, Any] | None],
    limit: int = 1_000,
    *,
    now: datetime,
    zone: str = "UTC",
    message: str | None = None,
) -> list[Step]:
    """The steps of an execution in memory, by the same code that runs instances.

    `invoke` gives the value assumed of a service task, `answers` that of a user task. The path ends where the
    instance would, at a wait for a message or a timer, at a failure, after `limit` acts, and where `invoke` gives
    PENDING or `answers` gives None.
    """
    execution = Execution.start(bundle, variables, now=now, zone=zone, message=message)
    steps: list[Step] = []
    left = limit
    while left > 0:
        rest = execution.run(invoke, min(left, 200))
        steps += rest.trace
        left -= max(1, sum(step.happened == "completed" for step in rest.trace))
        if rest.more:
            continue
        answered = False
        for task in rest.user_tasks:
            answer = answers(task)
            if answer is not None:
                execution.complete_user_task(task.task_id, answer)
                answered = True
                break
        if not answered:
            break
    return steps
