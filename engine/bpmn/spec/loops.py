"""Standard loops: an activity is repeated while a condition holds."""

from __future__ import annotations

from engine.bpmn.spec.element import ElementError
from engine.bpmn.spec.repeated import MAX_INSTANCES, Repeated
from engine.bpmn.tokens import STARTED, Token


class StandardLoop(Repeated):
    """BPMN 2.0.2, 10.3.8: each pass goes on from what the last one left.

    `loopMaximum` ends the loop in peace, as the standard has it. Without one a loop that would run on after a thousand
    passes is a failure: it would not come to rest, and ending it in silence would be a lie.
    """

    def _run_hook(self, my_task: Token) -> bool | None:
        done = my_task.internal_data.setdefault("done", 0)
        if not self._again(my_task, done):
            del my_task.internal_data["done"]
            return True
        my_task._set_state(STARTED)
        self.copied(my_task, done, {})
        return None

    def child_completed(self, my_task: Token, child: Token) -> None:
        my_task.data = {**my_task.data, **child.data}
        my_task.internal_data["done"] += 1
        my_task._ready()

    def _again(self, my_task: Token, done: int) -> bool:
        loop = self.loop
        if loop.maximum and done >= int(loop.maximum):
            return False
        if not loop.condition or (done == 0 and not loop.test_before):
            return True
        again = self.holds(my_task.data, {"loopCounter": done})
        if again and not loop.maximum and done >= MAX_INSTANCES:
            raise ElementError("loop", f"It ran {done:,} times, and its condition still holds.")
        return again
