"""A scorer keeps a real sandbox child alive, shares its calls, and tells what it sees."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.sandbox import Child
from engine.serving.scoring import scorer as scorers
from engine.serving.scoring.scorer import Scorer, ScorerNotReady, ScoringFailed

PROGRAM = """
import os, time
CALLS = []

def start(options):
    if options.get("broken"):
        raise ValueError("the artefact is broken")
    return None

def describe(model, request):
    return {"output": "score", "columns": ["x"], "libraries": {}}

def score(model, request):
    time.sleep(0.02)
    CALLS.append(len(request["x"]))
    if -1 in request["x"]:
        raise ValueError("x is -1")
    if -9 in request["x"]:
        os._exit(9)
    if -8 in request["x"]:
        bytearray(1 << 40)
    if -7 in request["x"]:
        time.sleep(60)
    return {"values": [x / 100 for x in request["x"]], "decisions": [str(len(CALLS)) for _ in request["x"]]}
"""


@dataclass(frozen=True)
class Kind:
    """A kind whose model answers x / 100, and as its decision the number of the call."""

    name: str = "test"
    program: str = PROGRAM


@dataclass
class Watched:
    """A scorer, and what it told."""

    scorer: Scorer
    seen: list[tuple[str, str]] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)

    def until(self, state: str, within: float = 15.0) -> None:
        ends = time.monotonic() + within
        while self.scorer.state != state:
            assert time.monotonic() < ends, f"still {self.scorer.state}: {self.scorer.detail}"
            time.sleep(0.01)


@pytest.fixture
def make() -> Iterator[Callable[..., Watched]]:
    """Make a started scorer; all are stopped after the test."""
    made: list[Watched] = []

    def start(**options: Any) -> Watched:
        def start_child() -> Child:
            child = Child.start(b"", Kind(), columns=["x"], options=options)
            watched.children.append(child)
            return child

        watched = Watched(Scorer("credit@1", "test", start_child, lambda *told: watched.seen.append(told)))
        made.append(watched)
        watched.scorer.start()
        return watched

    yield start
    for each in made:
        each.scorer.stop()
        assert each.scorer.join(10)


async def _all(scorer: Scorer, *requests: list[int]) -> list[Any]:
    return await asyncio.gather(*(scorer.score({"x": xs}, len(xs)) for xs in requests), return_exceptions=True)


def score(watched: Watched, *requests: list[int]) -> list[Any]:
    return asyncio.run(_all(watched.scorer, *requests))


def test_requests_that_wait_together_share_a_call_and_each_gets_its_own(make: Callable[..., Watched]) -> None:
    watched = make()
    watched.until("running")
    answers = score(watched, *([n, n + 1] for n in range(40)))
    assert [list(answer.values) for answer in answers] == [[n / 100, (n + 1) / 100] for n in range(40)]
    assert max(int(answer.decisions[0]) for answer in answers) <= 3  # calls to the child, for 40 requests


def test_rows_on_which_the_model_fails_fail_alone(make: Callable[..., Watched]) -> None:
    watched = make()
    watched.until("running")
    _, good, bad, other = score(watched, [1], [2], [-1], [3])
    assert (list(good.values), list(other.values)) == ([0.02], [0.03])
    assert isinstance(bad, ScoringFailed)
    assert "x is -1" in str(bad)
    assert watched.scorer.state == "running"


def test_r25_a_child_that_dies_is_started_again_and_told_of(make: Callable[..., Watched]) -> None:
    watched = make()
    watched.until("running")
    (answer,) = score(watched, [-9])
    assert isinstance(answer, ScorerNotReady)
    watched.until("failing")
    watched.until("running")
    assert [list(answer.values) for answer in score(watched, [5])] == [[0.05]]
    assert [state for state, _ in watched.seen] == ["starting", "running", "failing", "starting", "running"]
    assert "exit code 9" in watched.seen[2][1]


def test_r25_a_model_that_eats_memory_fails_those_rows_and_goes_on(make: Callable[..., Watched]) -> None:
    watched = make()
    watched.until("running")
    (answer,) = score(watched, [-8])
    assert isinstance(answer, ScoringFailed)
    assert "4096 MB" in str(answer)
    assert [list(answer.values) for answer in score(watched, [5])] == [[0.05]]
    assert len(watched.children) == 1


def test_r25_a_model_that_hangs_is_ended_and_started_again(
    make: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorers, "SCORE_SECONDS", 0.3)
    watched = make()
    watched.until("running")
    (answer,) = score(watched, [-7])
    assert isinstance(answer, ScorerNotReady)
    watched.until("failing")
    assert "0.3 wall seconds" in watched.seen[-1][1]
    monkeypatch.undo()
    watched.until("running")
    assert [list(answer.values) for answer in score(watched, [5])] == [[0.05]]


def test_a_child_killed_while_idle_is_noticed(make: Callable[..., Watched]) -> None:
    watched = make()
    watched.until("running")
    os.kill(watched.children[0].pid, signal.SIGKILL)
    watched.until("failing")
    watched.until("running")
    assert len(watched.children) == 2


def test_a_child_that_cannot_start_is_tried_again_ever_more_slowly(make: Callable[..., Watched]) -> None:
    watched = make(broken=True)
    watched.until("failing")
    assert "the artefact is broken" in watched.scorer.detail
    (answer,) = score(watched, [1])
    assert isinstance(answer, ScorerNotReady)
    assert answer.status == 503
    ends = time.monotonic() + 15
    while len(watched.seen) < 6 and time.monotonic() < ends:
        time.sleep(0.05)
    pauses = [detail.rsplit("in ", 1)[1] for state, detail in watched.seen if state == "failing"]
    assert pauses[:3] == ["0.5 s.", "1 s.", "2 s."]


def test_what_waits_at_the_end_is_answered(make: Callable[..., Watched]) -> None:
    watched = make()
    watched.until("running")

    async def stop_while_asking() -> list[Any]:
        asking = asyncio.create_task(_all(watched.scorer, *([n] for n in range(10))))
        await asyncio.sleep(0.005)
        watched.scorer.stop()
        return await asking

    assert [list(answer.values) for answer in asyncio.run(stop_while_asking())] == [[n / 100] for n in range(10)]
    watched.until("stopped")
    assert not watched.children[0].alive
    (late,) = score(watched, [1])
    assert isinstance(late, ScorerNotReady)


def test_a_crowd_is_refused_before_it_waits_in_vain(
    make: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorers, "ROWS_WAITING", 5)
    watched = make()
    watched.until("running")
    answers = score(watched, *([n] for n in range(20)))
    refused = [answer for answer in answers if isinstance(answer, scorers.ScorerBusy)]
    assert 10 <= len(refused) <= 15
