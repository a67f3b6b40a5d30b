"""Running a test's process, restored from bytes with an empty cache at each step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from engine.bpmn import Bundle, Execution, Rest, bundle, clear_cache
from tests.bpmn import drawing as d

NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)


def made(*parts: str, declared: str = "", called: dict[str, dict[str, bytes]] | None = None, **others: bytes) -> Bundle:
    """A bundle around the process `p`."""
    return bundle(d.files("p", *parts, declared=declared, **others), called)


class Running:
    """An execution that forgets itself between any two acts."""

    def __init__(
        self,
        of: Bundle,
        variables: dict[str, Any] | None = None,
        invoke: Callable[..., object] = lambda call: None,
        **given: Any,
    ) -> None:
        self.bundle = of
        self.invoke = invoke
        self.kept = Execution.start(of, variables or {}, now=NOW, **given).state()
        self.steps: list[tuple[str, str]] = []
        self.rest: Rest = self.act(lambda execution: None)

    def act(self, do: Callable[[Execution], Any], limit: int = 200) -> Rest:
        """Let something happen and run to rest."""
        clear_cache()
        execution = Execution.restore(self.bundle, self.kept, now=NOW)
        do(execution)
        clear_cache()
        execution = Execution.restore(self.bundle, execution.state(), now=NOW)
        self.rest = execution.run(self.invoke, limit)
        self.steps += [(step.element, step.happened) for step in self.rest.trace]
        self.kept = execution.state()
        self.variables = execution.variables()
        self.active = {(each.element, each.count) for each in execution.active()}
        while self.rest.more:
            self.act(lambda execution: None, limit)
        return self.rest

    def answer(self, element: str, **answer: Any) -> Rest:
        task = next(task for task in self.rest.user_tasks if task.element == element)
        return self.act(lambda execution: execution.complete_user_task(task.task_id, answer))

    def fire(self, element: str, at: datetime | None = None) -> Rest:
        timer = next(timer for timer in self.rest.timers if timer.element == element)
        return self.act(lambda execution: execution.fire_timer(timer.task_id, at or timer.due))

    def send(self, name: str, **payload: Any) -> Rest:
        return self.act(lambda execution: execution.deliver_message(name, payload))

    def completed(self) -> list[str]:
        return [element for element, happened in self.steps if happened == "completed"]

    def waits(self) -> list[str]:
        return sorted(task.element for task in self.rest.user_tasks)
