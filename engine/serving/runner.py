"""Runs what no caller waits for: scores batches, logs their rows, takes dropped files, looks after foreign targets.

One thread in every worker. Several do no harm: a batch is claimed, a part is logged under its row's lock, a dropped
file is one batch by its key. A runner may be killed at any moment; what it had in hand is done by the next one, once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from engine.errors import GatewrightError
from engine.inferences import log
from engine.inferences.counts import References
from engine.inferences.outcomes import Manners
from engine.serving import batch_rows, batches, deployments, drops, exchange, queries, targets
from engine.serving.batch import Owed
from engine.serving.deployment import Deployment
from engine.store import Store, transaction
from engine.telemetry import pulse

PULSE = "runner"
LOOK_SECONDS = 1.0
#: How often targets of others are asked how their deployments are.
OBSERVE_SECONDS = 30.0

logger = logging.getLogger(__name__)


class Runner:
    """A thread that looks for work; `start` it, `stop` it, or call `look` by hand."""

    def __init__(
        self, store: Store, *, claim_seconds: float = batches.CLAIM_SECONDS, quiet_seconds: float = drops.QUIET_SECONDS
    ) -> None:
        self._store, self._claim_seconds, self._quiet_seconds = store, claim_seconds, quiet_seconds
        self._manners = Manners(References(store.files))
        self._ending = threading.Event()
        self._observed_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name=PULSE, daemon=True)

    def start(self) -> None:
        """Begin to look for work; returns at once."""
        self._thread.start()

    def stop(self, timeout: float = 20.0) -> bool:
        """Whether the thread ended within the time; a batch in hand is left to the next runner."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def look(self) -> int:
        """Do what is to be done now; returns how much it was."""
        pulse.beat(PULSE)
        self._observe()
        n = drops.take(self._store, self._quiet_seconds)
        n += self._each(self._score) + self._each(self._log)
        return n + drops.put_aside(self._store)

    def _run(self) -> None:
        away = False
        while not self._ending.is_set():
            try:
                n = self.look()
                away = False
            except (SQLAlchemyError, GatewrightError) as cause:
                if not away:
                    logger.warning("The runner cannot work; it tries again. %s", cause)
                n, away = 0, True
            except Exception:
                logger.exception("The runner met something that it did not foresee; it goes on")
                n = 0
            if not n:
                self._ending.wait(LOOK_SECONDS)

    def _each(self, act: Callable[[], bool]) -> int:
        n = 0
        while not self._ending.is_set() and act():
            n += 1
        return n

    # --- batches

    def _score(self) -> bool:
        with transaction(self._store) as session:
            owed = batches.claim(session, self._claim_seconds)
        if owed is None:
            return False
        try:
            with transaction(self._store) as session:
                deployments.refuse_retired(session, owed.batch.model)
            found = batch_rows.score(
                batch_rows.Worker(files=self._store.files, settings=self._store.settings),
                owed.deployment,
                owed.settings,
                source=owed.batch.source,
                name=owed.batch.name,
                id=owed.batch.id,
                at=owed.batch.requested_at,
                heard=self._renewing(owed),
            )
        except _Lost:
            with transaction(self._store) as session:
                batches.release(session, owed.batch)
            return True
        except Exception as failure:
            logger.info("The batch %s of %s failed: %s", owed.batch.id, owed.batch.reference, failure)
            with transaction(self._store) as session:
                batches.put_off(session, owed.batch, failure)
            return True
        with transaction(self._store) as session:
            batches.scored(session, owed.batch, found)
        return True

    def _renewing(self, owed: Owed) -> Callable[[int], None]:
        renewed = time.monotonic()

        def heard(rows: int) -> None:
            nonlocal renewed
            pulse.beat(PULSE)
            if self._ending.is_set():
                raise _Lost
            if time.monotonic() - renewed > self._claim_seconds / 4:
                renewed = time.monotonic()
                with transaction(self._store) as session:
                    if not batches.renew(session, owed.batch, self._claim_seconds):
                        raise _Lost

        return heard

    def _log(self) -> bool:
        """Write the next scored batch into the inference log, a part in each transaction; whether there was one."""
        with transaction(self._store) as session:
            batch = batches.to_log(session)
            if batch is None:
                return False
            inputs = queries.deployment(session, batch.deployment).inputs
        try:
            for part, answered in batch_rows.answered(self._store.files, batch, inputs["input_schema"]):
                with transaction(self._store) as session:
                    if not batches.logged(session, batch.id, part):
                        return True  # another runner logs it as well, and was quicker
                    log.write(session, self._manners, [answered])
                pulse.beat(PULSE)
            if batch.place and batch.result is not None:
                exchange.write(exchange.inside(self._store.settings, batch.place), self._store.files.read(batch.result))
        except (GatewrightError, OSError) as failure:
            logger.warning("The batch %s of %s is scored and not done: %s", batch.id, batch.reference, failure)
            with transaction(self._store) as session:
                batches.wait(session, batch.id, failure)
            return True
        with transaction(self._store) as session:
            batches.done(session, batch.id)
        return True

    # --- targets of others

    def _observe(self) -> None:
        """Ask the targets how their deployments are, but for what our own scoring service alone runs and tells of."""
        if time.monotonic() - self._observed_at < OBSERVE_SECONDS:
            return
        self._observed_at = time.monotonic()
        for name in sorted((set(targets.names()) - set(targets.served())) | set(targets.outside())):
            with transaction(self._store) as session:
                active = queries.active(session, name)
            for each in active:
                self._ask(targets.get(name), each.deployment)

    def _ask(self, target: targets.Target, deployment: Deployment) -> None:
        try:
            if deployment.desired == "stopped":
                target.stop(deployment, self._store.settings)
            sight = target.observe(deployment, self._store.settings)
        except GatewrightError as away:
            sight = targets.Sight(state="failing", detail=away.message[:500])
        with transaction(self._store) as session:
            deployments.observed(session, deployment.id, sight.state, sight.detail)


class _Lost(Exception):
    """The batch in hand is another's now, or this runner ends."""
