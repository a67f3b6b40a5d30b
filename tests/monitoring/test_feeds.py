"""Feeds: one contract for every kind; what did not come is named; what changed in the columns is told one by one."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.config import Settings
from engine.identity import NotPermitted, Person
from engine.monitoring import schema
from engine.monitoring.feeds import arrivals, definitions, registry
from engine.monitoring.feeds.arrivals import Arrival
from engine.monitoring.feeds.content import Table, counted
from engine.monitoring.measures import Reading, Scope, get
from engine.monitoring.schema import Change
from engine.statistics.tallies import Reference, refer
from engine.store import Store, TestClock, open_store, transaction
from tests.monitoring import world
from tests.monitoring.census import FEATURES, people

ENA = Person(id="ena", name="Ena", roles=frozenset({"data_engineer"}))
ENVIRONMENT = "production"


@pytest.fixture
def feeding(settings: Settings, tmp_path: Path, clock: TestClock, reference: Reference) -> Iterator[Store]:
    """A house that may read below the test's folder and ask this machine, with a model that answers."""
    allowed = settings.model_copy(update={"feed_folders": str(tmp_path), "feed_allow_private": True})
    opened = open_store(allowed, clock=clock)
    world.given_it_is_live(opened, reference)
    yield opened
    opened.close()


def window_of(store: Store) -> datetime:
    """The beginning of the window of a day that is due now."""
    with transaction(store) as session:
        feed = definitions.get(session, "claims")
        return arrivals.last_window(feed, store.clock.now())


def define(store: Store, kind: str, settings: dict[str, Any], **also: Any) -> None:
    with transaction(store) as session:
        definitions.define(
            session,
            ENA,
            name="claims",
            model="employment",
            environment=ENVIRONMENT,
            kind=kind,
            owner="claims desk",
            settings=settings,
            **also,
        )


def rows(at: datetime, n: int = 600) -> pa.Table:
    """Census rows of 2016 with an event time in the window that begins then, and one row of the day before."""
    found = {name: values[:n] for name, values in people(2016, 16, 49).items()}
    times = [at + timedelta(minutes=2 * k) for k in range(n - 1)] + [at - timedelta(hours=1)]
    return pa.table({**found, "at": pa.array(times, pa.timestamp("us", "UTC"))})


class Answering(BaseHTTPRequestHandler):
    """Answers what the test set, and remembers what was asked."""

    answers: tuple[int, dict[str, str], bytes] = (200, {}, b"[]")
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers, body = self.answers
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of an HTTP server of this test."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    Answering.answers, Answering.asked = (200, {}, b"[]"), []
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/rows"
    running.shutdown()
    thread.join()
    running.server_close()


Put = Callable[[Store, pa.Table | None], None]


