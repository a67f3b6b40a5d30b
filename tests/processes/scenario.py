"""A scenario played through the engine: stubbed services, given answers and events, and what came of it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from engine.bpmn import BpmnError, Bundle, Execution, Rest, ServiceCall, Step, bundle
from tests.processes.library import LIBRARY, PROCESSES, files

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
#: more waits than any scenario has: one that goes in circles fails instead of running for ever
MAX_WAITS = 200


class ScenarioFailed(AssertionError):
    """The scenario and the diagram do not fit: one of them is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario of a `scenario.yaml`; `processes/README.md` tells what each field means."""

    process: str
    name: str
    start: Mapping[str, Any]
    end: str
    services: Mapping[str, list[Any]] = field(default_factory=dict)
    people: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    happens: list[dict[str, Any]] = field(default_factory=list)
    trace: list[str] | None = None
    passes: list[str] = field(default_factory=list)
    avoids: list[str] = field(default_factory=list)
    sends: list[dict[str, Any]] = field(default_factory=list)
    leaves: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a scenario."""

    trace: list[str]  #: the process's own elements in the order in which they were left
    inside: list[str]  #: those of the called processes too
    sent: list[dict[str, Any]]
    variables: Mapping[str, Any]


def scenarios(process: str) -> list[Scenario]:
    """The scenarios of one process."""
    document = yaml.safe_load((LIBRARY / process / "scenario.yaml").read_text())
    return [Scenario(process=process, **given) for given in document["scenarios"]]


def play(scenario: Scenario) -> Played:
    """Run a scenario from start to end, through bytes at each wait; raises ScenarioFailed."""
    return _Play(scenario).played()


class _Play:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.bundle: Bundle = bundle(
            files(scenario.process), {name: files(name) for name in PROCESSES if name != scenario.process}
        )
        self.services = {element: deque(values) for element, values in scenario.services.items()}
        self.people = {element: deque(answers) for element, answers in scenario.people.items()}
        self.happens = deque(scenario.happens)
        self.steps: list[Step] = []
        self.sent: list[dict[str, Any]] = []

    def played(self) -> Played:
        execution = Execution.start(self.bundle, dict(self.scenario.start), now=START)
        for _ in range(MAX_WAITS):
            rest = self._rest(execution)
            if rest.finished:
                return self._end(execution)
            # Each wait goes through bytes with a fresh object: what a worker would do.
            execution = Execution.restore(self.bundle, execution.state(), now=START)
            self._go_on(execution, rest)
        raise ScenarioFailed(f"after {MAX_WAITS} waits the process has not ended")

    def _rest(self, execution: Execution) -> Rest:
        rest = execution.run(self._invoke)
        while rest.more:
            self._note(rest)
            rest = execution.run(self._invoke)
        self._note(rest)
        if rest.failures:
            raise ScenarioFailed("; ".join(f"{failure.element}: {failure.cause}" for failure in rest.failures))
        return rest

    def _note(self, rest: Rest) -> None:
        self.steps += rest.trace
        self.sent += [{"message": thrown.name, "payload": thrown.payload} for thrown in rest.thrown]

    def _invoke(self, call: ServiceCall) -> object:
        values = self.services.get(call.element)
        if not values:
            raise ScenarioFailed(f"{call.element} ({call.handler}) ran once more than the scenario has results for it")
        value = values.popleft()
        if isinstance(value, dict) and set(value) == {"raises"}:
            raise BpmnError(value["raises"])
        return value

    def _go_on(self, execution: Execution, rest: Rest) -> None:
        for task in rest.user_tasks:
            answers = self.people.get(task.element)
            if answers:
                answer = answers.popleft()
                form = json.loads(self.bundle.files(task.process)[task.form])
                wrong = [error.message for error in Draft202012Validator(form["schema"]).iter_errors(answer)]
                if wrong:
                    raise ScenarioFailed(f"{task.element}: the answer does not fit its form: {'; '.join(wrong)}")
                execution.complete_user_task(task.task_id, answer)
                return
        if rest.user_tasks or not self.happens:
            raise ScenarioFailed(f"nobody answers, and nothing happens: {_waits(rest)}")
        event = self.happens.popleft()
        if "timer" in event:
            armed = [timer for timer in rest.timers if timer.element == event["timer"]]
            if not armed or not execution.fire_timer(armed[0].task_id, armed[0].due):
                raise ScenarioFailed(f"timer {event['timer']} is not armed: {_waits(rest)}")
        elif not execution.deliver_message(event["message"], event.get("payload", {})):
            raise ScenarioFailed(f"nothing waits for message {event['message']}: {_waits(rest)}")

    def _end(self, execution: Execution) -> Played:
        left = [element for element, values in (self.services | self.people).items() if values]
        if left or self.happens:
            raise ScenarioFailed(f"the process ended and these were never asked for: {left + list(self.happens)}")
        done = [step for step in self.steps if step.happened == "completed"]
        return Played(
            trace=[step.element for step in done if not step.scope],
            inside=[step.element for step in done],
            sent=self.sent,
            variables=execution.variables(),
        )


def _waits(rest: Rest) -> str:
    waiting = [task.element for task in rest.user_tasks]
    waiting += [timer.element for timer in rest.timers] + [message.element for message in rest.messages]
    return f"it waits at {', '.join(waiting) or 'nothing'}"
