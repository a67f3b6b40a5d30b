"""Life cycles that go round for ever, one for each kind of thing that a loop may hold.

`python -m tests.bpmn.endless [PASSES] [KIND ...]` runs them in memory and prints what a pass costs early and late.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.bpmn import Bundle, Execution, Rest, bundle
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW

#: (what somebody does, at which element or with which message)
Act = tuple[str, str]

_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NUMBER = re.compile(rb"\d+")


@dataclass(frozen=True)
class Endless:
    """A process that counts its passes in the variable `n`, and what is done in each."""

    parts: tuple[str, ...]  #: between `Again` and `Round`
    acts: Callable[[int], list[Act]]
    variables: dict[str, Any] = field(default_factory=dict)
    declared: str = ""
    called: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def files(self, process: str = "p", lane: str = "", form: bytes = b"{}") -> dict[str, bytes]:
        """The definition; its user tasks lie in the lane."""
        given = [f"{name} = {value!r}" for name, value in {"n": 0, **self.variables}.items()]
        return drawn(
            process, lane, form, d.start(), d.script("Begin", *given), d.gateway("exclusive", "Again"),
            d.script("Count", "n = n + 1"), *self.parts, d.gateway("exclusive", "Round", "back"), d.end(),
            d.chain("Start", "Begin", "Again", "Count"), d.flow("Round", "End", "n < 0"),
            d.flow("Round", "Again", id="back"), declared=self.declared,
        )  # fmt: skip

    def provable(self, process: str, lane: str, form: bytes) -> dict[str, bytes]:
        """The definition as it can be published: a person says after each pass whether it goes on, no counter does."""
        drawing = self.files(process, "", form)["process.bpmn"].decode()
        drawing = drawing.replace("n &lt; 0", "last.stop == true").replace("n % 3 != 0", "last.both == true")
        drawing = drawing.replace("n = 0", "n = 0\nlast = {'stop': false, 'both': true}")
        drawing = drawing.replace('targetRef="Round"', 'targetRef="Last"')
        inside = drawing[drawing.index("<bpmn:startEvent") : drawing.index("</bpmn:process>")]
        return drawn(process, lane, form, inside, d.user("Last"), d.flow("Last", "Round"), declared=self.declared)

    def calls(self, lane: str = "", form: bytes = b"{}") -> dict[str, dict[str, bytes]]:
        """The definitions that it calls."""
        return {name: drawn(name, lane, form, *parts) for name, parts in self.called.items()}

    def bundle(self) -> Bundle:
        """The definition with what it calls."""
        return bundle(self.files(), self.calls())


def drawn(process: str, lane: str, form: bytes, *parts: str, declared: str = "") -> dict[str, bytes]:
    tasks = tuple(re.findall(r'<bpmn:userTask(?: isForCompensation="true")? id="(\w+)"', "".join(parts)))
    lanes = [d.lanes(**{lane: tasks})] if lane else []
    return d.files(process, *lanes, *parts, declared=declared, answer__form__json=form)


def answers(*elements: str) -> Callable[[int], list[Act]]:
    return lambda n: [("answer", element) for element in elements]


def chain(*ids: str) -> str:
    return d.chain("Count", *ids, "Round")


def block(kind: str, condition: str = "") -> tuple[str, ...]:
    return (
        d.gateway(kind, "F"), d.user("A"), d.user("B"), d.gateway(kind, "J"), d.flow("Count", "F"),
        d.flow("F", "A", condition and "true"), d.flow("F", "B", condition), 
        d.chain("A", "J", "Round"), d.flow("B", "J"),
    )  # fmt: skip


def inner(name: str, *parts: str) -> tuple[str, ...]:
    return (d.start(f"S{name}"), d.user(name), *parts, d.end(f"E{name}"), d.chain(f"S{name}", name, f"E{name}"))


SEVERAL = (
    '<bpmn:multiInstanceLoopCharacteristics isSequential="false"><bpmn:loopDataInputRef>items</bpmn:loopDataInputRef>'
    '<bpmn:inputDataItem id="item"/></bpmn:multiInstanceLoopCharacteristics>'
)
UNDO = d.undoing("A", "UndoA") + d.for_compensation(d.user("UndoA"))
PASSES = '<bpmn:standardLoopCharacteristics loopMaximum="2"/>'

KINDS: dict[str, Endless] = {
    "user task": Endless((d.user("A"), chain("A")), answers("A")),
    "timer": Endless((d.catch("T", d.timer("duration", "PT1H")), chain("T")), lambda n: [("fire", "T")]),
    "parallel block": Endless(block("parallel"), lambda n: [("answer", element) for element in ("AB", "BA")[n % 2]]),
    "inclusive block": Endless(
        block("inclusive", "n % 3 != 0"),
        lambda n: [("answer", element) for element in ("A", "AB", "BA")[n % 3]],
    ),
    "call activity": Endless((d.call("C", "called"), chain("C")), answers("A"), called={"called": inner("A")}),
    "subprocess with boundary timer": Endless(
        (d.sub("S", *inner("A")), d.boundary("Late", "S", d.timer("duration", "PT1H")), chain("S"),
         d.flow("Late", "Round")),
        lambda n: [("fire", "Late")] if n % 3 == 0 else [("answer", "A")],
    ),
    "boundary messages with ending side branches": Endless(
        (d.user("A"), d.boundary("M", "A", d.message("m"), False), d.script("Side", "side = 1"), d.end("E2"),
         chain("A"), d.chain("M", "Side", "E2")),
        lambda n: [*[("send", "m")] * (n % 3), ("answer", "A")],
        declared=d.declared("m"),
    ),
    "event-based gateway": Endless(
        (d.gateway("eventBased", "G"), d.catch("M", d.message("m")), d.catch("T", d.timer("duration", "PT1H")),
         d.flow("Count", "G"), d.chain("G", "M", "Round"), d.chain("G", "T", "Round")),
        lambda n: [("send", "m") if n % 2 else ("fire", "T")],
        declared=d.declared("m"),
    ),
    "multi-instance": Endless(
        (d.user("A", body=SEVERAL, max_instances="5", result="answer"), chain("A")),
        answers("A", "A", "A"), {"items": [1, 2, 3], "answer": {}},
    ),
    "standard loop": Endless((d.user("A", body=PASSES), chain("A")), answers("A", "A")),
    "compensation": Endless(
        (d.user("A"), UNDO, d.throw("T", d.compensate()), chain("A", "T")),
        answers("A", "UndoA"),
    ),
    "cancelled transaction": Endless(
        (d.transaction("X", d.start("SX"), d.sub("S", *inner("A", UNDO)),
                       d.end("Cancel", d.event("cancel")), d.chain("SX", "S", "Cancel")),
         d.boundary("Off", "X", d.event("cancel")), chain("X"), d.flow("Off", "Round")),
        answers("A", "UndoA"),
    ),
}  # fmt: skip


class Going:
    """One of them under way."""

    def __init__(self, kind: Endless) -> None:
        self.kind, self.of, self.n = kind, kind.bundle(), 0
        self.execution = Execution.start(self.of, {}, now=NOW)
        self.rest: Rest = self.execution.run(lambda call: None)

    def pass_once(self) -> None:
        """One pass, restored from its state behind it."""
        self.n += 1
        for what, where in self.kind.acts(self.n):
            self.act(what, where)
            self.rest = self.execution.run(lambda call: None)
            assert not self.rest.failures, self.rest.failures
        self.state = self.execution.state()
        self.execution = Execution.restore(self.of, self.state, now=NOW)

    def act(self, what: str, where: str) -> None:
        if what == "answer":
            task = next(task for task in self.rest.user_tasks if task.element == where)
            assert task.variables["n"] == self.n
            self.execution.complete_user_task(task.task_id, {"done": True})
        elif what == "fire":
            timer = next(timer for timer in self.rest.timers if timer.element == where)
            assert self.execution.fire_timer(timer.task_id, timer.due)
        else:
            assert self.execution.deliver_message(where, {})

    @property
    def size(self) -> int:
        """Bytes of the state, ids and numbers left out: a counter that grows a digit is no growth."""
        return len(_NUMBER.sub(b"0", _UUID.sub(b"", self.state)))

    @property
    def tokens(self) -> int:
        """How many tokens are kept, finished ones too."""
        return sum(len(scope.tasks) for scope in self.execution._instance.scopes())

    def calls(self) -> int:
        """How many functions of Python one more pass calls."""
        count = 0

        def called(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += event == "call"

        sys.setprofile(called)
        try:
            self.pass_once()
        finally:
            sys.setprofile(None)
        return count


def measured(going: Going, passes: int) -> Iterator[float]:
    """The CPU seconds of each pass."""
    for _ in range(passes):
        begun = time.process_time()
        going.pass_once()
        yield time.process_time() - begun


def main(passes: int = 100_000, *names: str) -> None:
    print(f"{passes:,} passes each: bytes of the state, tokens kept, ms CPU of the first and of the last 1,000 passes")
    for name in names or KINDS:
        going, window = Going(KINDS[name]), min(1_000, passes // 2)
        first = sum(measured(going, window)) / window * 1_000
        between = list(measured(going, passes - 2 * window))
        last = sum(measured(going, window)) / window * 1_000
        print(
            f"{name:44} {len(going.state):6} {going.tokens:4} {first:8.3f} {last:8.3f}  {last / first:.2f} times"
            f"  ({(sum(between) + (first + last) * window / 1_000):.0f} s)", flush=True
        )  # fmt: skip


if __name__ == "__main__":
    main(*(int(argument) if argument.isdigit() else argument for argument in sys.argv[1:]))  # type: ignore[arg-type]
