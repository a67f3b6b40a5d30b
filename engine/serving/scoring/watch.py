"""The service's eye on the wish: starts what shall run, stops what shall not, and writes down what it sees.

One cheap statement every half second on a partial index (0.2 ms); a LISTEN would save it, at the price of a NOTIFY in
every deployment's transaction, and half a second is nothing beside the start of a child.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from engine.errors import GatewrightError
from engine.inferences.partitions import ensure_partitions
from engine.sandbox import Child
from engine.serving import deployments, queries, targets, usage
from engine.serving.deployment import Deployment
from engine.serving.queries import Active
from engine.serving.scoring import versions
from engine.serving.scoring.directory import Directory, Endpoint
from engine.serving.scoring.scorer import Scorer
from engine.store import Store, now, transaction
from engine.training.compiled import Compiled

LOOK_SECONDS = 0.5
SHORTEST_SECONDS = 0.05
PARTITIONS_SECONDS = 3600.0
CLOSE_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Watch:
    """Keeps `directory` equal to what the database asks for, on a thread of its own."""

    def __init__(self, store: Store) -> None:
        self.directory = Directory()
        self._store = store
        self._endpoints: dict[UUID, Endpoint] = {}
        self._closing: dict[UUID, Endpoint] = {}
        self._seen: list[tuple[UUID, str, str]] = []
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._asked = False
        self._begun = self._done = 0  # looks
        self._partitions_at = 0.0
        self._sampler, self._sampled_at = usage.Sampler(), 0.0
        self._away = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Look for the first time, then keep looking; raises what the first look raises."""
        self._look()
        self._thread.start()

    async def refresh(self, timeout: float = 2.0) -> None:
        """Return when the database was read after this call: what was committed before it is followed now.

        Polled, so that a crowd that waits takes neither threads nor looks of its own.
        """
        with self._changed:
            wanted = self._begun + 1
            self._asked = True
            self._changed.notify_all()
        ends = time.monotonic() + timeout
        while self._done < wanted and not self._ending.is_set() and time.monotonic() < ends:
            await asyncio.sleep(0.01)

    def stop(self) -> None:
        """Close every child and write down that nothing runs here any more."""
        self._ending.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        for endpoint in self._endpoints.values():
            endpoint.scorer.stop()
        ends = time.monotonic() + CLOSE_SECONDS
        for endpoint in (*self._endpoints.values(), *self._closing.values()):
            if not endpoint.scorer.join(max(0.0, ends - time.monotonic())):
                logger.error("The child of %s did not end in time; it dies with us.", endpoint.deployment.reference)
        try:
            self._write_seen()
        except (SQLAlchemyError, GatewrightError) as cause:
            logger.error("The last states of the deployments could not be written: %s", cause)

    def _run(self) -> None:
        while not self._ending.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._seen or self._asked or self._ending.is_set(), LOOK_SECONDS)
            # However often strangers ask for models that are not here, the database is asked 20 times a second at most.
            if self._ending.wait(SHORTEST_SECONDS):
                return
            try:
                self._look()
                self._away = False
            except (SQLAlchemyError, GatewrightError) as cause:
                # What runs goes on running; the wish is read again in half a second.
                if not self._away:
                    logger.warning("The database cannot be read; deployments stay as they are. %s", cause)
                self._away = True
                self._ending.wait(LOOK_SECONDS)

    def _look(self) -> None:
        with self._changed:
            self._begun, self._asked = self._begun + 1, False
            begun = self._begun
        self._write_seen()
        self._sample()
        with transaction(self._store) as session:
            if time.monotonic() - self._partitions_at > PARTITIONS_SECONDS or not self._partitions_at:
                ensure_partitions(session, now(session))
                self._partitions_at = time.monotonic()
            wanted = queries.active(session, *targets.served())
            for each in wanted:
                ended = each.deployment.desired == "stopped" and each.deployment.target not in targets.outside()
                if ended and not self._runs(each.deployment.id):
                    deployments.observed(session, each.deployment.id, "stopped")
        self._follow([each for each in wanted if each.deployment.desired == "running"])
        self._done = begun

    def _sample(self) -> None:
        """Write down what the children use, every ten seconds."""
        if time.monotonic() - self._sampled_at < usage.SAMPLE_SECONDS:
            return
        self._sampled_at = time.monotonic()
        children = [(id, pid) for id, each in self._endpoints.items() if (pid := each.scorer.pid) is not None]
        if samples := self._sampler.look(children):
            with transaction(self._store) as session:
                usage.add(session, samples, now(session))

    def _runs(self, id: UUID) -> bool:
        self._closing = {id: each for id, each in self._closing.items() if not each.scorer.join(0)}
        return id in self._endpoints or id in self._closing

    def _follow(self, wanted: Sequence[Active]) -> None:
        keep = {each.deployment.id for each in wanted}
        started = []
        for each in wanted:
            if each.deployment.id not in self._endpoints:
                started.append(self._endpoint(each))
                self._endpoints[each.deployment.id] = started[-1]
        gone = [self._endpoints.pop(id) for id in list(self._endpoints) if id not in keep]
        routes: dict[str, dict[str, list[tuple[Endpoint, int]]]] = {}
        for each in sorted(wanted, key=lambda each: each.position):
            if each.weight:
                place = routes.setdefault(each.deployment.model, {}).setdefault(each.deployment.environment, [])
                place.append((self._endpoints[each.deployment.id], each.weight))
        # First nobody is sent to the old ones any more, then they answer what they have and close.
        self.directory = Directory(endpoints=dict(self._endpoints), routes=routes)
        for endpoint in gone:
            self._closing[endpoint.deployment.id] = endpoint
            endpoint.scorer.stop()
        for endpoint in started:
            endpoint.scorer.start()

    def _endpoint(self, active: Active) -> Endpoint:
        deployment = active.deployment

        def start() -> Child | Compiled:
            endpoint.version, started = versions.start(self._store, deployment, active.settings)
            return started

        scorer = Scorer(deployment.reference, deployment.environment, start, self._observer(deployment))
        endpoint = Endpoint(deployment=deployment, scorer=scorer, durable=bool(active.settings.get("durable", False)))
        return endpoint

    def _observer(self, deployment: Deployment) -> Callable[[str, str], None]:
        def observed(state: str, detail: str) -> None:
            if state == "stopped" and self._ending.is_set():
                state, detail = "waiting", "The scoring service ended; it starts again with the service."
            elif state == "stopped" and deployment.target in targets.outside():
                return  # a worker asks the target, which knows whether the rest is gone, too
            with self._changed:
                self._seen.append((deployment.id, state, detail))
                self._changed.notify_all()

        return observed

    def _write_seen(self) -> None:
        with self._changed:
            seen = list(self._seen)
        if seen:
            with transaction(self._store) as session:
                for id, state, detail in seen:
                    deployments.observed(session, id, state, detail)
            with self._changed:
                del self._seen[: len(seen)]
