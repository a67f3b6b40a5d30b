"""Where the tokens of an instance stand, as a configuration of the token game: what a proof goes on from."""

from __future__ import annotations

from typing import Any

from engine.bpmn import calendar
from engine.bpmn.instances import Instance
from engine.bpmn.model import Node
from engine.bpmn.spec.element import BoundarySplit
from engine.bpmn.spec.event_subprocesses import Listener
from engine.bpmn.spec.events import BoundaryEvent
from engine.bpmn.spec.gateways import EventBasedGateway
from engine.bpmn.spec.joins import EndJoin, Joining
from engine.bpmn.spec.multiple import MultipleCatch
from engine.bpmn.spec.repeated import Repeated
from engine.bpmn.token_game import Configuration, Net, Token
from engine.bpmn.token_game.carried import Carried
from engine.bpmn.token_game.configuration import ARMED, CATCHING, ENDED, LEAVING, STANDING, WAITING, Repetition
from engine.bpmn.token_game.net import waits
from engine.bpmn.tokens import FINISHED
from engine.bpmn.tokens import WAITING as ASKED
from engine.bpmn.tokens import Token as Task


class NotLocated(ValueError):
    """The instance is in the midst of something of which a configuration is not told, such as compensation."""


def located(of: Net, instance: Instance) -> tuple[Configuration, dict[str, int]]:
    """(where the tokens of an instance at rest stand, the number of each by its id); raises NotLocated."""
    return _Locating(of, instance).told()