@pytest.fixture(params=["folder", "sql", "http", "log"])
def kind(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    server: str,
    superuser: psycopg.Connection,
    settings: Settings,
    reference: Reference,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[str, dict[str, Any], Put]:
    """(kind, its settings, how rows come to be there)."""

    def into_folder(_: Store, table: pa.Table | None) -> None:
        (tmp_path / "drop").mkdir(exist_ok=True)
        if table is not None:
            pq.write_table(table, tmp_path / "drop" / "a.parquet")

    def into_table(_: Store, table: pa.Table | None) -> None:
        superuser.execute("CREATE TABLE IF NOT EXISTS public.claims (at timestamptz, line jsonb)")
        columns = ", ".join(f"(line->>'{name}')::int AS \"{name}\"" for name in FEATURES)
        view = f"CREATE OR REPLACE VIEW public.claims_view AS SELECT at, {columns} FROM public.claims"  # noqa: S608
        superuser.execute(view)
        superuser.execute("GRANT SELECT ON public.claims_view TO PUBLIC")
        for row in table.to_pylist() if table is not None else ():
            at = row.pop("at")
            superuser.execute("INSERT INTO public.claims VALUES (%s, %s)", (at, json.dumps(row)))

    def to_server(store: Store, table: pa.Table | None) -> None:
        found = table.slice(0, len(table) - 1).drop(["at"]).to_pylist() if table is not None else []
        Answering.answers = (200, {}, json.dumps({"rows": found}).encode())

    def into_log(store: Store, table: pa.Table | None) -> None:
        if table is not None:
            found = {name: table[name].to_numpy()[:-1] for name in FEATURES}
            hour = table["at"][0].as_py().replace(minute=0)
            world.counted(store, reference, world.VersionRef("employment", 1), found, hour)

    assert settings.database_url is not None
    monkeypatch.setenv("GATEWRIGHT_FEED_CLAIMS_DB", settings.database_url.get_secret_value())
    query = "SELECT * FROM public.claims_view WHERE at >= %(since)s AND at < %(until)s"
    return {
        "folder": ("folder", {"path": str(tmp_path / "drop"), "event_time": "at"}, into_folder),
        "sql": ("sql", {"url_from": "CLAIMS_DB", "query": query}, into_table),
        "http": ("http", {"url": server, "records": "rows"}, to_server),
        "log": ("log", {}, into_log),
    }[request.param]


def test_r28_every_kind_gives_the_window_counted_and_tells_an_empty_one(
    feeding: Store, kind: tuple[str, dict[str, Any], Put], reference: Reference
) -> None:
    """The contract: nothing is empty or missing, 599 rows of the window are counted exactly, those outside are not."""
    name, settings, put = kind
    define(feeding, name, settings)
    at = window_of(feeding)
    put(feeding, None)
    assert arrivals.read(feeding, "claims").state in ("empty", "missing")
    table = rows(at)
    put(feeding, table)
    found = arrivals.read(feeding, "claims")
    assert (found.state, found.rows, found.since, found.version) == ("late", 599, at, 1)
    values = {feature: table[feature].to_numpy()[:-1] for feature in FEATURES}
    of_values = reference.tallies(values, [0] * 599)[0]
    assert found.tally is not None
    for feature in FEATURES:
        assert reference.counts(feature, found.tally) == reference.counts(feature, of_values)


def readings(store: Store, measure: str, **window: datetime) -> list[Reading]:
    """What a measure reads of the last three days."""
    now = store.clock.now()
    with transaction(store) as session:
        scope = Scope(
            version=world.VersionRef("employment", 1),
            environment=ENVIRONMENT,
            **{"since": now - timedelta(days=3), "until": now, **window},
        )
        return list(get(measure).function(session, scope))


def told(found: list[Reading]) -> dict[str, int]:
    return {each.metric: int(each.value.value) for each in found if each.value.value}


def test_r28_a_missing_a_corrupt_and_a_late_window_are_each_named(feeding: Store, tmp_path: Path) -> None:
    """By feed, with its owner and the reason; what came in time is no finding."""
    define(feeding, "folder", {"path": str(tmp_path / "drop")})
    assert arrivals.read_due(feeding) == 1
    feeding.clock.advance(timedelta(days=1))
    (missing,) = [each for each in readings(feeding, "feed") if each.value.value]
    assert (missing.metric, missing.subject, missing.detail["owner"]) == ("windows_missing", "claims", "claims desk")
    assert "not there" in missing.detail["problem"]
    (tmp_path / "drop").mkdir()
    at = window_of(feeding)
    moment = (at + timedelta(hours=3)).timestamp()
    file = tmp_path / "drop" / "a.parquet"
    file.write_bytes(b"PAR1 and no more")
    os.utime(file, (moment, moment))
    broken = arrivals.read(feeding, "claims")
    assert (broken.state, broken.rows) == ("corrupt", 0)
    assert "a.parquet cannot be read" in broken.problem
    assert told(readings(feeding, "feed")) == {"windows_missing": 1, "windows_corrupt": 1}
    pq.write_table(rows(at).drop(["at"]), file)
    os.utime(file, (moment, moment))
    assert arrivals.read(feeding, "claims").state == "late"
    assert told(readings(feeding, "feed")) == {"windows_missing": 1, "windows_late": 1}
    assert not arrivals.read_due(feeding) > 1


def test_a_feed_that_came_is_measured_by_drift_like_the_log(feeding: Store, tmp_path: Path) -> None:
    """Everybody from 16 on, where the reference ends at 49: AGEP first, by the feed's name."""
    (tmp_path / "drop").mkdir()
    define(feeding, "folder", {"path": str(tmp_path / "drop"), "event_time": "at"})
    at = window_of(feeding)
    values = {name: each[:2000] for name, each in people(2017, 16).items()}
    times = pa.array([at + timedelta(seconds=k) for k in range(2000)], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({**values, "at": times}), tmp_path / "drop" / "a.parquet")
    arrivals.read(feeding, "claims")
    found = [each for each in readings(feeding, "drift") if each.subject.startswith("claims")]
    first = max(found, key=lambda each: each.value.value)
    assert first.subject == "claims: AGEP"
    assert first.value.value > 1
    assert first.rows == 2000


def test_r29_dropped_added_renamed_and_retyped_are_one_finding_each(feeding: Store, tmp_path: Path) -> None:
    """Also where two columns are distributed alike: the one in its place is the one that was renamed."""
    (tmp_path / "drop").mkdir()
    define(feeding, "folder", {"path": str(tmp_path / "drop"), "event_time": "at"})
    table = rows(window_of(feeding))
    names = ["schooling" if name == "SCHL" else name for name in table.column_names]
    table = table.rename_columns(names).drop(["MIL"]).append_column("colour", pa.array(["red"] * len(table)))
    table = table.set_column(table.column_names.index("SEX"), "SEX", table["SEX"].cast(pa.string()))
    pq.write_table(table, tmp_path / "drop" / "a.parquet")
    arrivals.read(feeding, "claims")
    found = [each for each in readings(feeding, "schema") if each.metric.startswith("column_")]
    assert sorted((each.metric, each.subject) for each in found) == [
        ("column_added", "claims: colour"),
        ("column_dropped", "claims: MIL"),
        ("column_renamed", "claims: SCHL"),
        ("column_retyped", "claims: SEX"),
    ]
    renamed = next(each for each in found if each.metric == "column_renamed")
    assert renamed.detail["now"] == "schooling"
    shares = {(each.metric, each.subject): each.value.value for each in readings(feeding, "schema")}
    assert shares["outside_share", "claims: SEX"] == 1


def test_changes_are_told_by_family() -> None:
    promised = {"a": "whole", "b": "text", "c": "numeric", "d": ""}
    assert schema.changes(promised, [("a", "number"), ("b", "text"), ("c", "whole"), ("d", "time")], {}) == [
        Change("widened", "a", "whole", "number")
    ]
    assert schema.changes({"a": "whole"}, [("x", "text")], {"a": "x"}) == [
        Change("renamed", "a", "a", "x"),
        Change("retyped", "a", "whole", "text"),
    ]


def test_an_http_feed_goes_nowhere_else_and_has_limits(feeding: Store, server: str) -> None:
    """Another host by redirect, too much, no rows, no JSON, an error: each is told, and none is an exception."""
    define(feeding, "http", {"url": server})

    def state(status: int, headers: dict[str, str], body: bytes) -> tuple[str, str]:
        Answering.answers = (status, headers, body)
        found = arrivals.read(feeding, "claims")
        return found.state, found.problem

    assert state(302, {"Location": "http://localhost:1/rows"}, b"") == ("missing", "it redirects to another host")
    assert state(302, {"Location": "/rows"}, b"") == ("missing", "it redirects without end")
    assert state(500, {}, b"") == ("missing", "it answers 500")
    assert state(200, {}, b"{")[0] == "corrupt"
    assert state(200, {}, b'{"rows": 1}') == ("corrupt", "it holds no list of objects")
    assert state(200, {}, b" " * (65 << 20)) == ("corrupt", "it is larger than 64 MB")
    assert state(200, {}, b"[]")[0] == "empty"
    assert all("since=" in path and "until=" in path for path in Answering.asked if path != "/rows")


def test_an_http_feed_connects_to_the_address_that_was_looked_at(
    feeding: Store, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is resolved once: what it leads to a moment later is no matter."""
    port, real, asked = int(server.rpartition(":")[2].partition("/")[0]), socket.getaddrinfo, []

    def once(host: str, *rest: Any, **given: Any) -> Any:
        if host != "feeds.example":
            return real(host, *rest, **given)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", *rest, **given)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    define(feeding, "http", {"url": f"http://feeds.example:{port}/rows"})
    assert arrivals.read(feeding, "claims").state == "empty"
    assert asked == ["feeds.example"]


def test_a_private_address_another_folder_and_a_missing_secret_are_not_reached(
    store: Store, server: str, reference: Reference, tmp_path: Path
) -> None:
    """As the settings are by default; nothing was asked of the server, and no secret is in what is told."""
    world.given_it_is_live(store, reference)
    define(store, "http", {"url": server})
    assert "is private" in arrivals.read(store, "claims").problem
    assert Answering.asked == []
    define(store, "folder", {"path": "/etc"})
    assert "FEED_FOLDERS" in arrivals.read(store, "claims").problem
    query = "SELECT 1 WHERE %(since)s < %(until)s"
    define(store, "sql", {"url_from": "NOT_THERE", "query": query})
    assert arrivals.read(store, "claims").problem == "GATEWRIGHT_FEED_NOT_THERE is not set"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("CREATE TABLE public.x (a int)", "not one SELECT"),
        ("SELECT 1; DROP TABLE public.x", "not one SELECT"),
        ("SELECT 1", "names no"),
    ],
)
def test_a_query_that_is_no_question_is_refused(feeding: Store, query: str, reason: str) -> None:
    with pytest.raises(definitions.FeedRefused, match=reason):
        define(feeding, "sql", {"url_from": "X", "query": query})


def test_a_query_changes_nothing_and_ends_in_time(
    feeding: Store, settings: Settings, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the role may write: the session is read-only and the statement has a limit."""
    assert settings.database_url is not None
    monkeypatch.setenv("GATEWRIGHT_FEED_X", settings.database_url.get_secret_value())
    inside = "%(since)s::timestamptz < %(until)s::timestamptz"
    define(feeding, "sql", {"url_from": "X", "query": f"SELECT lo_create(0) WHERE {inside}"})
    assert "read-only" in arrivals.read(feeding, "claims").problem
    define(feeding, "sql", {"url_from": "X", "query": f"SELECT pg_sleep(60) WHERE {inside}", "timeout_seconds": 1})
    found: Arrival = arrivals.read(feeding, "claims")
    assert (found.state, "timeout" in found.problem) == ("corrupt", True)


def test_only_a_data_engineer_defines_feeds_and_each_field_is_checked(feeding: Store) -> None:
    with pytest.raises(NotPermitted), transaction(feeding) as session:
        definitions.define(
            session,
            Person(id="bo", name="Bo", roles=frozenset({"model_operator"})),
            name="claims",
            model="employment",
            environment=ENVIRONMENT,
            kind="log",
            owner="x",
        )
    for field, wrong in (
        ("origin", "elsewhere"),
        ("cadence", "P1M"),
        ("grace", "soon"),
        ("columns", {"a": "int"}),
        ("owner", " "),
    ):
        given: dict[str, Any] = {"owner": "desk", **{field: wrong}}
        with pytest.raises(definitions.FeedRefused, match=field), transaction(feeding) as session:
            definitions.define(
                session, ENA, name="claims", model="employment", environment=ENVIRONMENT, kind="log", **given
            )
    with pytest.raises(definitions.FeedRefused, match="settings"):
        define(feeding, "folder", {"path": "x", "password": "y"})
    with pytest.raises(registry.FeedKindUnknown, match="folder"):
        define(feeding, "fodler", {})


def test_windows_begin_where_the_length_says_and_a_week_on_a_monday() -> None:
    feed = definitions.Feed(
        name="f",
        model="m",
        environment="e",
        kind="log",
        owner="o",
        origin="internal",
        cadence="P1W",
        grace="PT1H",
        columns={},
        output="",
        settings={},
        paused=False,
        defined_at=datetime(2026, 1, 1, tzinfo=UTC),
        defined_by="x",
    )
    assert arrivals.last_window(feed, datetime(2026, 11, 24, tzinfo=UTC)) == datetime(2026, 11, 16, tzinfo=UTC)
    assert arrivals.last_window(feed, datetime(2026, 11, 23, 0, 30, tzinfo=UTC)) == datetime(2026, 11, 9, tzinfo=UTC)
    promised = list(
        arrivals.expected(
            feed,
            datetime(2026, 11, 1, tzinfo=UTC),
            datetime(2026, 11, 25, tzinfo=UTC),
            datetime(2026, 11, 24, tzinfo=UTC),
        )
    )
    assert promised == [datetime(2026, 11, day, tzinfo=UTC) for day in (2, 9, 16)]


def test_texts_and_numbers_of_json_are_counted_alike() -> None:
    """A list of JSON values is counted as the same values in an array are."""
    reference = refer({"n": [1, 2, 3], "t": ["a", "b", "a"]})
    lists = Table(columns={"n": [1, None, 2.0, "x"], "t": ["a", None, 1, "c"]}, rows=4)
    found = counted(iter([lists]), reference, "")
    assert reference.counts("n", found.tally).groups.tolist() == [1, 1, 0, 1, 0, 1]
    assert reference.counts("t", found.tally).groups.tolist() == [1, 0, 2, 0, 1]
    assert dict(found.columns) == {"n": "other", "t": "other"}
    assert np.isclose(reference.counts("n", found.tally).scaled / 2.0 ** reference.columns[0].bits, 3)
