"""Our tables when they are large: what a million finished instances, open tasks and pending timers slow down.

The rows are copies of one finished and one waiting P, made by the server itself, so that loading takes minutes. The
server's own vacuum rests meanwhile: it would run beside one measurement and not beside another.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from engine import audit
from engine.runtime import delivery, instances, queries, schedules
from engine.store import Store, execute, transaction
from engine.store.postgres import EmbeddedPostgres
from tests.benchmarks.engines.peers.gatewright import one
from tests.benchmarks.engines.running import exact_cpu_of_server
from tests.bpmn import drawing as d
from tests.runtime import worlds as w

OPEN_TASKS = 100_000
TIMERS = (100_000, 1_000_000)
DUE = 10_000

#: copies of the rows of one instance, each under a new id; what refers to it follows
_COPY = """
    CREATE TEMPORARY TABLE copies ON COMMIT DROP AS
        SELECT n, uuidv7(make_interval(secs => n - %(copies)s)) AS id,
            now() - make_interval(secs => %(copies)s - n) AS at FROM generate_series(1, %(copies)s) AS n;
    INSERT INTO runtime.instances
        SELECT c.id, i.process, i.version, i.sha256, i.bundle, 'model-' || c.n %% 20000, i.starter, i.origin, i.state,
            i.suspended, i.exclusive, i.revision, i.workflow, i.active, i.waiting, i.outcome, c.at, c.at,
            CASE WHEN i.ended_at IS NOT NULL THEN c.at END
        FROM runtime.instances i, copies c WHERE i.id = %(instance)s;
    INSERT INTO runtime.steps
            (instance, task, element, name, kind, process, scope, entered_at, left_at, outcome, actor)
        SELECT c.id, uuidv7(), s.element, s.name, s.kind, s.process, s.scope, c.at, c.at, s.outcome, s.actor
        FROM copies c, (SELECT * FROM runtime.steps WHERE instance = %(instance)s ORDER BY number) s;
    INSERT INTO runtime.user_tasks
        SELECT uuidv7(), c.id, t.element, t.name, t.process, t.scope, 'model-' || c.n %% 20000, t.role, t.kind, t.form,
            t.documentation, t.shut_out, t.evidence, t.variables, t.properties, t.state, t.assignee, c.at,
            CASE WHEN c.n %% 2 = 0 THEN c.at + interval '3 days' END,
            CASE WHEN t.closed_at IS NOT NULL THEN c.at END, t.closed_by, t.answer
        FROM runtime.user_tasks t, copies c WHERE t.instance = %(instance)s;
    INSERT INTO audit.streams
        SELECT 'instance:' || c.id, s.seq, s.hash FROM audit.streams s, copies c
        WHERE s.name = 'instance:' || %(instance)s::uuid;
    INSERT INTO audit.entries
        SELECT 'instance:' || c.id, e.seq, e.payload_hash, e.hash FROM audit.entries e, copies c
        WHERE e.stream = 'instance:' || %(instance)s::uuid;
    INSERT INTO audit.payloads
        SELECT 'instance:' || c.id, p.seq, c.at, p.act, p.actor, 'model-' || c.n %% 20000, p.salt, p.payload
        FROM audit.payloads p, copies c WHERE p.stream = 'instance:' || %(instance)s::uuid;
    -- As if a checkpoint had signed them when they ended.
    INSERT INTO audit.checkpoint_heads
        SELECT 1, s.name, s.seq, s.hash FROM audit.streams s JOIN copies c ON s.name = 'instance:' || c.id;
"""

_TIMERS = """
    INSERT INTO runtime.timers
        SELECT uuidv7(), i.id, 'Wait', 'Wait', i.process, now() + make_interval(days => 1, secs => n), false
        FROM (SELECT id, process FROM runtime.instances WHERE state = 'running' LIMIT %(instances)s) i,
            generate_series(1, %(each)s) AS n
"""
#: each copy's token gets an id of its own: it is the key of its timer
_DUE_COPIES = """
    CREATE TEMPORARY TABLE tokens ON COMMIT DROP AS
        SELECT c.id AS instance, uuidv7()::text AS token, s.task::text AS old FROM copies c,
            (SELECT task FROM runtime.steps WHERE instance = %(instance)s AND left_at IS NULL) s;
    UPDATE runtime.instances i SET
            workflow = convert_to(replace(convert_from(i.workflow, 'UTF8'), t.old, t.token), 'UTF8'),
            waiting = replace(i.waiting::text, t.old, t.token)::jsonb
        FROM tokens t WHERE i.id = t.instance;
    INSERT INTO runtime.timers
        SELECT t.token::uuid, t.instance, 'Wait', 'Wait', 'waits_p', now() - interval '1 second', false FROM tokens t;
