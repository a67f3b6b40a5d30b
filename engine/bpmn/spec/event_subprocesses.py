"""Event subprocesses: what begins beside the flow of its scope, or instead of it, when an event occurs."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.bpmn_spec_mixin import BpmnSpecMixin

from engine.bpmn.gathering import gathered
from engine.bpmn.model import Event
from engine.bpmn.spec.element import Element, conflicting
from engine.bpmn.spec.scopes import Subprocess
from engine.bpmn.tokens import MAYBE, WAITING, Token


class Listener(Element, BpmnSpecMixin):  # type: ignore[misc]
    """The start event of an event subprocess, armed while the flow of its scope has a token (BPMN 2.0.2, 13.5.4).

    When it fires it takes what the branches of its scope carry together: the event subprocess runs in their context.
    An interrupting one then takes the scope's tokens away, those of other event subprocesses too, and disarms the
    others; what had ended keeps its writes.
    """

    late = True
    told = False  #: the history tells of the start event inside
    joins = True
    stamped = True
    aside = True
    event: Event
    cancel_activity = True
    inside = ""

    def _update_hook(self, my_task: Token) -> bool:
        my_task._inherit_data()
        my_task._set_state(WAITING)
        return False

    def fire(self, my_task: Token, brought: dict[str, Any]) -> None:
        """Begin the event subprocess with what its event brought; where branches disagree it is a failure."""
        scope = my_task.workflow
        my_task.data, my_task.stamps, my_task.seen, conflicts = gathered(scope)
        if conflicts:
            my_task.internal_data["conflicts"] = conflicts
        if brought:
            my_task.internal_data["caught"] = brought
        if self.cancel_activity:
            for token in scope.unfinished():
                if token is not my_task and not (token.task_spec is scope.spec.end and token._state == WAITING):
                    token.cancel()
        my_task._ready()
        if not conflicts:
            my_task.run()

    def _run_hook(self, my_task: Token) -> bool:
        conflicting(my_task)
        return True

    def arm_again(self, my_task: Token) -> Token:
        """A fresh one beside one that fired: there may be several instances of a non-interrupting one at a time."""
        again: Token = my_task.parent._add_child(self, MAYBE)
        again._inherit_data()
        again._set_state(WAITING)
        return again


class EventSubprocess(Subprocess):
    """One run of an event subprocess; its token goes to the end of the scope around it."""

    aside = True

    def opened_with(self, my_task: Token) -> dict[str, Any]:
        """What the branches carry together, and the payload that its start event caught."""
        return {**my_task.data, **my_task.parent.internal_data.pop("caught", {})}
