"""Multi-instance activities: one copy for each item, at once or one after the other, up to a cap."""

from __future__ import annotations

from typing import Any

from engine.bpmn.merging import merge, same
from engine.bpmn.spec.element import ElementError
from engine.bpmn.spec.repeated import Repeated
from engine.bpmn.tokens import FINISHED, STARTED, Token


class MultiInstance(Repeated):
    """A copy sees the item under its name.

    What the copies write is merged as at a join, except the output item: that goes into the output list at the copy's
    place, in whatever order they finish.
    """

    def _run_hook(self, my_task: Token) -> bool | None:
        inside = my_task.internal_data
        if "items" not in inside:
            count = len(self._items(my_task))
            if count > self.cap:
                raise ElementError("loop", f"It would run {count} times; its cap is {self.cap}.")
            inside.update(items=count, started=0, done=0, enough=False, results=[None] * count, changes={})
        broken = inside.pop("broken", None)
        if broken:
            raise ElementError("loop", broken)
        if inside.get("conflicts"):
            names = ", ".join(f'"{name}"' for name in inside["conflicts"])
            raise ElementError("conflict", f"Copies wrote different values to {names}.")
        if inside["enough"] or inside["done"] == inside["items"]:
            self._finish(my_task)
            return True
        my_task._set_state(STARTED)
        while inside["started"] < (inside["items"] if self.loop.kind == "parallel" else inside["done"] + 1):
            self._start_next(my_task)
        return None

    def child_completed(self, my_task: Token, child: Token) -> None:
        """Take one copy's result, and start the next or finish."""
        inside, loop = my_task.internal_data, self.loop
        written = dict(child.data)
        written.pop(loop.item, None)
        if loop.output:
            if loop.output_item not in written:
                inside["broken"] = f'A copy wrote no "{loop.output_item}".'
            inside["results"][child.internal_data["index"]] = written.pop(loop.output_item, None)
        changed = {name: value for name, value in written.items() if not same(my_task.data.get(name), value)}
        if loop.kind == "parallel":
            inside["changes"], conflicts = merge({}, [inside["changes"], changed])
            if conflicts:
                inside["conflicts"] = sorted({*inside.get("conflicts", []), *conflicts})
        else:
            my_task.data = {**my_task.data, **changed}
        inside["done"] += 1
        if loop.condition and not inside.get("broken"):
            self._ask_whether_enough(my_task, child)
        if inside["enough"]:
            for other in my_task.children:
                if other is not child and not other.has_state(FINISHED):
                    other.cancel()
        if inside["enough"] or inside.get("broken") or inside["done"] == inside["items"] or loop.kind == "sequential":
            my_task._ready()

    def _ask_whether_enough(self, my_task: Token, child: Token) -> None:
        inside = my_task.internal_data
        active = inside["items"] - inside["done"] if self.loop.kind == "parallel" else 0
        try:
            inside["enough"] = self.holds(
                child.data, counts(inside["items"], active, inside["done"], child.internal_data["index"] + 1)
            )
        except ElementError as error:
            inside["broken"] = error.cause

    def _items(self, my_task: Token) -> list[Any]:
        if self.loop.cardinality:
            count = my_task.workflow.script_engine.evaluate(my_task, self.loop.cardinality)
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise ElementError("loop", f"The number of copies is {count!r}; it has to be a whole number.")
            return list(range(min(count, self.cap + 1)))
        items = my_task.data.get(self.loop.input)
        if not isinstance(items, list):
            raise ElementError("loop", f'The variable "{self.loop.input}" holds no list to go through.')
        return items

    def _start_next(self, my_task: Token) -> None:
        index = my_task.internal_data["started"]
        my_task.internal_data["started"] = index + 1
        self.copied(my_task, index, {self.loop.item: self._items(my_task)[index]} if self.loop.item else {})

    def _finish(self, my_task: Token) -> None:
        inside = my_task.internal_data
        my_task.data = {**my_task.data, **inside.pop("changes")}
        if self.loop.output:
            results = inside["results"]
            my_task.data[self.loop.output] = results[: inside["started"]] if self.loop.kind == "sequential" else results
        for name in ("items", "started", "done", "enough", "results"):
            del inside[name]


def counts(total: int, active: int, completed: int, which: int) -> dict[str, int]:
    """What a completion condition may ask for (BPMN 2.0.2, table 10.30), under the names of other engines too.

    None has been terminated while it is asked: that comes of its answer.
    """
    return {
        "loopCounter": which,
        "numberOfInstances": total,
        "numberOfActiveInstances": active,
        "numberOfCompletedInstances": completed,
        "numberOfTerminatedInstances": 0,
        "nrOfInstances": total,
        "nrOfActiveInstances": active,
        "nrOfCompletedInstances": completed,
    }
