"""Multi-instance activities: one copy for each item, at once or one after the other, up to a cap."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.bpmn_spec_mixin import BpmnSpecMixin

from engine.bpmn.merging import merge, same
from engine.bpmn.model import Loop
from engine.bpmn.spec.element import Element, ElementError
from engine.bpmn.tokens import FINISHED, WAITING, Token

MAX_INSTANCES = 1_000


class MultiInstance(Element, BpmnSpecMixin):  # type: ignore[misc]
    """Stands around the activity that is repeated; its copies are its children.

    Own data of a copy: the item. What the copies write is merged as at a join, except the output item, which goes
    into the output list at the copy's place, whatever order they finish in.
    """

    loop: Loop
    inner = ""  #: the name of the repeated element
    cap = MAX_INSTANCES

    def _run_hook(self, my_task: Token) -> bool | None:
        items = self._items(my_task)
        if len(items) > self.cap:
            raise ElementError("loop", f"It would run {len(items)} times; its cap is {self.cap}.")
        my_task.internal_data.update(items=len(items), started=0, results=[None] * len(items), done=0)
        if not items:
            self._finish(my_task)
            return True
        from engine.bpmn.tokens import STARTED

        my_task._set_state(STARTED)
        for _ in range(len(items) if self.loop.kind == "parallel" else 1):
            self._start_next(my_task)
        return None

    def _items(self, my_task: Token) -> list[Any]:
        engine = my_task.workflow.script_engine
        if self.loop.cardinality:
            count = engine.evaluate(my_task, self.loop.cardinality)
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise ElementError("loop", f"The number of copies is {count!r}; it has to be a whole number.")
            if count > self.cap:
                raise ElementError("loop", f"It would run {count} times; its cap is {self.cap}.")
            return list(range(count))
        items = my_task.data.get(self.loop.input)
        if not isinstance(items, list):
            raise ElementError("loop", f'The variable "{self.loop.input}" holds no list to go through.')
        return items

    def _start_next(self, my_task: Token) -> None:
        index = my_task.internal_data["started"]
        my_task.internal_data["started"] = index + 1
        child = my_task._add_child(self._wf_spec.task_specs[self.inner], WAITING)
        child.triggered = True
        child.internal_data["index"] = index
        if self.loop.item:
            child.data = {self.loop.item: self._items(my_task)[index]}
        child.task_spec._update(child)

    def child_completed(self, my_task: Token, child: Token) -> None:
        """Take one copy's result, and start the next or finish."""
        inside = my_task.internal_data
        written = dict(child.data)
        if self.loop.output:
            if self.loop.output_item and self.loop.output_item not in written:
                raise_later = f'The copy wrote no "{self.loop.output_item}".'
                inside["conflicts"] = [raise_later]
            inside["results"][child.internal_data["index"]] = written.get(self.loop.output_item)
            written.pop(self.loop.output_item, None)
        written.pop(self.loop.item, None)
        changes = {name: value for name, value in written.items() if not same(my_task.data.get(name), value)}
        inside["changes"], conflicts = merge({}, [inside.get("changes", {}), changes])
        if conflicts and self.loop.kind == "parallel":
            inside["conflicts"] = sorted({*inside.get("conflicts", []), *conflicts})
        elif conflicts:
            inside["changes"] = {**inside["changes"], **changes}
        inside["done"] += 1
        enough = bool(self.loop.condition) and self._enough(my_task, child)
        if enough or inside["done"] == inside["items"]:
            for other in my_task.children:
                if other is not child and not other.has_state(FINISHED):
                    other.cancel()
            my_task._ready()
        elif self.loop.kind == "sequential":
            if inside.get("changes"):
                my_task.data = {**my_task.data, **inside["changes"]}
                inside["changes"] = {}
            self._start_next(my_task)

    def _enough(self, my_task: Token, child: Token) -> bool:
        return my_task.workflow.script_engine.evaluate(child, self.loop.condition) is True

    def _finish(self, my_task: Token) -> None:
        inside = my_task.internal_data
        data = {**my_task.data, **inside.pop("changes", {})}
        if self.loop.output:
            data[self.loop.output] = inside["results"][: inside["started"]]
        my_task.data = data
