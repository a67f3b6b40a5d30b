"""What is fuzzed: whatever the bytes, each of these comes back with a value or with an error of ours that names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from engine import bpmn, handlers, identity
from engine.bpmn import calendar
from engine.bpmn.expressions import ExpressionError, assignments, evaluate, execute
from engine.errors import GatewrightError
from engine.runtime import forms, patterns, registry
from tests.bpmn import drawing as d

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
VARIABLES = {"n": 4, "m": {"a": {"b": 5}}, "xs": [1, 2, 3], "name": "ada", "nothing": None, "yes": True}
_WORK = {"type": "object", "properties": {"word": {"type": "string"}}}
_SHIPPED = Path(__file__).parents[2] / "processes"
_STRAIGHT = d.xml("p", d.start(), d.rule("Rule", "x"), d.end(), d.chain("Start", "Rule", "End"))


@cache
def vocabulary() -> bpmn.Vocabulary:
    """What the house knows, and the handlers of the seeds."""
    handlers.load()
    known = registry.vocabulary(frozenset(identity.ROLES))
    ours = {
        name: bpmn.ServiceTaskInfo(kind="transactional", schema=_WORK, errors=("no_luck",))
        for name in ("work", "note_for_tests")
    }
    return replace(known, service_tasks={**known.service_tasks, **ours})


@cache
def beside() -> dict[str, bytes]:
    """The forms and decision tables that the seeds name."""
    shipped = {file.name: file.read_bytes() for kind in ("form.json", "dmn") for file in _SHIPPED.glob(f"*/*.{kind}")}
    return {"answer.form.json": b'{"schema": {}}', **shipped}


#: acts of one run of a diagram that was accepted
_MOVES = 12


def diagram(content: bytes) -> None:
    """A process file: read, checked, and run a little where it is accepted."""
    files = {**beside(), "process.bpmn": content}
    issues = bpmn.check(files, vocabulary())
    assert all(issue.reason for issue in issues)
    assert not [issue for issue in issues if "The check itself failed" in issue.reason], issues
    if any(issue.severity == "error" for issue in issues):
        return
    bpmn.describe(files)
    try:
        bundle = bpmn.bundle(files)
    except (bpmn.NotExecutable, bpmn.CallMissing, bpmn.CallCycle):
        return
    _run(bundle)


def _run(bundle: bpmn.Bundle) -> None:
    """Let whatever it waits for happen, restored from its bytes before each act."""
    try:
        execution = bpmn.Execution.start(bundle, {"n": 1}, now=NOW)
    except GatewrightError:
        return
    for _ in range(_MOVES):
        rest = execution.run(lambda call: {}, limit=50, now=NOW)
        execution = bpmn.Execution.restore(bundle, execution.state(), now=NOW)
        assert execution.state() == bpmn.Execution.restore(bundle, execution.state(), now=NOW).state()
        if rest.finished:
            return
        if rest.user_tasks:
            execution.complete_user_task(rest.user_tasks[0].task_id, {"decision": "approve"})
        elif rest.timers:
            execution.fire_timer(rest.timers[0].task_id, at=rest.timers[0].due)
        elif rest.messages:
            execution.deliver_message(rest.messages[0].name, {"said": 1})
        elif not rest.more:
            return


def decision(content: bytes) -> None:
    """A decision table beside a process that asks it."""
    files = {"process.bpmn": _STRAIGHT, "x.dmn": content}
    issues = bpmn.check(files, vocabulary())
    assert not [issue for issue in issues if "The check itself failed" in issue.reason], issues
    if not any(issue.severity == "error" for issue in issues):
        bpmn.Execution.start(bpmn.bundle(files), {**VARIABLES}, now=NOW).run(lambda call: {}, now=NOW)


def expression(text: str) -> None:
    """An expression gives a value that is kept as it is, or an ExpressionError."""
    try:
        value = evaluate(text, VARIABLES)
    except ExpressionError as error:
        _told(error)
    else:
        _kept(value)


def script(text: str) -> None:
    """A script likewise, and it changes nothing that it was given."""
    before = json.dumps(VARIABLES)
    try:
        assignments(text)
        _kept(execute(text, VARIABLES))
    except ExpressionError as error:
        _told(error)
    assert json.dumps(VARIABLES) == before


def _told(refusal: Exception) -> None:
    assert str(refusal)


def _kept(value: Any) -> None:
    written = orjson.dumps(value)
    assert orjson.loads(written) == value
    assert b"\\u0000" not in written.replace(b"\\\\", b"")


def form(content: bytes) -> None:
    """A form and an answer, parted by a line of its own."""
    schema, _, answer = content.partition(b"\n--\n")
    try:
        read = forms.read("f.form.json", schema)
        found = forms.check(read, _json(answer))
        _kept(found)
        assert forms.check(read, found) == found
        forms.assumed(read)
        assert read.fields is not None
    except (forms.FormUnreadable, forms.AnswerRefused) as refusal:
        _told(refusal)


def _json(text: bytes) -> Any:
    """The answer; an object where it is no JSON, which is told before a form is asked."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {}


def pattern(text: str) -> None:
    """A pattern of a form and a text, parted by a line break."""
    pattern, _, sample = text.partition("\n")
    try:
        assert patterns.Pattern(pattern).found_in(sample[:1_000]) in (True, False)
    except patterns.PatternRefused as reason:
        _told(reason)


def timing(text: str) -> None:
    """A timer's text under each of the three readings: due after now, or no time."""
    for kind in ("duration", "date", "cycle"):
        try:
            armed = calendar.arm(kind, text, NOW, "Europe/Berlin")
            assert armed.due.tzinfo is not None
            later = armed.after(armed.due)
            assert later is None or later.due > armed.due
        except calendar.NotATime as refusal:
            _told(refusal)


def _of_bytes(act: Callable[[str], None]) -> Callable[[bytes], None]:
    def decoded(content: bytes) -> None:
        act(content.decode("utf-8", "surrogatepass" if b"\xed" not in content else "replace"))

    def safe(content: bytes) -> None:
        try:
            decoded(content)
        except UnicodeDecodeError:
            act(content.decode("latin-1"))

    return safe


#: name -> act on bytes
TARGETS: dict[str, Callable[[bytes], None]] = {
    "diagram": diagram,
    "decision": decision,
    "expression": _of_bytes(expression),
    "script": _of_bytes(script),
    "form": form,
    "pattern": _of_bytes(pattern),
    "timing": _of_bytes(timing),
}
