"""The service tasks, evidence providers and kinds of user task that diagrams may name.

One decorator registers each, on the function itself; a name twice fails at import, an unknown one is answered with the
nearest known. Third-party packages register through the entry-point group `gatewright.service_tasks`.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from engine import bpmn
from engine.errors import GatewrightError
from engine.runtime.limits import Breaker, Limits, Rate

#: beside the names of evidence in what a decider tells of what they saw: the digest of the variables
RESERVED = "variables"
Kind = Literal["transactional", "job"]
F = TypeVar("F", bound=Callable[..., Any])


class UnknownName(GatewrightError):
    """There is no {what} named {name}."""

    code = "unknown-name"
    hint = "Correct the name. {known}"
    status = 404


class NameTaken(GatewrightError):
    """A second {what} registers the name {name}."""

    code = "name-taken"
    hint = "Rename one of the two: {first} and {second}."
    status = 500


@dataclass(slots=True)
class ServiceTask:
    """A service task: what runs where a diagram names it."""

    name: str
    kind: Kind
    function: Callable[..., Any]
    parameters: type[BaseModel]
    attempts: int
    backoff_seconds: float
    errors: tuple[str, ...]  #: BPMN error codes that it may raise
    pack: str  #: the queue of its jobs
    seconds: float  #: after which an attempt of a job is given up
    limits: Limits = field(default_factory=Limits)
    asks: Callable[[Any], str] | None = None  #: names, from the parameters, the outside thing that it asks
    check: Callable[..., Any] | None = None
    taken: Callable[..., None] | None = None
    assumed: Callable[..., Any] | None = None

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.function) or "").split("\n", 1)[0]

    def prepare(self, function: F) -> F:
        """Registers what is checked in a transaction before a job runs: (session, parameters, ctx).

        What it returns is `ctx.prepared` in the run and in `apply`; it is asked again before each attempt.
        """
        self.check = function
        return function

    def apply(self, function: F) -> F:
        """Registers what is written in the transaction that takes a result: (session, parameters, ctx, result)."""
        self.taken = function
        return function

    def preview(self, function: F) -> F:
        """Registers the value that is assumed when a path is computed before the start: (session, parameters, ctx)."""
        self.assumed = function
        return function


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a decider is shown. Its canonical bytes are kept as a file; their digest is frozen when the task opens."""

    title: str
    content: dict[str, Any]  #: JSON for the page, the digests of the assets it speaks of among it


@dataclass(slots=True)
class TaskKind:
    """A kind of user task with an act of its own in the completing transaction."""

    name: str
    completed: Callable[..., None]
    doubted: Callable[..., None] | None = None

    def doubt(self, function: F) -> F:
        """Registers what becomes of a decision whose grounds an operator changed: (session, ctx, person, task, reason).

        `ctx` is that of the decision, `person` the operator; it runs in the transaction of the change.
        """
        self.doubted = function
        return function


@dataclass(slots=True)
class _Registry:
    service_tasks: dict[str, ServiceTask] = field(default_factory=dict)
    evidence: dict[str, Callable[..., Evidence]] = field(default_factory=dict)
    task_kinds: dict[str, TaskKind] = field(default_factory=dict)
    loaded: bool = False


_known = _Registry()
_USUAL = Breaker()


def service_task(
    name: str,
    *,
    kind: Kind,
    attempts: int = 3,
    backoff_seconds: float = 2.0,
    errors: tuple[str, ...] = (),
    pack: str = "default",
    seconds: float = 4 * 3600.0,
    concurrency: int | None = None,
    rate: Rate | None = None,
    breaker: Breaker | None = _USUAL,
    asks: Callable[[Any], str] | None = None,
) -> Callable[[Callable[..., Any]], ServiceTask]:
    """Registers the function as a service task; its parameters are read from the annotation of `parameters`.

    transactional: (session, parameters, ctx) runs inside the road's transaction, exactly once, on our database alone.
    job: (parameters, ctx) runs in a worker, at least once, outside of any transaction; at most `attempts` times,
    waiting `backoff_seconds` * 2 ** (attempt - 1), at most 5 minutes, between two; an attempt that takes longer than
    `seconds` has failed, and what it returns afterwards is dropped.
    Of a job, over all workers: concurrency, how many run at a time; rate, how often one may begin; breaker, after how
    many technical failures in a row the others wait (None: never); asks, the outside thing that it asks, which has a
    breaker of its own. An operator may set other limits (docs/operating.md).
    """
    if kind == "transactional" and (concurrency is not None or rate is not None or asks is not None):
        raise TypeError(f"service task {name}: only jobs have limits, a transactional handler runs at once")
    limits = Limits(concurrency=concurrency, rate=rate, breaker=breaker if kind == "job" else None)

    def register(function: Callable[..., Any]) -> ServiceTask:
        expected = ["session", "parameters", "ctx"] if kind == "transactional" else ["parameters", "ctx"]
        if list(inspect.signature(function).parameters) != expected:
            raise TypeError(f"service task {name}: a {kind} handler takes ({', '.join(expected)})")
        model = typing.get_type_hints(function)["parameters"]
        task = ServiceTask(name, kind, function, model, attempts, backoff_seconds, errors, pack, seconds, limits, asks)
        _add(_known.service_tasks, "service task", name, task, function)
        return task

    return register


