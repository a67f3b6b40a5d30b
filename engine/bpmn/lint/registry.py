"""The registry of lint rules. A rule is a generator over the subject; the decorator gives it name and summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from engine.bpmn.issues import Issue
from engine.bpmn.model import Diagram, Flow, Node, Process, Scope
from engine.bpmn.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule looks at: the diagram and the words that it may use."""

    diagram: Diagram
    process: Process
    vocabulary: Vocabulary

    def nodes(self, *kinds: str) -> Iterator[Node]:
        """The flow nodes, of these kinds if any are given."""
        for node in self.process.nodes:
            if not kinds or node.kind in kinds:
                yield node

    def scopes(self) -> Iterator[Scope]:
        """The process and its subprocesses."""
        yield from self.process.scopes.values()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule found at a node, a flow, or the process."""

    at: Node | Flow | Process
    reason: str
    hint: str
    severity: str = "error"
    line: int | None = None


Check = Callable[[Subject], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A registered rule."""

    name: str
    summary: str
    check: Check

    def issues(self, subject: Subject) -> Iterator[Issue]:
        """Its findings as issues."""
        for finding in self.check(subject):
            at = finding.at
            yield Issue(
                rule=self.name,
                severity=finding.severity,
                process=subject.process.id,
                element="" if isinstance(at, Process) else at.id,
                name=at.name,
                line=finding.line or at.line,
                reason=finding.reason,
                hint=finding.hint,
            )


RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Check], Check]:
    """Registers a rule under its name; its summary is the first line of its docstring."""

    def register(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f'Two lint rules are called "{name}".')
        if not check.__doc__:
            raise ValueError(f'The lint rule "{name}" has no docstring to tell what it asks.')
        RULES[name] = Rule(name=name, summary=check.__doc__.strip().splitlines()[0], check=check)
        return check

    return register


def load(package: ModuleType) -> None:
    """Import every rule of the package."""
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")


def nearest(word: str, known: object, noun: str) -> str:
    """A hint that names the nearest known word, else some of them."""
    words = sorted(known)  # type: ignore[call-overload]
    near = get_close_matches(word, words, 1, 0.5)
    if near:
        return f'Did you mean "{near[0]}"?'
    listed = ", ".join(words[:20])
    return f"Known {noun}: {listed}." if words else f"No {noun} are known."


def shown(node: Node | Flow) -> str:
    """A node by name and id, for a sentence."""
    return f'"{node.name}" ({node.id})' if node.name else f'"{node.id}"'