"""
_BATCH = 50_000


def compare(server: EmbeddedPostgres, house: Store, finished: int) -> dict[str, Any]:
    """Measure with almost nothing there, load, measure again; print both and return them."""
    with psycopg.connect(server.url("admin"), autocommit=True) as connection:
        _set(connection, autovacuum="off")
    audit.checkpoint(house)
    before = measured(server, house)
    done, waiting = templates(house)
    print(f"\nloading {OPEN_TASKS:,} open tasks and {finished:,} finished instances", flush=True)
    load(server, waiting, OPEN_TASKS)
    with_tasks = measured(server, house)
    load(server, done, finished)
    after = measured(server, house)
    print(f"\n{'milliseconds of CPU, both sides':40}{'empty':>10}{'open tasks':>12}{'and finished':>14}{'times':>8}")
    for name, value in after.items():
        print(
            f"{name:40}{before[name]:10.2f}{with_tasks[name]:12.2f}{value:14.2f}{value / with_tasks[name]:8.2f}",
            flush=True,
        )
    timers = {}
    for count in TIMERS:
        load_timers(server, count)
        timers[count] = median(lambda: delivery.fire_due_timers(house))
        print(f"{f'timers: {count:,} pending, none due':40}{timers[count]:46.2f}", flush=True)
    seconds = fire_all(server, house)
    print(f"{f'timers: {DUE:,} due at once, fired by one clock':40}{seconds:42.1f} s", flush=True)
    return {"before": before, "open_tasks": with_tasks, "after": after, "timers": timers, "fired_seconds": seconds}


def fire_all(server: EmbeddedPostgres, house: Store) -> float:
    """Seconds in which one clock fires the timers of so many instances that fall due together."""
    w.given_a_published(house, waits())
    instance = instances.start(house, w.ADA, "waits_p")
    with psycopg.connect(server.url("admin"), autocommit=True) as connection:
        connection.execute("TRUNCATE runtime.timers")
        connection.execute("SET session_replication_role = replica")
        with connection.transaction(), psycopg.ClientCursor(connection) as cursor:
            cursor.execute(_COPY, {"instance": instance, "copies": DUE})
            cursor.execute(_DUE_COPIES, {"instance": instance})
        connection.execute("VACUUM ANALYZE")
    began, fired = time.perf_counter(), 0
    while done := delivery.fire_due_timers(house):
        fired += done
    assert fired == DUE, fired
    return time.perf_counter() - began


def waits() -> dict[str, bytes]:
    """A process that waits for a timer."""
    return d.files(
        "waits_p",
        d.lanes(risk_manager=("Start", "Wait", "End")),
        d.start(),
        d.catch("Wait", d.timer("duration", "P1D")),
        d.end(),
        d.chain("Start", "Wait", "End"),
    )


def measured(server: EmbeddedPostgres, house: Store) -> dict[str, float]:
    """Milliseconds of CPU, ours and the server's, of what runs all the time and of what pages ask.

    Not of the wall clock: whatever else the machine does would count, before and after not alike.
    """
    found: dict[str, float] = {}
    for _ in range(50):
        one(house)

    def took(name: str, act: Callable[[], object], times: int = 40) -> None:
        for _ in range(6):
            act()  # until its statements are prepared
        began = time.process_time() + exact_cpu_of_server(server)
        for _ in range(times):
            act()
        found[name] = 1000 * (time.process_time() + exact_cpu_of_server(server) - began) / times

    def asked(name: str, query: Callable[..., object]) -> None:
        def ask() -> None:
            with transaction(house) as session:
                query(session)

        took(name, ask)

    took("P, from start to end", lambda: one(house), 300)
    asked("inbox", lambda session: queries.inbox(session, w.BEN))
    asked("inbox of one process' tasks, searched", lambda session: queries.inbox(session, w.BEN, search="model-77"))
    asked("instances, newest", queries.instances)
    asked("instances, finished", lambda session: queries.instances(session, state="finished"))
    asked(
        "instances of a subject, the newest five",
        lambda session: queries.instances(session, subject="model-77", limit=5),
    )
    asked("tasks that are open", lambda session: queries.tasks(session, state="open"))
    asked("counts", queries.counts)
    asked("audit, newest", lambda session: audit.entries(session, limit=50))
    took("timers, none due", lambda: delivery.fire_due_timers(house))
    took("messages, none waiting", lambda: delivery.deliver_waiting(house))
    took("schedules, none due", lambda: schedules.fire_due(house))
    took("checkpoint, nothing moved", lambda: audit.checkpoint(house))
    return found


def median(act: Callable[[], object], times: int = 20) -> float:
    """Milliseconds of the wall clock that an act takes."""
    act()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return 1000 * statistics.median(took)


def templates(house: Store) -> tuple[Any, Any]:
    """The ids of a finished and of a waiting P."""
    one(house)
    waiting = instances.start(house, w.ADA, "process_p", "waits")
    with transaction(house) as session:
        (done,) = execute(
            session, "SELECT id FROM runtime.instances WHERE state = 'finished' ORDER BY id DESC LIMIT 1", {}
        )
    return done["id"], waiting


def load(server: EmbeddedPostgres, instance: Any, count: int) -> None:
    """Copy an instance so often, and let the server know what it has."""
    with psycopg.connect(server.url("admin"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # copies of rows that have been checked
        # Nothing here need survive: without these most of the time goes into the log of what is written.
        _set(connection, fsync="off", full_page_writes="off", max_wal_size="24GB", checkpoint_timeout="1h")
        for start in range(0, count, _BATCH):
            with connection.transaction(), psycopg.ClientCursor(connection) as cursor:
                cursor.execute(_COPY, {"instance": instance, "copies": min(_BATCH, count - start)})
        connection.execute("VACUUM ANALYZE")
        _set(connection, fsync=None, full_page_writes=None, max_wal_size=None, checkpoint_timeout=None)
        connection.execute("CHECKPOINT")


def _set(connection: psycopg.Connection, **settings: str | None) -> None:
    """Change settings of the running server; None gives what it had when it started."""
    for name, value in settings.items():
        to = sql.SQL("RESET {}").format(sql.Identifier(name))
        if value is not None:
            to = sql.SQL("SET {} = {}").format(sql.Identifier(name), value)
        connection.execute(sql.SQL("ALTER SYSTEM ") + to)
    connection.execute("SELECT pg_reload_conf()")


def load_timers(server: EmbeddedPostgres, count: int) -> None:
    """Let so many timers be pending."""
    with psycopg.connect(server.url("admin"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("TRUNCATE runtime.timers")
        connection.execute(_TIMERS, {"instances": OPEN_TASKS, "each": max(1, count // OPEN_TASKS)})
        connection.execute("VACUUM ANALYZE runtime.timers")
