"""Batches: asked for, claimed by whoever scores them, taken back, logged part by part, done or failed.

waiting   somebody asked; a runner claims it
scoring   claimed until `next_attempt_at`: a runner that was killed does not come back, and another takes over
scored    its answers lie in the file store, and are written into the inference log part by part
done      every row is logged, the result is where it shall be
failed    nothing of it was logged, and the problem says why
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import audit, events
from engine.errors import GatewrightError, words
from engine.identity import Person, require
from engine.inventory import queries as inventory
from engine.inventory.references import stream
from engine.serving import deployments, environments, exchange, queries
from engine.serving.batch import Batch, Owed, Scored
from engine.serving.deployment import Deployment
from engine.serving.tables import BatchRow
from engine.store import new_id, now

#: A claim holds so long, and is renewed while the batch is scored.
CLAIM_SECONDS = 60.0
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 5.0
LONG_PAUSE_SECONDS = 30.0
#: Runners that may die at one batch before it is taken to be its own doing.
MOST_CLAIMS = 10
FAULTS_KEPT = 20


class BatchUnknown(GatewrightError):
    """There is no batch {id}."""

    code = "batch-unknown"
    hint = "Look for it in the list of batches."
    status = 404


class NoBatchHere(GatewrightError):
    """{model} answers nowhere in {environment}: there is no version that could score a batch."""

    code = "no-batch-here"
    hint = "Name an environment in which it is live; its page lists them."
    status = 409


class RunnersLost(GatewrightError):
    """The workers that scored the batch {id} were lost {times} times."""

    code = "runners-lost"
    hint = "Look into the worker's log for what ends it, such as memory; mend it, then hand the file in again."
    status = 500


class ResultMissing(GatewrightError):
    """The batch {id} has no result: it is {state}."""

    code = "result-missing"
    hint = "Wait until it is done; a failed one tells what is wrong with its file."
    status = 409


def request(
    session: Session,
    person: Person,
    *,
    model: str,
    environment: str,
    source: str,
    name: str,
    place: str = "",
    key: str = "",
) -> Batch:
    """A batch that a runner scores with the version that is live now; asked again with the same key, the same one.

    source: digest of a Parquet or CSV file in the file store. place: where the result shall lie too, below the exchange
    folder. Raises NotPermitted, ModelUnknown, EnvironmentUnknown, DeploymentsEnded, NoBatchHere or PlaceRefused.
    """
    require(person, "score.call")
    inventory.model(session, model)
    chosen = answering(session, model, environment)
    return take(session, chosen, person.id, source=source, name=name, place=place, key=key)


def highest(session: Session, model: str) -> str:
    """The last environment, in the order of promotion, in which the model answers; raises NoBatchHere."""
    routes = queries.routes(session, model=model)
    if not routes:
        raise NoBatchHere(model=model, environment="any environment")
    return routes[-1].environment


def answering(session: Session, model: str, environment: str) -> Deployment:
    """The deployment that scores the model's batches in the environment: the one that is live there."""
    environments.get(session, environment)
    deployments.refuse_retired(session, model)
    chosen = queries.live(session, model, environment)
    if chosen is None:
        raise NoBatchHere(model=model, environment=environment)
    return chosen


