"""Handlers that do not come back: ended where Python lets us, given up where it does not.

A job's attempt runs in a thread of its own and is given up at its limit: the thread cannot be ended, but its worker
goes on and what it returns later is dropped. Inside a transaction the limit is short, since the instance's row is
locked: the handler gets an exception at its next step of Python. One that hangs in C gets it when it comes back; until
then PostgreSQL ends its session after 30 s (`idle_in_transaction_session_timeout`), so that the instance is free.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any

from engine.errors import GatewrightError

#: seconds that one piece of code may take inside a transaction; idle for 30 s, PostgreSQL ends the session
INSIDE_SECONDS = 25.0
_LOOK_SECONDS = 0.25


class TookTooLong(GatewrightError):
    """{who} did not come back within {seconds} s."""

    code = "handler-timeout"
    hint = "See why it hangs; work that takes long is a job, whose limit its registration sets, then retry."
    status = 500


class TriedToEnd(GatewrightError):
    """{who} tried to end the process it ran in ({how})."""

    code = "handler-tried-to-end"
    hint = "Let it raise an ordinary exception: many other life cycles run in the same process."
    status = 500


@contextmanager
def surviving(who: str, *, spared: tuple[type[BaseException], ...] = (KeyboardInterrupt,)) -> Iterator[None]:
    """What would end more than the step (`sys.exit()`, a cancelled task) leaves the block as TriedToEnd.

    spared: leave it as they are; in a person's own process Ctrl-C is no act of the handler.
    """
    try:
        yield
    except BaseException as end:
        if isinstance(end, (Exception, *spared)):
            raise
        raise TriedToEnd(who=who, how=type(end).__name__) from end


def attempt(who: str, seconds: float, act: Callable[[], Any]) -> Any:
    """What `act` returns in a thread of its own; raises what it raises, or TookTooLong once the time is over."""
    try:
        runner = _idle.pop()
    except IndexError:
        runner = _Runner()
    found = runner.run(who, act)
    if not found.ended.wait(seconds):
        runner.end()
        raise TookTooLong(who=who, seconds=f"{seconds:g}")
    _idle.append(runner)
    if found.failure is not None:
        raise found.failure
    return found.value


class _Found:
    """What became of an attempt."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.value: Any = None
        self.failure: Exception | None = None


class _Runner:
    """A thread that makes one attempt after another; to begin one each time costs a tenth of a short job."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[tuple[Context, str, Callable[[], Any], _Found] | None] = SimpleQueue()
        threading.Thread(target=self._go_on, name="job", daemon=True).start()

    def run(self, who: str, act: Callable[[], Any]) -> _Found:
        found = _Found()
        self._asked.put((copy_context(), who, act, found))
        return found

    def end(self) -> None:
        """Let the thread go once it comes back."""
        self._asked.put(None)

    def _go_on(self) -> None:
        while asked := self._asked.get():
            context, who, act, found = asked
            context.run(_into, found, who, act)
            del asked, context, act, found  # an idle thread keeps nothing of a job alive


def _into(found: _Found, who: str, act: Callable[[], Any]) -> None:
    try:
        with surviving(who, spared=()):
            found.value = act()
    except Exception as failure:
        found.failure = failure
    found.ended.set()


#: runners between two attempts, no more than attempts that were made at a time
_idle: list[_Runner] = []


class _Over(BaseException):
    """Raised in a thread whose time is over; no `except Exception` of a handler's keeps it."""


class _Block:
    """One block under watch."""

    def __init__(self, seconds: float) -> None:
        self.thread = threading.get_ident()
        self.ends = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.open, self.fired = True, False

    def look(self) -> None:
        """Raise _Over in its thread where its time is over; again after a while where that was swallowed."""
        with self.lock:
            if self.open and self.ends < time.monotonic():
                self.fired, self.ends = True, time.monotonic() + INSIDE_SECONDS
                _raise_in(self.thread, _Over)

    def close(self) -> None:
        """Its thread leaves it: what is on its way is taken back, so that it meets nothing outside of the block."""
        with self.lock:
            self.open = False
            if self.fired:
                _raise_in(self.thread, None)


class _Watch:
    """One thread a process, awake while there are blocks and a moment longer."""

    def __init__(self) -> None:
        self._blocks: set[_Block] = set()
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, block: _Block) -> None:
        with self._lock:
            self._blocks.add(block)
            if not self._some.is_set():  # to wake the thread for each block costs more than most blocks
                self._some.set()
            if self._thread is None or not self._thread.is_alive():  # a forked process has none
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()

    def remove(self, block: _Block) -> None:
        with self._lock:
            self._blocks.discard(block)

    def _run(self) -> None:
        while True:
            self._some.wait()
            time.sleep(_LOOK_SECONDS)
            with self._lock:
                blocks = list(self._blocks)
                if not blocks:
                    self._some.clear()
            for block in blocks:
                block.look()


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    what = ctypes.py_object(kind) if kind is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)


_watch = _Watch()


@contextmanager
def within(who: str) -> Iterator[None]:
    """A block that has INSIDE_SECONDS; then TookTooLong leaves it, at the next step of Python in this thread."""
    block = _Block(INSIDE_SECONDS)
    _watch.add(block)
    try:
        try:
            yield
        finally:
            block.close()
            _watch.remove(block)
    except _Over:
        raise TookTooLong(who=who, seconds=f"{INSIDE_SECONDS:g}") from None
