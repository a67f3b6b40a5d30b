"""Holds code that runs inside a transaction to our own database: no commit, no network, no child process.

Enforced by Python's audit hooks and the engine's events, not by trust; psycopg speaks to the server in C and goes on
working. Threads are refused too, since nothing that they do would be seen; Python tells of them from 3.12 on, before
that the two functions of C that begin one are wrapped. Not seen: work handed to a thread that ran before, and a library
that reaches outside in C. Measured: the hook costs below a microsecond an event outside of a guarded block.
"""

from __future__ import annotations

import _posixsubprocess
import _thread
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.runtime import deadlines
from engine.store.sessions import connect_now

_guarded: ContextVar[str | None] = ContextVar("guarded", default=None)

_REFUSED = frozenset(
    {
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendto",
        "socket.sendmsg",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "_thread.start_new_thread",
        "_thread.start_joinable_thread",
    }
)


_ENDS = re.compile(r"\s*(COMMIT|END|ABORT|BEGIN|PREPARE\s+TRANSACTION|ROLLBACK(?!\s+TO))\b", re.IGNORECASE)

_ENDINGS = ("commit", "rollback", "close", "invalidate", "reset")


class LeftTheTransaction(GatewrightError):
    """{who} tried to {what} inside a transaction."""

    code = "left-the-transaction"
    hint = "Make it a job handler: work that is long or leaves the database belongs into `run`."
    status = 500


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    if name in _REFUSED and (who := _guarded.get()):
        raise LeftTheTransaction(who=who, what=f"reach outside ({name})")


sys.addaudithook(_hook)


def _told(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which tells the audit hooks that it is called."""

    def telling(*given: Any, **named: Any) -> Any:
        sys.audit(name)
        return function(*given, **named)

    return telling


if sys.version_info < (3, 12):
    _thread.start_new_thread = _thread.start_new = _told("_thread.start_new_thread", _thread.start_new_thread)
    threading._start_new_thread = _thread.start_new_thread  # type: ignore[attr-defined]
# multiprocessing begins its children by this one, of which Python tells nobody in any version.
_posixsubprocess.fork_exec = _told("os.posix_spawn", _posixsubprocess.fork_exec)


@event.listens_for(Engine, "commit")
def _refuse_commit(connection: Any) -> None:
    if who := _guarded.get():
        raise LeftTheTransaction(who=who, what="commit")


@event.listens_for(Engine, "rollback")
def _refuse_rollback(connection: Any) -> None:
    if who := _guarded.get():
        raise LeftTheTransaction(who=who, what="roll back")


@event.listens_for(Engine, "engine_connect")
def _refuse_connection(connection: Any) -> None:
    if who := _guarded.get():
        raise LeftTheTransaction(who=who, what="open another")


@event.listens_for(Engine, "before_cursor_execute")
def _refuse_control(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    if (who := _guarded.get()) and _ENDS.match(statement):
        raise LeftTheTransaction(who=who, what="end it by SQL")


@contextmanager
def inside_transaction(who: str, session: Session) -> Iterator[None]:
    """What runs in this block stays on the session, which cannot end; else LeftTheTransaction is raised.

    It has INSIDE_SECONDS, and cannot end the process either: see `deadlines`.
    """

    def refuse() -> None:
        raise LeftTheTransaction(who=who, what="end it")

    connect_now(session)  # before: the block itself may open none
    with deadlines.surviving(who), deadlines.within(who):
        token = _guarded.set(who)
        # On the session itself: refused at the connection alone, a half-ended session could do nothing any more.
        for name in _ENDINGS:
            setattr(session, name, refuse)
        try:
            yield
        finally:
            for name in _ENDINGS:
                delattr(session, name)
            _guarded.reset(token)
