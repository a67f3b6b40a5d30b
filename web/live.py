"""Server-sent events: pages follow what happens. One listening connection a process, one bounded queue a stream."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from uuid import UUID

from flask import Blueprint, Response, current_app, jsonify

from engine.runtime.changes import Listener, ListenerLost
from engine.store import Store
from web import access
from web.access import needs

pages = Blueprint("live", __name__)
_log = logging.getLogger(__name__)

#: streams of one process at most: each holds a thread of the server; who comes later polls
MOST_STREAMS = 24
_HEARTBEAT_SECONDS = 15.0
_RECONNECT_MILLISECONDS = 3000
#: changes that come close together are told once
_GATHER_SECONDS = 0.3
_AGAIN_AFTER_SECONDS = 5
#: a stream ends after this long and the page opens a new one, so that a sign-in that ended ends it, too
_LONGEST_SECONDS = 600.0


class Broadcast:
    """Fans out what one listener hears. The thread starts with the first stream: after the server has forked."""

    def __init__(self, house: Store) -> None:
        self._house = house
        self._streams: dict[int, queue.Queue[str]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def subscribe(self) -> queue.Queue[str] | None:
        """A queue of the ids of instances that moved; None where no stream is left."""
        mine: queue.Queue[str] = queue.Queue(maxsize=100)
        with self._lock:
            if len(self._streams) >= MOST_STREAMS:
                return None
            self._streams[id(mine)] = mine
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="changes", daemon=True)
                self._thread.start()
        return mine

    def leave(self, mine: queue.Queue[str]) -> None:
        """The stream has ended."""
        with self._lock:
            self._streams.pop(id(mine), None)

    @property
    def ended(self) -> bool:
        """Whether streams shall end."""
        return self._stopped.is_set()

    def end(self) -> None:
        """Have all streams end at once: their pages open new ones, at whoever answers then."""
        self._stopped.set()
        self.tell("")

    def close(self) -> None:
        """The same, and wait for the thread."""
        self.end()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def tell(self, instance: str) -> None:
        """Put the change into every stream; one that does not keep up has enough to make its page ask anew."""
        with self._lock:
            streams = list(self._streams.values())
        for each in streams:
            try:
                each.put_nowait(instance)
            except queue.Full:
                continue

    def _run(self) -> None:
        listener: Listener | None = None
        while not self._stopped.is_set():
            try:
                if listener is None:
                    listener = Listener(self._house)
                    self.tell("")  # what was told meanwhile was not heard: everybody looks again
                for instance in listener.heard(1.0):
                    self.tell(instance)
            except ListenerLost:
                _log.warning("The database does not answer; pages are told again once it does")
                listener = None
                self._stopped.wait(1.0)
        if listener is not None:
            listener.close()


@pages.get("/events/changes")
@needs("task.view")
def changes() -> Response:
    """Tells of every change of any instance."""
    return _stream(None)


@pages.get("/events/instances/<uuid:instance>")
@needs("instance.view")
def of_instance(instance: UUID) -> Response:
    """Tells of the changes of one instance."""
    return _stream(str(instance))


def broadcast() -> Broadcast:
    """The broadcast of this process."""
    made: Broadcast = current_app.extensions.setdefault("gatewright_broadcast", Broadcast(access.store()))
    return made


def _stream(wanted: str | None) -> Response:
    all_changes = broadcast()
    mine = all_changes.subscribe()
    if mine is None:
        busy: Response = jsonify(title="No stream is left.", detail="The page asks again by itself.", status=503)
        busy.status_code = 503
        busy.headers["Retry-After"] = str(_AGAIN_AFTER_SECONDS)
        return busy

    def events() -> Iterator[str]:
        try:
            yield f"retry: {_RECONNECT_MILLISECONDS}\n: open\n\n"
            yield from _told(all_changes, mine, wanted)
        finally:
            all_changes.leave(mine)

    response = Response(events(), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _told(all_changes: Broadcast, mine: queue.Queue[str], wanted: str | None) -> Iterator[str]:
    number, end = 0, time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < end and not all_changes.ended:
        try:
            heard = {mine.get(timeout=_HEARTBEAT_SECONDS)}
        except queue.Empty:
            yield ": still here\n\n"
            continue
        if all_changes.ended:
            return
        time.sleep(_GATHER_SECONDS)
        while not mine.empty():
            heard.add(mine.get_nowait())
        if wanted is None or wanted in heard or "" in heard:
            number += 1
            yield f"id: {number}\nevent: changed\ndata: {wanted or ''}\n\n"
