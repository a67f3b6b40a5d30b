"""Gateways that wait for branches, repaired, and the join at the end of every scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from SpiffWorkflow.bpmn.specs.bpmn_task_spec import BpmnTaskSpec
from SpiffWorkflow.bpmn.specs.defaults import InclusiveGateway as StockInclusiveGateway
from SpiffWorkflow.bpmn.specs.defaults import ParallelGateway as StockParallelGateway
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.specs.MultiChoice import MultiChoice

from engine.bpmn.merging import join
from engine.bpmn.spec.element import BoundarySplit, Element, ElementError, conflicting
from engine.bpmn.spec.gateways import EventBasedGateway
from engine.bpmn.tokens import COMPLETED, FUTURE, STANDING, WAITING, Token


class Joining(Element, UnstructuredJoin):  # type: ignore[misc]
    """Waits for branches and merges what they wrote.

    SpiffWorkflow counts every earlier visit, cancelled ones too, so its joins fire early inside a loop, and the last
    branch to arrive overwrites the others. Here an arrival is a token that waits at the join; when the join fires it
    takes one arrival from each flow, joins what they wrote, and removes the others.
    """

    late = True
    joins = True
    alike = True  #: whichever of its arrivals asks whether it fires, the answer is the same
    stamped = True

    def arrivals(self, workflow: object) -> list[Token]:
        """The tokens that wait here, oldest first."""
        return [
            token
            for token in workflow.tasks.values()  # type: ignore[attr-defined]
            if token.task_spec is self and token._state == WAITING
        ]

    @staticmethod
    def source(token: Token) -> str:
        """The name of the element from which an arrival came, or would have come that was put here by hand."""
        found: str = token.internal_data.get("source") or token.parent.task_spec.name
        return found

    def taken(self, my_task: Token, waiting: list[Token]) -> list[Token] | None:
        """The arrivals that fire the join together, or None while it waits."""
        raise NotImplementedError

    def _update_hook(self, my_task: Token) -> bool | None:
        if my_task._state != WAITING:
            my_task._inherit_data()
            my_task._set_state(WAITING)
        taken = self.taken(my_task, self.arrivals(my_task.workflow))
        if not taken:
            return False
        my_task.workflow.fired += 1
        winner = my_task if my_task in taken else taken[-1]
        if len(taken) > 1:
            number = my_task.workflow.top_workflow.number()
            winner.data, winner.stamps, winner.seen, conflicts = join(taken, number)
            if conflicts:
                winner.internal_data["conflicts"] = conflicts
            for token in taken:
                if token is not winner:
                    my_task.workflow._remove_task(token.id)
        if winner is my_task:
            return True
        winner._ready()
        return False

    def _run_hook(self, my_task: Token) -> bool:
        conflicting(my_task)
        return True


class ParallelGateway(Joining, StockParallelGateway):  # type: ignore[misc]
    """Fires when a token has come along each incoming flow."""

    def taken(self, my_task: Token, waiting: list[Token]) -> list[Token] | None:
        wanted: Counter[str] = Counter(self._inputs)
        chosen = []
        for token in waiting:
            source = self.source(token)
            if wanted[source] > 0:
                wanted[source] -= 1
                chosen.append(token)
        return None if +wanted else chosen


class InclusiveGateway(Joining, StockInclusiveGateway):  # type: ignore[misc]
    """Fires when no token that is still under way could come along an empty incoming flow.

    BPMN 2.0.2, table 13.3: a token elsewhere holds the gateway back if it can reach an incoming flow that is empty
    and cannot reach one that holds a token, on paths that do not pass the gateway itself.
    """

    chooses = True

    def taken(self, my_task: Token, waiting: list[Token]) -> list[Token] | None:
        by_input: dict[str, Token] = {}
        for token in waiting:
            by_input.setdefault(self.source(token), token)
        empty = set(self._inputs) - by_input.keys()
        if empty:
            reach_empty, reach_full = self._upstream(empty), self._upstream(set(by_input))
            for token in my_task.workflow.tasks.values():
                if not token._state & STANDING and not (token._state == FUTURE and token.parent._state == COMPLETED):
                    continue
                for ways in self._ways(token):
                    if ways & reach_empty and not ways & reach_full:
                        return None
        return list(by_input.values())

    def _ways(self, token: Token) -> Iterator[set[str]]:
        """The elements at which a token may be seen to stand: of those together one alone is gone on from.

        An activity may be left by an interrupting boundary event as well, an event-based gateway by any event behind
        it; a non-interrupting event may put a further token and counts by itself. A token inside this very gateway
        counts by where it goes to.
        """
        spec, parent = token.task_spec, token.parent
        around = None if parent is None else parent.task_spec
        if spec is self and token._state == FUTURE:
            yield {self.source(token)}  # just coming: what set off an event has not arrived yet
        elif spec is self:
            if token._state != WAITING:
                yield set(self._outputs)
        elif isinstance(spec, BoundarySplit):
            boundary = [other for other in spec.outputs if other.name != spec.main]
            yield {spec.main, *(event.name for event in boundary if event.cancel_activity)}
            yield from ({event.name} for event in boundary if not event.cancel_activity)
        elif isinstance(around, BoundarySplit) and token._state & (WAITING | FUTURE) and spec.name != around.main:
            if not spec.cancel_activity:
                yield {spec.name}
        elif isinstance(around, BoundarySplit):
            yield {spec.name, *(event.task_spec.name for event in parent.children if _interrupts(event))}
        elif not (isinstance(around, EventBasedGateway) and token._state == WAITING):
            yield {spec.name}

    def _upstream(self, inputs: set[str]) -> set[str]:
        """The elements from which one of these inputs can be reached without passing the gateway."""
        specs = self._wf_spec.task_specs
        seen: set[str] = set()
        stack = list(inputs)
        while stack:
            name = stack.pop()
            if name in seen or name == self.name:
                continue
            seen.add(name)
            stack += specs[name]._inputs
        return seen

    def _run_hook(self, my_task: Token) -> bool:
        Joining._run_hook(self, my_task)
        matches, default = MultiChoice._get_matching_outputs(self, my_task)
        if not matches and not default:
            raise ElementError("expression", "No condition holds, and there is no default flow.")
        my_task._sync_children(matches or default, FUTURE)
        return True


def _interrupts(token: Token) -> bool:
    return token._state == WAITING and getattr(token.task_spec, "cancel_activity", False)


class EndJoin(Joining, BpmnTaskSpec):  # type: ignore[misc]
    """The join at the end of a scope: fires when no other token is left in it.

    Where only event subprocesses are left, those that run are waited for, and no more begin (BPMN 2.0.2, 13.5.4).
    """

    def taken(self, my_task: Token, waiting: list[Token]) -> list[Token] | None:
        unfinished = my_task.workflow.unfinished()
        others = [token for token in unfinished if token not in waiting] if len(unfinished) > len(waiting) else []
        if others and all(token.task_spec.aside for token in others):
            armed = [token for token in others if token.task_spec.inside and token._state == WAITING]
            for token in armed:
                token.cancel()
            others = [token for token in others if token not in armed]
        return None if others else waiting

    def _run_hook(self, my_task: Token) -> bool:
        Joining._run_hook(self, my_task)
        return True
