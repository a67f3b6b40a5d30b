"""What stands around an activity that is repeated: its copies are its children."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.bpmn_spec_mixin import BpmnSpecMixin

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.expressions.errors import shortened
from engine.bpmn.model import Loop
from engine.bpmn.spec.element import Element, ElementError
from engine.bpmn.tokens import FUTURE, Token

#: the highest cap that a diagram may set, and the one of a literal cardinality
MAX_INSTANCES = 1_000


class Repeated(Element, BpmnSpecMixin):  # type: ignore[misc]
    """The element under the activity's name; the activity's own is `inner`."""

    told = False  #: the history tells of the copies
    repeats = True
    loop: Loop
    inner = ""  #: the name of the repeated element
    cap = MAX_INSTANCES

    def child_completed(self, my_task: Token, child: Token) -> None:
        """Take what one copy leaves."""
        raise NotImplementedError

    def copied(self, my_task: Token, index: int, variables: Mapping[str, Any]) -> None:
        """Start a copy that sees these variables beside those of the activity."""
        child = my_task._add_child(self._wf_spec.task_specs[self.inner], FUTURE)
        child.triggered = True
        child.internal_data["index"] = index
        child.data = dict(variables)
        child.task_spec._update(child)

    def holds(self, variables: Mapping[str, Any], counts: Mapping[str, int]) -> bool:
        """Whether the loop's condition is true; it sees the standard's counters beside the variables."""
        text = self.loop.condition
        try:
            value = expressions.evaluate(text, variables, counts)
        except ExpressionError as error:
            raise ElementError("loop", error.message) from error
        if not isinstance(value, bool):
            raise ElementError(
                "loop", f'The condition "{shortened(text)}" gives {value!r}, which is not true or false.'
            )
        return value