def evidence(name: str) -> Callable[[F], F]:
    """Registers (session, ctx) -> Evidence as a provider that a user task may name."""

    def register(function: F) -> F:
        if name == RESERVED:
            raise TypeError(f"evidence provider {name}: the name stands for a task's variables")
        _add(_known.evidence, "evidence provider", name, function, function)
        return function

    return register


def task_kind(name: str) -> Callable[[Callable[..., None]], TaskKind]:
    """Registers (session, ctx, person, task, answer) as the act of completing a user task of this kind."""

    def register(function: Callable[..., None]) -> TaskKind:
        kind = TaskKind(name, function)
        _add(_known.task_kinds, "kind of user task", name, kind, function)
        return kind

    return register


def _add(known: dict[str, Any], what: str, name: str, value: Any, function: Callable[..., Any]) -> None:
    if name in known:
        earlier = known[name]
        earlier = getattr(earlier, "function", getattr(earlier, "completed", earlier))
        raise NameTaken(what=what, name=name, first=earlier.__module__, second=function.__module__)
    known[name] = value


def load_entry_points() -> None:
    """Imports what installed packages register; done once a process."""
    if not _known.loaded:
        _known.loaded = True
        for point in entry_points(group="gatewright.service_tasks"):
            point.load()


def _find(known: dict[str, Any], what: str, name: str) -> Any:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        said = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(sorted(known)) or 'none'}."
        raise UnknownName(what=what, name=name, known=said)
    return known[name]


def find_service_task(name: str) -> ServiceTask:
    """The service task of this name; raises UnknownName."""
    found: ServiceTask = _find(_known.service_tasks, "service task", name)
    return found


def find_evidence(name: str) -> Callable[..., Evidence]:
    """The evidence provider of this name; raises UnknownName."""
    found: Callable[..., Evidence] = _find(_known.evidence, "evidence provider", name)
    return found


def find_task_kind(name: str) -> TaskKind | None:
    """The kind of user task of this name; None for a plain form; raises UnknownName."""
    if name == "form":
        return None
    found: TaskKind = _find(_known.task_kinds, "kind of user task", name)
    return found


def service_tasks() -> list[ServiceTask]:
    """All of them, by name."""
    return [_known.service_tasks[name] for name in sorted(_known.service_tasks)]


def packs() -> list[str]:
    """The queues of the packs that this process has."""
    return sorted({task.pack for task in _known.service_tasks.values()})


def doubtful_kinds() -> list[str]:
    """The kinds of user task whose decisions are void once their grounds are changed."""
    return sorted(kind.name for kind in _known.task_kinds.values() if kind.doubted)


def vocabulary(
    roles: frozenset[str], processes: frozenset[str] = frozenset(), versions: Mapping[str, int] | None = None
) -> bpmn.Vocabulary:
    """What diagrams may name, for the check of a diagram."""
    return bpmn.Vocabulary(
        service_tasks={
            task.name: bpmn.ServiceTaskInfo(
                kind=task.kind, schema=task.parameters.model_json_schema(), errors=task.errors
            )
            for task in service_tasks()
        },
        roles=roles,
        task_kinds=frozenset(_known.task_kinds) | {"form"},
        evidence=frozenset(_known.evidence),
        processes=processes,
        versions=versions or {},
    )
