"""The words a diagram may use: handlers, roles, kinds of tasks, evidence and other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTaskInfo:
    """One service task as the registry knows it."""

    kind: str = "transactional"  #: "transactional" or "job"
    schema: Mapping[str, Any] = field(default_factory=dict)  #: JSON Schema of its parameters
    errors: tuple[str, ...] = ()  #: the BPMN error codes that it may raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Everything a diagram may name. An empty set of processes means that none is known: calls are only warned of."""

    service_tasks: Mapping[str, ServiceTaskInfo] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()
    task_kinds: frozenset[str] = frozenset({"form", "approval"})
    evidence: frozenset[str] = frozenset()
    processes: frozenset[str] = frozenset()
    versions: Mapping[str, int] = field(default_factory=dict)  #: process to its latest version, as far as it is known
