"""The path that an instance will take, computed before its start (R21).

The same engine on the same definitions, in a transaction that is rolled back: transactional handlers run for real,
jobs yield what their handler assumes, people answer as the form's example says. It stops where the outside decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from engine import bpmn, identity
from engine.identity import Person
from engine.runtime import bundles, forms, guard, jobs, registry, user_tasks
from engine.runtime.context import Context
from engine.runtime.instances.start import answered
from engine.store import Store, now, transaction

#: rests after which a path is taken to be a loop
_MOST_RESTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """One element of the path."""

    element: str
    name: str
    kind: str
    process: str
    scope: str
    role: str  #: the lane
    assumed: str = ""  #: what was assumed here, where somebody decides or a job runs
    decided: str = ""  #: what a decision table gave, such as "path: rehearsed, target: batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The elements in their order, and why the path ends where it ends."""

    steps: list[PathStep]
    stops: str  #: "" where it runs to its end

    @property
    def elements(self) -> list[str]:
        """Their ids."""
        return [step.element for step in self.steps]


class _Undone(Exception):
    """Rolls the transaction back; never seen outside."""


def path(
    house: Store, person: Person, process: str, subject: str = "", variables: dict[str, Any] | None = None
) -> Path:
    """The path that the latest version of a process takes for this subject, if all goes well.

    Raises what a start raises: NotPermitted, DefinitionUnknown, AnswerRefused, SubjectRefused.
    """
    identity.require(person, "instance.start")
    found: list[Path] = []
    try:
        with transaction(house) as session:
            found.append(_walk(house, session, person, process, subject, variables or {}))
            raise _Undone
    except _Undone:
        return found[0]


def _walk(
    house: Store, session: Session, person: Person, process: str, subject: str, variables: dict[str, Any]
) -> Path:
    bundle, _ = bundles.resolve(session, process)
    description = bpmn.describe(bundle.files(process))
    key, answer = answered(bundle, description, subject, variables)
    drawn = {each: bpmn.describe(bundle.files(each)).elements for each in (bundle.process, *bundle.called)}
    at = now(session)
    execution = bpmn.Execution.start(bundle, {**answer, "subject": key}, now=at)
    instance = uuid4()
    assumed: dict[str, str] = {}

    def invoke(call: bpmn.ServiceCall) -> object:
        task = registry.find_service_task(call.handler)
        parameters = jobs.parse(task, call.parameters)
        ctx = Context(
            instance=instance,
            task=UUID(call.task_id),
            element=call.element,
            starter=person.id,
            subject=key,
            now=at,
            files=house.files,
            settings=house.settings,
            actor=person.id,
        )
        act = task.function if task.kind == "transactional" else task.assumed
        if act is None:
            return bpmn.PENDING
        if task.kind == "job":
            assumed[call.task_id] = "The job is assumed to succeed."
        with session.begin_nested(), guard.inside_transaction(f"{call.handler}, preview", session):
            value = jobs.json_value(task.name, act(session, parameters, ctx))
            session.flush()
        return value

    entered: dict[str, bpmn.Step] = {}  # in the order in which an instance's own history lists them
    left: set[str] = set()

    def ended(stops: str) -> Path:
        known = execution.variables()
        steps = []
        for task, step in entered.items():
            if task not in left:
                continue
            element = drawn.get(step.process, {}).get(step.element)
            decided = [f"{name}: {known[name]}" for name in (element.decides if element else ()) if known.get(name)]
            steps.append(
                PathStep(
                    element=step.element,
                    name=step.name,
                    kind=step.kind,
                    process=step.process,
                    scope="/".join(step.scope),
                    role=element.lane if element else "",
                    assumed=assumed.get(task, ""),
                    decided=", ".join(decided),
                )
            )
        return Path(steps=steps, stops=stops)

    for _ in range(_MOST_RESTS):
        rest = execution.run(invoke, now=at)
        for step in rest.trace:
            entered.setdefault(step.task_id, step)
            if step.happened == "completed":
                left.add(step.task_id)
        if rest.finished:
            return ended("")
        if rest.failures:
            failure = rest.failures[0]
            return ended(f"{failure.name or failure.element}: {failure.cause}")
        if rest.user_tasks:
            task = rest.user_tasks[0]
            given = forms.assumed(user_tasks.form_of(bundle, task.process, task.form or None))
            said = ", ".join(f"{name}: {value}" for name, value in given.items())
            assumed[task.task_id] = f"{task.lane or 'Somebody'} is assumed to answer {said or 'it'}."
            execution.complete_user_task(task.task_id, given)
        elif not rest.more:
            return ended(_waits(rest))
    return ended("The path goes on in a loop that only a real decision ends.")


def _waits(rest: bpmn.Rest) -> str:
    named = [f"the message {each.name}" for each in rest.messages]
    named += [f"the timer {each.name or each.element}" for each in rest.timers]
    named += [f"the condition {each.condition}" for each in rest.conditions]
    named += [f"the job {each.name or each.element}, whose result is not foretold" for each in rest.jobs]
    return f"It waits for {', or '.join(named)}." if named else ""
