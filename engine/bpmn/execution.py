"""One instance in memory: start it or restore it, let something happen, run it to rest, take its state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

from engine.bpmn import conditions, moving, operating, rests, state, timers
from engine.bpmn.bundle import Bundle
from engine.bpmn.compaction import compact
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.instances import Instance
from engine.bpmn.spec import events
from engine.bpmn.spec.element import ElementError
from engine.bpmn.spec.tasks import ServiceTask, UserTask
from engine.bpmn.tokens import READY, STARTED, WAITING, Token
from engine.bpmn.values import Active, NotWaiting, Rest, ServiceCall, Standing
from engine.bpmn.variables import NotStorable, named
from engine.errors import GatewrightError, words

#: how many acts a run does before it drops what is past
COMPACT_EVERY = 50


class StartUnknown(GatewrightError):
    """Process {process} has no start event for {message}."""

    code = "start-unknown"
    hint = "Start it by a message that it names, or draw a start event without one."


def _begun(process: str, starts: list[Any], message: str | None, event: str) -> Any:
    """The start event that is meant; raises StartUnknown."""
    if event:
        found, asked = [start for start in starts if start.name == event], f"start event {event}"
    elif message is not None:
        found, asked = [start for start in starts if start.begun_by("message", message)], f'message "{message}"'
    else:
        plain = [start for start in starts if start.begun_by("", "")]
        found, asked = plain or starts[: len(starts) == 1], "somebody: each waits for an event of its own"
    if not found:
        raise StartUnknown(process=process, message=asked)
    return found[0]


class Execution:
    """A process instance; made by `start` or `restore`.

    Nothing here reads a clock: `now` is handed in. After any act, `run` brings the instance to rest and tells what it
    waits for; a handler's own mistake becomes a Failure there and never an exception of `run`.
    """

    def __init__(
        self, bundle: Bundle, instance: Instance, *, now: datetime, zone: str, cancelled: bool = False
    ) -> None:
        self.bundle, self.now, self.zone = bundle, now, zone
        self._instance = instance
        self._cancelled = cancelled

    @staticmethod
    def start(
        bundle: Bundle,
        variables: dict[str, Any],
        *,
        now: datetime,
        zone: str = "UTC",
        message: str | None = None,
        event: str = "",
        payload: dict[str, Any] | None = None,
        told: tuple[str, str] | None = None,
    ) -> Execution:
        """A new instance, its token on the plain start event, or on the only one there is.

        message: the message that starts it; event: the id of the start event, where a signal or a timer does;
        payload: what the message or signal brought, for the variable that the start event names for it; told: the kind
        and name of that, where the start event waits for several.
        """
        specs = bundle.specs()
        spec = specs[bundle.process]
        instance = Instance(spec, specs)
        instance.started_by = message
        start = None if spec.start.implied else _begun(bundle.process, spec.start.outputs, message, event)
        if start is None and (event or message is not None):
            raise StartUnknown(process=bundle.process, message=event or f'message "{message}"')
        instance.begin()
        instance.task_tree.data = named(variables, "the start")
        if start is not None:
            instance.starts_at = start.name
            variable = start.variable(*(told or (("message", message) if message else ("", ""))))
            if payload is not None and variable:
                instance.task_tree.data[variable] = named(payload, "the payload")
        instance.task_tree.run()
        return Execution(bundle, instance, now=now, zone=zone)

    @staticmethod
    def restore(bundle: Bundle, content: bytes, *, now: datetime) -> Execution:
        """The instance as `state` told it. Raises StateUnknown, StateOfAnotherBundle or StateDamaged."""
        instance, facts = state.load(content, bundle)
        return Execution(bundle, instance, now=now, zone=facts["zone"], cancelled=facts["cancelled"])

    def state(self) -> bytes:
        """The instance as bytes. What is past and needed no more is dropped first."""
        compact(self._instance)
        return state.dump(self._instance, self.bundle, {"zone": self.zone, "cancelled": self._cancelled})

    def run(
        self,
        invoke: Callable[[ServiceCall], object],
        limit: int = 200,
        *,
        now: datetime | None = None,
        through: tuple[type[BaseException], ...] = (),
    ) -> Rest:
        """Run until nothing can go on by itself, or for `limit` acts; then `more` is true and it wants another run.

        `invoke` is called for each service task. Exceptions of the types in `through` leave the run as they are, for
        those that concern the caller's transaction and not the task; the execution is then of no more use.
        """
        self.now = now or self.now
        instance = self._instance
        instance.invoke = invoke
        done = 0
        try:
            conditions.occur(instance)
            while instance.queue and done < limit:
                token = instance.queue.popleft()
                if token._state != READY or token.workflow.tasks.get(token.id) is not token:
                    continue
                self._act(token, through)
                conditions.occur(instance)
                done += 1
                if done % COMPACT_EVERY == 0:
                    compact(instance)
        finally:
            instance.invoke = None
        for token in list(instance.tokens()):
            if timers.is_timer(token):
                self._guarded(token, lambda one: timers.arm(one, self.now, self.zone), through)
        rest = rests.rest(instance, more=self._has_ready(), cancelled=self._cancelled)
        instance.trace, instance.thrown = [], []
        return rest

    def _act(self, token: Token, through: tuple[type[BaseException], ...]) -> None:
        if not self._guarded(token, Token.run, through) and token._state == READY:
            token._set_state(STARTED)

    def _guarded(self, token: Token, act: Callable[[Token], object], through: tuple[type[BaseException], ...]) -> bool:
        """Whether the act went well; what it raised is noted with the token as its failure."""
        token.internal_data.pop("failure", None)
        try:
            act(token)
        except through:
            raise
        except ElementError as error:
            token.internal_data["failure"] = {"cause": error.cause, "kind": error.kind, "code": error.code}
        except ExpressionError as error:
            token.internal_data["failure"] = {"cause": error.message, "kind": "expression", "code": None}
        except NotStorable as error:
            token.internal_data["failure"] = {"cause": error.message, "kind": "handler", "code": None}
        except Exception as error:
            cause = words(error) if isinstance(error, GatewrightError) else f"{type(error).__name__}: {words(error)}"
            token.internal_data["failure"] = {"cause": cause, "kind": "handler", "code": None}
        else:
            return True
        return False

    def _has_ready(self) -> bool:
        return any(token._state == READY for token in self._instance.queue)

    def complete_user_task(self, task_id: str, answer: dict[str, Any]) -> None:
        """Put a person's answer into the task's result variable and let the token go on."""
        token = self._waiting(task_id, UserTask, READY)
        token.data[token.task_spec.result] = named(answer, "the answer")
        token.run()

    def complete_service_task(self, task_id: str, value: Any) -> None:
        """Take a job's value. Raises NotWaiting where the token has gone, NotStorable where it is no JSON."""
        token = self._waiting(task_id, ServiceTask, STARTED)
        token.task_spec.take(token, value)
        token.internal_data.pop("failure", None)
        token.complete()

    def fail_service_task(self, task_id: str, error_code: str) -> bool:
        """Raise a business error for a job; True where an error boundary event took it."""
        token = self._waiting(task_id, ServiceTask, STARTED)
        taken: bool = token.task_spec.raised(token, error_code)
        if not taken:
            error = events.uncaught(error_code)
            token.internal_data["failure"] = {"cause": error.cause, "kind": error.kind, "code": error.code}
        return taken

    def retry(self, task_id: str, variables: dict[str, Any] | None = None) -> None:
        """Let a failed element try again, with these variables set first where some are given."""
        operating.retry(self._instance, task_id, variables)

    def set_variables(self, values: dict[str, Any]) -> dict[str, list[Any]]:
        """Give variables these values in every token; returns by name the other values that tokens had."""
        return operating.set_variables(self._instance, values)

    def edit_parameters(self, task_id: str, parameters: dict[str, Any]) -> None:
        """Give a service task that waits or failed these parameters, whatever the diagram's expressions say."""
        operating.edit_parameters(self._instance, task_id, parameters)

    def call(self, task_id: str) -> ServiceCall:
        """The call of a service task that waits or failed, as it would be made now; raises ExpressionError."""
        return operating.call(self._instance, task_id)

    def handler(self, task_id: str) -> str:
        """The handler that a service task names which waits or failed; raises NotWaiting."""
        return operating.handler(self._instance, task_id)

    def parameters(self, task_id: str) -> dict[str, Any]:
        """Those parameters of a service task that have a value now; one whose expression fails is left out."""
        return operating.parameters(self._instance, task_id)

    @property
    def instance(self) -> Instance:
        """The running process itself, for those in this room who look into it."""
        return self._instance

    def standing(self) -> list[Standing]:
        """The tokens that an operator may move."""
        return moving.standing(self._instance)

    def targets(self, task_id: str) -> list[str]:
        """The elements at which a token may be put; raises NotWaiting."""
        return moving.targets(self._instance, task_id)

    def move(self, task_id: str, element: str) -> None:
        """Cancel a token where it stands and put it at another element of its scope; raises NotWaiting, NotMovable."""
        moving.move(self._instance, task_id, element)

    def shown(self, task_id: str) -> dict[str, Any]:
        """The variables that a user task shows; raises NotWaiting."""
        return deepcopy(self._waiting(task_id, UserTask, READY).data)

    def fire_timer(self, task_id: str, at: datetime) -> bool:
        """Fire an armed timer; False where it is no longer armed. Whether it is due is the caller's to know."""
        token = self._instance.find(task_id)
        if token is None or not timers.is_timer(token) or "timer" not in token.internal_data:
            return False
        self.now = at
        timers.fire(token, at)
        return True

    def deliver_message(self, name: str, payload: dict[str, Any]) -> bool:
        """Hand over a message; False where nothing waits for it."""
        return events.deliver(self._instance, "message", name, named(payload, f'message "{name}"')) > 0

    def deliver_signal(self, name: str, payload: dict[str, Any]) -> bool:
        """Hand over a signal to everything that waits for it; False where nothing does."""
        return events.deliver(self._instance, "signal", name, named(payload, f'signal "{name}"')) > 0

    def cancel(self) -> None:
        """End the instance where it stands."""
        self._cancelled = True
        self._instance.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def variables(self) -> dict[str, Any]:
        """The variables as the instance stands: those of the end, or what all its tokens carry, the newest last."""
        return rests.variables(self._instance)

    def active(self) -> list[Active]:
        """Where tokens stand, for the live diagram."""
        counts: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
        for token in self._instance.tokens():
            node = token.task_spec.node
            armed = token.task_spec.late and token._state == WAITING and hasattr(token.task_spec, "event")
            if node is None or armed or not (token.task_spec.told or node.implied_by):
                continue
            counts[node.implied_by or node.id, node.process, token.scope] += 1
        return [Active(element=e, process=p, scope=s, count=n) for (e, p, s), n in counts.items()]

    def _waiting(self, task_id: str, kind: type, wanted: int) -> Token:
        token = self._instance.find(task_id)
        if token is None or not isinstance(token.task_spec, kind) or token._state != wanted:
            raise NotWaiting(task=task_id)
        return token
