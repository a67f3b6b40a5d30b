"""Process P in Gatewright with its service tasks as jobs, done by a worker process beside."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any
from uuid import UUID

from engine.runtime import changes, instances, worker
from engine.store import Store
from tests.benchmarks.engines.peers import serve
from tests.benchmarks.engines.peers.gatewright import OPEN_TASK, look, opened
from tests.runtime import worlds as w

FINISHED = "SELECT 1 FROM runtime.instances WHERE id = %(instance)s AND state = 'finished'"


def one(house: Store, moved: Moved) -> None:
    """Start a P, complete its task once the first job is done, and wait for the second."""
    instance = instances.start(house, w.ADA, "process_p_jobs", "credit")
    task = moved.until(house, OPEN_TASK, instance)
    instances.complete(house, w.BEN, task, {"decision": "approve"})
    moved.until(house, FINISHED, instance)


class Moved:
    """Tells a client that its instance moved, as a page is told."""

    def __init__(self, house: Store) -> None:
        self._waiting: dict[str, threading.Event] = {}
        self._listener = changes.Listener(house)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            for instance in self._listener.heard(60):
                if event := self._waiting.get(instance):
                    event.set()

    def until(self, house: Store, statement: str, instance: UUID) -> Any:
        """What the statement finds, asked whenever the instance moved; raises TimeoutError where it stands still."""
        event = self._waiting.setdefault(str(instance), threading.Event())
        for _ in range(50):
            event.clear()
            if found := look(house, statement, instance):
                del self._waiting[str(instance)]
                return found
            event.wait(1)
        raise TimeoutError(f"nothing moves {instance}")


def work() -> None:
    """The worker's process."""
    worker.run(opened("worker"), concurrency=8, stop=threading.Event())


if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work, daemon=True).start()
    ours = opened()
    told = Moved(ours)
    serve(lambda: one(ours, told))
