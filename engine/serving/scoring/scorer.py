"""One deployment's child, kept alive: started, asked, watched, and started again with back-off when it dies.

Where the compiled form serves, there is no child: it is walked where the request is answered.

A thread of its own talks to the child, because a scikit-learn model costs about a millisecond however few its rows are:
whatever waits when the child is free goes to it as one call, so that many small requests share that millisecond.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import GatewrightError
from engine.sandbox import Child, ModelCodeFailed, Predictions
from engine.serving.scoring.checks import Numbers
from engine.training.compiled import Compiled

#: Rows that one call to the child carries at most, unless a single request has more.
ROWS_PER_CALL = 2_000
#: Rows that may wait for one child; more are refused, since their callers would have left before the answer.
ROWS_WAITING = 20_000
#: Rows that a compiled form answers on the service's own thread; about 1 ms.
ROWS_AT_ONCE = 256
SCORE_SECONDS = 20.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
#: A child that lived this long is taken as sound: the next death starts the back-off anew.
SOUND_SECONDS = 60.0
LOOK_SECONDS = 0.5

logger = logging.getLogger(__name__)


class ScorerNotReady(GatewrightError):
    """{version} is deployed in {environment} but does not answer now: {detail}."""

    code = "scorer-not-ready"
    hint = "Send the request again shortly; it was neither scored nor logged."
    status = 503
    retry_after_seconds = 2


class ScorerBusy(GatewrightError):
    """{version} has {n_rows} rows waiting, as many as it may have."""

    code = "scorer-busy"
    hint = "Send the request again shortly, or fewer at a time; it was neither scored nor logged."
    status = 503
    retry_after_seconds = 1


class ScoringFailed(GatewrightError):
    """{version} could not score these rows: {cause}."""

    code = "scoring-failed"
    hint = "The rows fit the input schema, so this is the model's fault: tell its owner, with the rows."
    status = 500


@dataclass(slots=True, eq=False)
class _Waiting:
    columns: Mapping[str, Sequence[Any]]
    n_rows: int
    future: asyncio.Future[Predictions]
    loop: asyncio.AbstractEventLoop


class Scorer:
    """Scores rows by one child; `start` it, `await score(...)`, `stop` it."""

    def __init__(
        self,
        version: str,
        environment: str,
        start: Callable[[], Child | Compiled],
        observed: Callable[[str, str], None],
    ) -> None:
        """start: a new child, ready, or the compiled form, or the error that tells why not. observed: told each new
        state (starting, running, failing, stopped) and its detail, from the scorer's thread."""
        self.version, self.environment = version, environment
        self._start, self._observed = start, observed
        self._pid: int | None = None  #: of the child, while there is one
        self._compiled: Compiled | None = None  #: what is walked right here: it holds no code, so it needs no child
        self._ready_at = 0.0
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._n_waiting = 0
        self._state, self._detail = "waiting", "it was not started yet"
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"scorer {version} {environment}", daemon=True)

    @property
    def state(self) -> str:
        """waiting, starting, running, failing or stopped."""
        return self._state

    @property
    def detail(self) -> str:
        """Why it is in this state, where that needs words."""
        return self._detail

    @property
    def pid(self) -> int | None:
        """The child's process; None while there is none, as where the compiled form serves."""
        return self._pid

    def start(self) -> None:
        """Begin to start the child; returns at once."""
        self._thread.start()

    async def score(self, columns: Mapping[str, Sequence[Any]], n_rows: int) -> Predictions:
        """The model's predictions for rows that passed the input schema, in their order.

        columns: one per field of the input schema, always all of them, None where a row has no value.
        Raises ScorerNotReady, ScorerBusy or ScoringFailed; then nothing was scored.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(columns, n_rows, loop.create_future(), loop)
        with self._changed:
            if self._state != "running" or self._ending.is_set():
                raise self._not_ready()
            if self._n_waiting and self._n_waiting + n_rows > ROWS_WAITING:
                raise ScorerBusy(version=self.version, n_rows=self._n_waiting)
            self._queue.append(waiting)
            self._n_waiting += n_rows
            self._changed.notify()
        return await waiting.future

    async def score_rows(
        self, rows: Sequence[Mapping[str, Any]], fields: Sequence[str], numbers: Numbers
    ) -> Predictions:
        """As `score`, of rows as they came. fields: those of the input schema. numbers: what its check gave."""
        if self._compiled is not None:
            return await self._walk(self._compiled, rows, numbers)
        return await self.score({name: [row.get(name) for row in rows] for name in fields}, len(rows))

    async def _walk(self, compiled: Compiled, rows: Sequence[Mapping[str, Any]], numbers: Numbers) -> Predictions:
        """Few rows are answered at once, many in a thread, so that they hold nobody up."""
        if self._state != "running" or self._ending.is_set():
            raise self._not_ready()
        try:
            if len(rows) <= ROWS_AT_ONCE:
                return compiled.score_rows(rows, numbers)
            return await asyncio.to_thread(compiled.score_rows, rows, numbers)
        except (ValueError, TypeError, KeyError) as cause:
            raise ScoringFailed(version=self.version, cause=cause) from cause

    def stop(self) -> None:
        """Answer what waits, then close the child; returns at once."""
        with self._changed:
            self._ending.set()
            self._changed.notify()

    def join(self, timeout: float) -> bool:
        """Whether the child was closed within the time."""
        if self._thread.ident is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # --- the scorer's thread

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._ending.is_set():
            self._turn("starting", "")
            self._ready_at = time.monotonic()
            try:
                why = self._live()
            except GatewrightError as cause:
                why = cause.message
            except Exception as cause:
                logger.exception("The scorer of %s in %s failed", self.version, self.environment)
                why = f"{type(cause).__name__}: {cause}"
            if self._ending.is_set():
                break
            if time.monotonic() - self._ready_at > SOUND_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._turn("failing", f"{' '.join(why.split())[:500]} Started again in {pause:g} s.")
            self._fail_waiting()
            with self._changed:
                self._changed.wait_for(self._ending.is_set, timeout=pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._turn("stopped", "")
        self._fail_waiting()

    def _live(self) -> str:
        """Start it, serve until told to stop or until it dies; returns what it died of."""
        started = self._start()
        if isinstance(started, Compiled):
            self._compiled = started
            self._turn("running", "")
            self._ending.wait()
            return ""
        with started:
            self._pid = started.pid
            self._turn("running", "")
            try:
                return self._serve(started)
            finally:
                self._pid = None

    def _serve(self, child: Child) -> str:
        """Answer calls until told to stop or until the child dies; returns what it died of."""
        while True:
            group = self._next()
            if group is None:
                return ""
            if not group:
                if not child.alive:
                    return "The child died while it was idle."
                continue
            try:
                self._answer(child, group)
            except GatewrightError as cause:  # the child is gone: these rows were not scored
                self._resolve([(waiting, self._not_ready(cause.message)) for waiting in group])
                return cause.message

    def _answer(self, child: Child, group: Sequence[_Waiting]) -> None:
        try:
            together = child.score_columns(_joined(group), seconds=SCORE_SECONDS)
        except ModelCodeFailed as cause:
            if len(group) == 1:
                self._resolve([(group[0], ScoringFailed(version=self.version, cause=cause.message))])
                return
            # One request's rows must not fail those that happened to wait beside it.
            for waiting in group:
                self._answer(child, [waiting])
            return
        except GatewrightError as cause:
            if child.alive:  # too much memory for these rows, say: the child goes on
                self._resolve(
                    [(waiting, ScoringFailed(version=self.version, cause=cause.message)) for waiting in group]
                )
                return
            raise
        answers: list[tuple[_Waiting, Predictions | GatewrightError]] = []
        first = 0
        for waiting in group:
            answers.append((waiting, _part(together, first, first + waiting.n_rows)))
            first += waiting.n_rows
        self._resolve(answers)

    def _next(self) -> list[_Waiting] | None:
        """What waits, up to ROWS_PER_CALL; empty after a while of nothing; None when all is answered and it ends."""
        with self._changed:
            if not self._queue and not self._ending.is_set():
                self._changed.wait(LOOK_SECONDS)
            if not self._queue:
                return None if self._ending.is_set() else []
            group = [self._queue.popleft()]
            n_rows = group[0].n_rows
            while self._queue and n_rows + self._queue[0].n_rows <= ROWS_PER_CALL:
                group.append(self._queue.popleft())
                n_rows += group[-1].n_rows
            self._n_waiting -= n_rows
            return group

    def _fail_waiting(self) -> None:
        with self._changed:
            left, self._n_waiting = list(self._queue), 0
            self._queue.clear()
        self._resolve([(waiting, self._not_ready()) for waiting in left])

    def _turn(self, state: str, detail: str) -> None:
        with self._changed:
            self._state, self._detail = state, detail
            self._ready_at = time.monotonic() if state == "running" else self._ready_at
        self._observed(state, detail)

    def _not_ready(self, detail: str = "") -> ScorerNotReady:
        return ScorerNotReady(
            version=self.version, environment=self.environment, detail=detail or self._detail or self._state
        )

    def _resolve(self, answers: Sequence[tuple[_Waiting, Predictions | GatewrightError]]) -> None:
        if answers:
            answers[0][0].loop.call_soon_threadsafe(_set, answers)


def _set(answers: Sequence[tuple[_Waiting, Predictions | GatewrightError]]) -> None:
    for waiting, answer in answers:
        if waiting.future.done():  # the caller left
            continue
        if isinstance(answer, GatewrightError):
            waiting.future.set_exception(answer)
        else:
            waiting.future.set_result(answer)


def _joined(group: Sequence[_Waiting]) -> Mapping[str, Sequence[Any]]:
    if len(group) == 1:
        return group[0].columns
    return {name: [value for waiting in group for value in waiting.columns[name]] for name in group[0].columns}


def _part(together: Predictions, first: int, last: int) -> Predictions:
    if first == 0 and last == len(together):
        return together
    return Predictions(
        output=together.output,
        values=together.values[first:last],
        decisions=None if together.decisions is None else together.decisions[first:last],
        reasons=None if together.reasons is None else together.reasons[first:last],
    )