class _Locating:
    def __init__(self, of: Net, instance: Instance) -> None:
        self.net, self.instance = of, instance
        self.tasks = [task for task in instance.tokens() if not _beneath(task)]
        self.numbers = {str(task.id): number for number, task in enumerate(self.tasks, 1)}
        self.last = max(len(self.tasks), instance.writes)

    def told(self) -> tuple[Configuration, dict[str, int]]:
        if any("occurred" in task.internal_data for task in self.instance.tokens()):
            raise NotLocated("of an event that waits for several together one has occurred")
        for scope in self.instance.scopes():
            if scope.records or scope.forgotten:
                raise NotLocated("something has completed that can be undone")
        tokens = [self.token(task) for task in self.tasks]
        return Configuration(tokens=tuple(tokens), next=self.last + 1), self.numbers

    def token(self, task: Task) -> Token:
        if {"undo", "undoes"} & task.internal_data.keys():
            raise NotLocated("compensation is under way")
        spec = task.task_spec
        told: dict[str, Any] = {
            "id": self.numbers[str(task.id)],
            "within": self.within(task),
            "path": task.scope,
            "carried": carried(task),
        }
        if isinstance(spec, EndJoin):
            process, scope = self.place(task)
            node = next(iter(self.net.places[process, scope].scope.nodes))
            return Token(**told, node=node, process=process, scope=scope, phase=ENDED)
        node = spec.node
        if node is None:
            raise NotLocated("it is not at rest")
        told |= {"node": node.implied_by or node.id, "process": node.process, "scope": node.scope}
        if isinstance(spec, BoundaryEvent | Listener) and task._state == ASKED:
            return Token(
                **told, phase=ARMED, of=self.holder(task), left=_left(task, node), which=self.which(task, node)
            )
        if isinstance(task.parent.task_spec, EventBasedGateway) and task._state == ASKED:
            return Token(**told, phase=ARMED, of=self.number(task.parent), which=self.which(task, node))
        if isinstance(spec, Repeated):
            return Token(**told, phase=STANDING, repetition=self.repetition(task))
        if isinstance(spec, Joining) and task._state == ASKED:
            return Token(**told, phase=WAITING, flow=self.flow(task, node))
        phase = LEAVING if node.implied_by else CATCHING if waits(node) else STANDING
        return Token(**told, phase=phase, index=task.internal_data["index"] if task.triggered else None)

    def which(self, task: Task, part: Node) -> int | None:
        """For which definition of its event a token is armed; None for all of them."""
        drawn = self.net.node(part.process, part.scope, part.id)
        which: int = task.task_spec.which
        return None if len(drawn.events) < 2 or drawn.together else which

    def number(self, task: Task) -> int:
        if str(task.id) not in self.numbers:
            raise NotLocated(f"{task.task_spec.name} is no longer there")
        return self.numbers[str(task.id)]

    def place(self, task: Task) -> tuple[str, str]:
        """The process and scope in which a token stands."""
        around = task.workflow.spec.around
        process = task.workflow.spec.process
        return (process, process if around is None else around.id)

    def within(self, task: Task) -> tuple[int, ...]:
        """The tokens of the activities around one, outermost first; a copy stands in its repeated activity."""
        inside: tuple[int, ...] = ()
        if task.triggered:
            inside = (self.number(task.parent),)
        workflow = task.workflow
        if workflow.parent_task_id is None:
            return inside
        around = workflow.top_workflow.get_task_from_id(workflow.parent_task_id)
        return (*self.within(around), self.number(around), *inside)

    def holder(self, task: Task) -> int:
        """The token for which an event is armed: its activity's, or that of the scope of its event subprocess."""
        if isinstance(task.task_spec, Listener):
            within = self.within(task)
            return within[-1] if within else 0
        split = task.parent
        if not isinstance(split.task_spec, BoundarySplit):
            raise NotLocated(f"{task.task_spec.name} stands apart from its activity")
        beside = [each for each in split.children if each.task_spec.name == split.task_spec.main]
        active = [each for each in beside if not each.has_state(FINISHED)]
        if not active:
            raise NotLocated(f"{task.task_spec.name} has outlived its activity")
        return self.number(active[0])

    def flow(self, task: Task, gateway: Node) -> str:
        """The flow along which a token came to a gateway."""
        source = Joining.source(task)
        before = task.workflow.spec.task_specs.get(source)
        drawn = getattr(getattr(before, "node", None), "implied_by", "") or source
        for flow in self.net.places[gateway.process, gateway.scope].incoming[gateway.id]:
            if source == f"(flow {flow.id})" or flow.source == drawn:
                return flow.id
        raise NotLocated(f"no flow leads from {source} to {gateway.id}")

    def repetition(self, task: Task) -> Repetition:
        inside = task.internal_data
        copies = sum(child.triggered and not child.has_state(FINISHED) for child in task.children)
        own, done = carried(task), inside.get("done", 0)
        if task.task_spec.loop.kind == "standard":
            return Repetition(items=-1, started=done + copies, done=done, current=own if done else None)
        if "items" not in inside:
            return Repetition(items=-1)
        left = own
        if inside["changes"]:
            self.last += 1
            left = own.written(inside["changes"], self.last)
        parallel = task.task_spec.loop.kind == "parallel"
        return Repetition(
            # Which items there are is not told: they are gone through one by one whatever they are.
            items=(None,) * inside["items"],
            started=inside["started"],
            done=done,
            enough=inside["enough"],
            results=(None,) * inside["items"],
            copies=(left,) if parallel and done else (),
            current=own if not parallel and done else None,
        )


def _beneath(task: Task) -> bool:
    """Whether it is of an event that waits as one for several."""
    spec = task.task_spec
    around = None if task.parent is None else task.parent.task_spec
    return isinstance(around, MultipleCatch) or bool(spec.together and spec.which)


def carried(task: Task) -> Carried:
    """The variables of a token, each with the write that it stems from."""
    stamps = task.stamps
    held = {name: (value, stamps.get(name, 0)) for name, value in task.data.items()}
    return Carried(held, frozenset(task.seen) | {number for _, number in held.values()})


def _left(task: Task, node: Node) -> int | None:
    """How often an armed event may occur still."""
    event = node.event
    if node.interrupting or event is None:
        return 1
    if event.kind != "timer":
        return None
    if event.timer != "cycle" or "timer" not in task.internal_data:
        return 1
    return calendar.Armed.from_json(task.internal_data["timer"]).left
