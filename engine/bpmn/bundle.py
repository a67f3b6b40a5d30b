"""A definition with the definitions that it calls, known by one digest; specifications are cached by it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

import orjson

from engine.bpmn import bindings
from engine.bpmn.explicit import explicit
from engine.bpmn.reading import Files, read
from engine.bpmn.spec.build import build
from engine.bpmn.spec.element import ProcessSpec
from engine.errors import GatewrightError

CACHE_SIZE = 64
MAX_DEPTH_OF_CALLS = 20


class NotExecutable(GatewrightError):
    """Process {process} cannot be executed: {reason}"""

    code = "not-executable"
    hint = "Check the definition and publish one without issues."


class CallMissing(GatewrightError):
    """Process {process} calls {called}, which is not in the bundle."""

    code = "call-missing"
    hint = "Publish the called process first, or correct the call activity."


class CallCycle(GatewrightError):
    """Process {process} calls itself by way of {path}."""

    code = "call-cycle"
    hint = "Draw the repetition as a loop inside one process."


def digest(files: Files) -> str:
    """The sha256 of a definition's files: over their names and their own digests, in the order of the names."""
    parts = [[name, hashlib.sha256(files[name]).hexdigest()] for name in sorted(files)]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files that one instance runs on; made by `bundle`."""

    process: str  #: the main process's id
    main: Files
    called: Mapping[str, Files]
    digest: str
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: process id to the ids it calls

    def specs(self) -> dict[str, ProcessSpec]:
        """The specifications by name, from the cache or built anew."""
        return _CACHE.get(self)

    def files(self, process: str) -> Files:
        """The files of one process of the bundle."""
        return self.main if process == self.process else self.called[process]


class _Cache:
    """The least recently used specifications go first."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, dict[str, ProcessSpec]] = OrderedDict()
        self._lock = Lock()

    def get(self, bundle: Bundle) -> dict[str, ProcessSpec]:
        with self._lock:
            if bundle.digest in self._held:
                self._held.move_to_end(bundle.digest)
                return self._held[bundle.digest]
        made = _build(bundle)
        with self._lock:
            self._held[bundle.digest] = made
            while len(self._held) > CACHE_SIZE:
                self._held.popitem(last=False)
        return made

    def clear(self) -> None:
        with self._lock:
            self._held.clear()


_CACHE = _Cache()


def clear_cache() -> None:
    """Forget all specifications; the next use builds them from the files."""
    _CACHE.clear()


def bundle(main: Files, called: Mapping[str, Files] | None = None) -> Bundle:
    """A definition and those that it calls, directly or not; called definitions that nobody calls are left out.

    Raises NotExecutable, CallMissing or CallCycle. Costs one parse of each file.
    """
    called = called or {}
    process, calls = _calls(main, "")
    graph: dict[str, tuple[str, ...]] = {process: calls}

    def walk(caller: str, path: tuple[str, ...]) -> None:
        for name in graph[caller]:
            if name in path:
                raise CallCycle(process=name, path=" > ".join((*path, name)))
            if name not in graph:
                if name not in called:
                    raise CallMissing(process=caller, called=name)
                found, inner = _calls(called[name], name)
                if found != bindings.process_of(name):
                    raise NotExecutable(process=name, reason=f"its file holds process {found}.")
                graph[name] = inner
            if len(path) >= MAX_DEPTH_OF_CALLS:
                raise NotExecutable(process=name, reason=f"calls nest deeper than {MAX_DEPTH_OF_CALLS}.")
            walk(name, (*path, name))

    walk(process, (process,))
    used = {name: called[name] for name in sorted(graph) if name != process}
    parts = [[process, digest(main)], *([name, digest(files)] for name, files in used.items())]
    made = Bundle(process, main, used, hashlib.sha256(orjson.dumps(parts)).hexdigest(), graph)
    made.specs()
    return made


def _calls(files: Files, name: str) -> tuple[str, tuple[str, ...]]:
    diagram, issues = read(files)
    if issues:
        raise NotExecutable(process=name or "(unnamed)", reason=issues[0].reason)
    process = diagram.process
    return process.id, tuple(dict.fromkeys(node.called for node in process.nodes if node.kind == "callActivity"))


def _build(bundle: Bundle) -> dict[str, ProcessSpec]:
    specs: dict[str, ProcessSpec] = {}
    for process in (bundle.process, *bundle.called):
        diagram, _ = read(bundle.files(process))
        try:
            specs.update(build(explicit(bindings.under(diagram, process))))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise NotExecutable(process=process, reason=f"{type(error).__name__}: {error}.") from error
    return specs