def take(
    session: Session,
    deployment: Deployment,
    by: str,
    *,
    source: str,
    name: str,
    place: str = "",
    key: str = "",
    scored: Scored | None = None,
) -> Batch:
    """The batch of a deployment, for callers that have checked who asks; with what scoring it brought, where it was."""
    if place:
        exchange.named(place)
    id, moment = (new_id(), now(session)) if scored is None else (scored.id, scored.at)
    key = key or str(id)
    made = session.scalar(
        insert(BatchRow)
        .values(
            id=id,
            key=key,
            model=deployment.model,
            version=deployment.version,
            environment=deployment.environment,
            deployment=deployment.id,
            source=source,
            name=name[:200],
            place=place,
            requested_by=by,
            requested_at=moment,
            state="waiting" if scored is None else "scored",
            attempts=0,
            next_attempt_at=moment,
            rows=None if scored is None else scored.rows,
            parts=[] if scored is None else list(scored.parts),
            logged_parts=0,
            result=None if scored is None else scored.result,
            problem=None,
            ended_at=None,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(BatchRow.id)
    )
    row = session.scalars(select(BatchRow).where(BatchRow.key == key)).one()
    if made is not None:
        _record(session, row, "batch.requested", by, source=source, name=row.name, place=place)
    return value(row)


def claim(session: Session, seconds: float = CLAIM_SECONDS) -> Owed | None:
    """The oldest batch that waits to be scored, now claimed; None where none does.

    One whose runner was not heard of for the time of a claim is taken over: nothing of it was written yet.
    """
    row = session.scalar(
        select(BatchRow)
        .where(BatchRow.state.in_(["waiting", "scoring"]), BatchRow.next_attempt_at <= now(session))
        .order_by(BatchRow.requested_at, BatchRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    if row.attempts >= MOST_CLAIMS:
        _fail(session, row, RunnersLost(id=row.id, times=row.attempts))
        return claim(session, seconds)
    row.state, row.attempts = "scoring", row.attempts + 1
    row.next_attempt_at = now(session) + timedelta(seconds=seconds)
    session.flush()
    return Owed(
        batch=value(row),
        deployment=queries.deployment(session, row.deployment),
        settings=environments.get(session, row.environment).settings,
    )


def renew(session: Session, batch: Batch, seconds: float = CLAIM_SECONDS) -> bool:
    """Whether the claim still holds, now for longer; False where another runner has taken over."""
    row = _locked(session, batch.id)
    if (row.state, row.attempts) != ("scoring", batch.attempts):
        return False
    row.next_attempt_at = now(session) + timedelta(seconds=seconds)
    return True


def scored(session: Session, batch: Batch, found: Scored) -> bool:
    """Whether the answers were taken, and are logged from now on; False where another runner has taken over."""
    row = _locked(session, batch.id)
    if (row.state, row.attempts) != ("scoring", batch.attempts):
        return False
    row.state, row.rows, row.parts, row.result = "scored", found.rows, list(found.parts), found.result
    row.problem, row.next_attempt_at = None, now(session)
    return True


def put_off(session: Session, batch: Batch, failure: BaseException) -> Batch:
    """The batch after a failed attempt: to be tried again, or failed for good where its rows or patience are at fault.

    An error with a status below 500 says that the rows or the request are wrong: trying again would change nothing.
    """
    row = _locked(session, batch.id)
    if (row.state, row.attempts) != ("scoring", batch.attempts):
        return value(row)
    theirs = isinstance(failure, GatewrightError) and failure.status < 500
    if theirs or row.attempts >= ATTEMPTS:
        _fail(session, row, failure)
    else:
        row.state, row.problem = "waiting", problem_of(failure)
        pause = FIRST_PAUSE_SECONDS * 2 ** (row.attempts - 1)
        row.next_attempt_at = now(session) + timedelta(seconds=pause)
    return value(row)


def release(session: Session, batch: Batch) -> None:
    """Give a claim back, where it still holds: its runner ends, and the attempt does not count."""
    row = _locked(session, batch.id)
    if (row.state, row.attempts) == ("scoring", batch.attempts):
        row.state, row.attempts, row.next_attempt_at = "waiting", row.attempts - 1, now(session)


def refuse(session: Session, id: UUID, failure: GatewrightError) -> Batch:
    """The batch, failed before it was scored."""
    row = _locked(session, id)
    if row.state == "waiting":
        _fail(session, row, failure)
    return value(row)


def to_log(session: Session) -> Batch | None:
    """The oldest batch whose answers are not all logged, or whose result is not yet where it shall be; or None."""
    row = session.scalar(
        select(BatchRow)
        .where(BatchRow.state == "scored", BatchRow.next_attempt_at <= now(session))
        .order_by(BatchRow.requested_at, BatchRow.id)
        .limit(1)
    )
    return None if row is None else value(row)


def logged(session: Session, id: UUID, part: int) -> bool:
    """Whether this part is the next to be logged, and it is noted that it is: written in the same transaction.

    False where another runner has logged it: both read the same batch, and its row's lock lets one at a time pass.
    """
    row = _locked(session, id)
    if row.state != "scored" or row.logged_parts != part:
        return False
    row.logged_parts += 1
    return True


def wait(session: Session, id: UUID, failure: BaseException) -> None:
    """Try later to finish a scored batch, and show what stands in its way."""
    row = _locked(session, id)
    row.problem, row.next_attempt_at = problem_of(failure), now(session) + timedelta(seconds=LONG_PAUSE_SECONDS)


def done(session: Session, id: UUID) -> Batch:
    """The batch, whose rows are all logged and whose result lies where it shall."""
    row = _locked(session, id)
    if row.state == "scored":
        row.state, row.ended_at, row.problem = "done", now(session), None
        _record(session, row, "batch.done", "worker", rows=row.rows, result=row.result, place=row.place)
        events.emit(session, "batch.done", row.model, {"result": row.result or ""}, batch=str(row.id), rows=row.rows)
    return value(row)


def get(session: Session, id: UUID) -> Batch:
    """The batch with this id; raises BatchUnknown."""
    row = session.get(BatchRow, id)
    if row is None:
        raise BatchUnknown(id=id)
    return value(row)


def by_key(session: Session, key: str) -> Batch | None:
    """The batch that was asked for with this key, or None."""
    row = session.scalar(select(BatchRow).where(BatchRow.key == key))
    return None if row is None else value(row)


def listing(
    session: Session,
    *,
    model: str | None = None,
    version: int | None = None,
    state: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[Batch]:
    """Batches, newest first; of one model, version or state, or all."""
    wanted = select(BatchRow).order_by(BatchRow.requested_at.desc(), BatchRow.id.desc())
    if model is not None:
        wanted = wanted.where(BatchRow.model == model)
    if version is not None:
        wanted = wanted.where(BatchRow.version == version)
    if state is not None:
        wanted = wanted.where(BatchRow.state == state)
    return [value(row) for row in session.scalars(wanted.limit(limit).offset(offset))]


def result_of(session: Session, id: UUID) -> Batch:
    """A batch that is done; raises BatchUnknown or ResultMissing."""
    found = get(session, id)
    if found.state != "done":
        raise ResultMissing(id=id, state=found.state)
    return found


def key_of(*parts: object) -> str:
    """A key of what makes a batch the same batch."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def problem_of(failure: BaseException) -> dict[str, Any]:
    """A failure as it is kept with a batch and laid beside a refused file; what may be long is cut."""
    if not isinstance(failure, GatewrightError):
        message = f"{type(failure).__name__}: {words(failure, 500)}"
        return {"code": "unexpected", "message": message, "hint": "Look into the worker's log.", "faults": []}
    return {
        "code": failure.code,
        "message": failure.message[:2000],
        "hint": failure.way_on[:500],
        "faults": [str(each)[:300] for each in getattr(failure, "faults", ())[:FAULTS_KEPT]],
    }


def value(row: BatchRow) -> Batch:
    """The row as a value."""
    names = [name for name in Batch.__slots__ if name != "parts"]
    facts: Mapping[str, Any] = {name: getattr(row, name) for name in names}
    return Batch(**facts, parts=tuple(row.parts))


def _fail(session: Session, row: BatchRow, failure: BaseException) -> None:
    row.state, row.ended_at, row.problem = "failed", now(session), problem_of(failure)
    facts = {name: row.problem[name] for name in ("code", "message")}
    _record(session, row, "batch.failed", "worker", attempts=row.attempts, **facts)
    events.emit(session, "batch.failed", row.model, batch=str(row.id), version=row.version, **facts)


def _locked(session: Session, id: UUID) -> BatchRow:
    row = session.get(BatchRow, id, with_for_update=True, populate_existing=True)
    if row is None:
        raise BatchUnknown(id=id)
    return row


def _record(session: Session, row: BatchRow, act: str, actor: str, **facts: object) -> None:
    audit.record(
        session,
        stream(row.model),
        act,
        actor=actor,
        subject=str(row.id),
        version=row.version,
        environment=row.environment,
        **facts,
    )
