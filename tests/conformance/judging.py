"""What becomes of one file."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.bpmn import Issue, ServiceTaskInfo, Vocabulary, bundle, calendar, check, xml
from engine.bpmn.lint.registry import Subject
from engine.bpmn.lint.rules.written_expressions import written
from engine.bpmn.model import FLOW_NODES
from engine.bpmn.reading import read
from engine.bpmn.token_game import net
from engine.errors import GatewrightError
from tests.bpmn import drawing as d
from tests.bpmn.token_game.following import Mismatch
from tests.conformance import binding
from tests.conformance.driving import Driver, End
from tests.conformance.guessing import Guesses

#: by outcome, the worst first, what it means
OUTCOMES: Final = {
    "traceback": "an exception came out",
    "stuck": "it hung, or took more than its limits",
    "wrong": "engine and token game differ in trace or data",
    "refused": "refused at validation, by the name of an element",
    "incident": "accepted; as drawn it stops at an incident that names its element, in engine and token game alike",
    "deadlock": "accepted; as drawn its tokens come to wait for ever, in engine and token game alike",
    "unfinished": "accepted; as drawn it goes on and on: broken off, right as far as it went",
    "finished": "accepted and finished, engine and token game alike",
}
BAD: Final = frozenset({"traceback", "stuck", "wrong"})
#: of one process's runs the best counts among these: another order of events ends well
ENDS: Final = ("finished", "unfinished", "incident", "deadlock")
#: read of a file; more is refused by its size
MOST = xml.MAX_BYTES + 1
STUB = d.files(binding.STUB, d.start(), d.end(), d.flow("Start", "End"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How files are judged."""

    strict: bool = False
    runs: int = 3
    acts: int = 60
    seconds: float = 20.0  #: for the runs of one process, after which it is broken off


def judge(path: Path, options: Options) -> dict[str, Any]:
    """What became of a file: the worst of what became of its processes."""
    bound: Counter[str] = Counter()
    try:
        with path.open("rb") as file:
            content = file.read(MOST)
    except OSError as error:
        found = [_told("", End("refused", f"It cannot be read: {error.strerror}.", "", "readable"))]
    else:
        try:
            found = [_process(*case, options) for case in _cases(content, options, bound)]
        except Exception:
            found = [_told("", End("traceback", traceback.format_exc()))]
    worst = min(found, key=lambda one: [*OUTCOMES].index(one["outcome"]))
    return {
        "file": str(path),
        **{name: worst[name] for name in ("outcome", "rule", "element", "reason")},
        "processes": found,
        "bound": dict(bound),
    }


def _cases(content: bytes, options: Options, bound: Counter[str]) -> list[tuple[str, dict[str, bytes], Any]]:
    """(process, files, called) of each process to judge; the file as it is where there is none, or nothing is bound."""
    as_it_is = [("", {"process.bpmn": content}, {})]
    if options.strict:
        return as_it_is
    try:
        root = xml.read(content)
    except xml.Unreadable:
        return as_it_is
    processes = [each for each in xml.children(root, "process") if xml.children(each)]
    drawn = [each for each in processes if any(xml.tag(child)[1] in FLOW_NODES for child in each)] or processes
    if not drawn:
        return as_it_is
    called = frozenset(each.get("id", "") for each in drawn) - {""}
    made = {}
    for each in drawn:
        made[each.get("id", "")], counts = binding.bound(root, each, called)
        bound.update(counts)
    files = {name: {"process.bpmn": text, **dict.fromkeys(_forms(text), b"{}")} for name, text in made.items()}
    others = {**files, binding.STUB: STUB}
    return [(name, each, {other: of for other, of in others.items() if other != name}) for name, each in files.items()]


def _forms(content: bytes) -> set[str]:
    diagram, _ = read({"process.bpmn": content})
    return {
        form
        for process in diagram.processes
        for node in process.nodes
        if (form := node.properties.get("form", "")).endswith(".form.json")
    }


def _process(name: str, files: dict[str, bytes], called: dict[str, dict[str, bytes]], options: Options) -> Any:
    try:
        issues = check(files, _words(files, called, options))
        refusals = [issue for issue in issues if issue.severity == "error"]
        if any("The check itself failed" in issue.reason for issue in refusals):
            raise AssertionError(next(i.reason for i in refusals if "The check itself failed" in i.reason))
        if refusals:
            return _told(name, _refused(refusals[0]), refusals)
        return _told(name, _played(files, called, options))
    except Mismatch as error:
        return _told(name, End("wrong", str(error)[:4_000]))
    except GatewrightError as error:
        return _told(name, End("refused", str(error), error.element or "", error.code))
    except Exception:
        return _told(name, End("traceback", traceback.format_exc()))


def _words(files: dict[str, bytes], called: dict[str, Any], options: Options) -> Vocabulary:
    if options.strict:
        return Vocabulary()
    diagram, issues = read(files)
    if issues:
        return Vocabulary()
    anything = ServiceTaskInfo(schema={"additionalProperties": True}, errors=())
    nodes = list(diagram.process.nodes)
    return Vocabulary(
        service_tasks={node.operator.handler: anything for node in nodes if node.operator is not None},
        roles=frozenset(node.lane for node in nodes),
        processes=frozenset(called) | {diagram.process.id},
    )


def _refused(issue: Issue) -> End:
    return End("refused", f"{issue.reason} {issue.hint}", issue.element, issue.rule)


def _told(name: str, end: End, issues: list[Issue] | None = None) -> dict[str, Any]:
    return {
        "process": name,
        "outcome": end.outcome,
        "rule": end.rule,
        "element": end.element,
        "reason": end.reason,
        "issues": [
            [issue.rule, issue.element, issue.name, issue.line, issue.reason, issue.hint] for issue in issues or ()
        ],
    }


def _played(files: dict[str, bytes], called: dict[str, dict[str, bytes]], options: Options) -> End:
    of = bundle(files, called)
    wanted = {process: called[process] for process in of.called}
    game = net(files, wanted)
    guesses = Guesses(_expressions([files, *wanted.values()]), _times([files, *wanted.values()]))
    scope = read(files)[0].process.scopes[of.process]
    starts = [node.id for node in scope.nodes.values() if node.kind == "startEvent"] or [""]
    until = time.monotonic() + options.seconds
    ends = [
        Driver(of, game, guesses, seed, starts[seed % len(starts)]).play(options.acts, until)
        for seed in range(max(options.runs, len(starts)))
    ]
    return min(ends, key=lambda end: ENDS.index(end.outcome))


def _times(definitions: list[dict[str, bytes]]) -> list[tuple[str, str]]:
    return [
        (event.timer, event.expression)
        for files in definitions
        for node in read(files)[0].process.nodes
        for event in node.events
        if event.kind == "timer" and event.timer and not calendar.is_literal(event.timer, event.expression)
    ]


def _expressions(definitions: list[dict[str, bytes]]) -> list[str]:
    found = []
    for files in definitions:
        diagram, _ = read(files)
        subject = Subject(diagram, diagram.process, Vocabulary())
        found += [text for _, text, _ in written(subject)]
        for node in diagram.process.nodes:
            found += [event.expression for event in node.events if event.expression and event.kind != "timer"]
            if node.kind == "scriptTask":
                found += [line.partition("=")[2] for line in node.script.splitlines()]
            if node.loop is not None and node.loop.input:
                found.append(f"len({node.loop.input})")
    return found
