"""What a superuser did to the log with the triggers off is named."""

# ruff: noqa: S608 - the statements are put together from the names in this file

from __future__ import annotations

import psycopg
import pytest

from engine import audit
from engine.audit import chain, checkpoints
from engine.store import Store, TestClock, transaction


@pytest.fixture
def tamperer(superuser: psycopg.Connection) -> psycopg.Connection:
    """A superuser who has switched the triggers off."""
    superuser.execute("SET session_replication_role = replica")
    return superuser


@pytest.fixture
def log(store: Store) -> Store:
    """Three streams of five rows, all signed, and two rows more that no checkpoint covers."""
    for number in range(5):
        with transaction(store) as session:
            for stream in ("model:credit", "person:ada", "system"):
                audit.record(session, stream, "thing.done", actor="ada", subject=f"s{number}", number=number)
    assert audit.checkpoint(store) is not None
    with transaction(store) as session:
        audit.record(session, "model:credit", "thing.done", actor="ada")
        audit.record(session, "model:credit", "thing.done", actor="ada")
    return store


def named(store: Store) -> set[tuple[str, str, int | None]]:
    return {(finding.kind, finding.stream, finding.seq) for finding in audit.verify(store).findings}


def rewrite(tamperer: psycopg.Connection, stream: str, since: int) -> None:
    """Compute the hashes of a stream anew from a row on, head included, as a superuser who knows the formula can."""
    found = tamperer.execute("SELECT hash FROM audit.entries WHERE stream = %s AND seq = %s", [stream, since - 1])
    previous = (found.fetchone() or [chain.ZERO])[0]
    rows = tamperer.execute(
        "SELECT e.seq, p.salt, p.payload FROM audit.entries e JOIN audit.payloads p USING (stream, seq) "
        "WHERE stream = %s AND seq >= %s ORDER BY seq",
        [stream, since],
    ).fetchall()
    for seq, salt, payload in rows:
        content = chain.payload_hash(salt, payload)
        previous = chain.row_hash(previous, seq, stream, content)
        tamperer.execute(
            "UPDATE audit.entries SET payload_hash = %s, hash = %s WHERE stream = %s AND seq = %s",
            [content, previous, stream, seq],
        )
        tamperer.execute("UPDATE audit.streams SET seq = %s, hash = %s WHERE name = %s", [seq, previous, stream])


def renumber(tamperer: psycopg.Connection, stream: str, since: int, by: int) -> None:
    for table in ("entries", "payloads"):
        order = "DESC" if by > 0 else "ASC"
        seqs = tamperer.execute(
            f"SELECT seq FROM audit.{table} WHERE stream = %s AND seq >= %s ORDER BY seq {order}", [stream, since]
        ).fetchall()
        for (seq,) in seqs:
            tamperer.execute(
                f"UPDATE audit.{table} SET seq = %s WHERE stream = %s AND seq = %s", [seq + by, stream, seq]
            )


@pytest.mark.smoke
def test_an_untouched_log_is_intact_and_tells_what_is_not_covered_yet(log: Store, clock: TestClock) -> None:
    report = audit.verify(log)
    assert report.intact
    assert (report.rows, report.streams, report.checkpoints) == (17, 3, 1)
    assert (report.uncovered, report.uncovered_since) == (2, chain.instant(clock.now()))
    assert "not yet covered by a checkpoint: 2 rows since 2026-01-05T09:00:00.000000Z" in report.lines()
    audit.checkpoint(log)
    assert audit.verify(log).uncovered == 0


def test_an_empty_log_is_intact(store: Store) -> None:
    report = audit.verify(store)
    assert (report.intact, report.rows, report.streams) == (True, 0, 0)


def test_an_altered_content_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    tamperer.execute(
        """UPDATE audit.payloads SET payload = convert_to(replace(convert_from(payload, 'UTF8'), 'ada', 'eve'), 'UTF8')
        WHERE stream = 'person:ada' AND seq = 3"""
    )
    assert named(log) == {("altered", "person:ada", 3)}


@pytest.mark.parametrize("column", ["act", "actor", "subject"])
def test_an_altered_column_is_named(log: Store, tamperer: psycopg.Connection, column: str) -> None:
    tamperer.execute(f"UPDATE audit.payloads SET {column} = 'x' WHERE stream = 'system' AND seq = 2")
    assert named(log) == {("altered", "system", 2)}


def test_an_altered_time_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    tamperer.execute("UPDATE audit.payloads SET at = at - interval '1 s' WHERE stream = 'system' AND seq = 2")
    assert named(log) == {("altered", "system", 2)}


def test_an_altered_hash_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    tamperer.execute("UPDATE audit.entries SET hash = sha256('x') WHERE stream = 'system' AND seq = 2")
    assert {("altered", "system", 2)} <= named(log)


def test_an_alteration_with_every_later_hash_computed_anew_is_named_by_the_checkpoint(
    log: Store, tamperer: psycopg.Connection
) -> None:
    tamperer.execute("UPDATE audit.payloads SET actor = 'eve' WHERE stream = 'system' AND seq = 2")
    tamperer.execute(
        """UPDATE audit.payloads SET payload = convert_to(replace(convert_from(payload, 'UTF8'), 'ada', 'eve'), 'UTF8')
        WHERE stream = 'system' AND seq = 2"""
    )
    rewrite(tamperer, "system", 2)
    assert named(log) == {("altered", "system", 5)}
    assert "checkpoint 1 signed another hash" in str(audit.verify(log).findings[0])


@pytest.mark.parametrize("seq", [1, 3, 4])
def test_a_removed_row_is_named(log: Store, tamperer: psycopg.Connection, seq: int) -> None:
    for table in ("entries", "payloads"):
        tamperer.execute(f"DELETE FROM audit.{table} WHERE stream = 'system' AND seq = %s", [seq])
    assert named(log) == {("removed", "system", seq)}


def test_a_removed_row_with_the_later_ones_renumbered_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    for table in ("entries", "payloads"):
        tamperer.execute(f"DELETE FROM audit.{table} WHERE stream = 'model:credit' AND seq = 3")
    renumber(tamperer, "model:credit", 4, -1)
    assert {("removed", "model:credit", 3), ("cut", "model:credit", 7)} <= named(log)


def test_a_removed_content_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    tamperer.execute("DELETE FROM audit.payloads WHERE stream = 'system' AND seq = 2")
    assert named(log) == {("removed", "system", 2)}


def test_a_content_emptied_by_hand_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    tamperer.execute("UPDATE audit.payloads SET payload = NULL, salt = NULL WHERE stream = 'system' AND seq = 2")
    assert named(log) == {("removed", "system", 2)}
    tamperer.execute("INSERT INTO audit.erasures VALUES ('system', 2, now(), 'x')")
    assert named(log) == {("erased unseen", "system", 2)}


def test_a_row_put_in_with_the_later_ones_renumbered_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    renumber(tamperer, "model:credit", 3, +1)
    tamperer.execute(
        """INSERT INTO audit.payloads SELECT stream, 3, at, act, actor, subject, salt, payload
        FROM audit.payloads WHERE stream = 'model:credit' AND seq = 2"""
    )
    tamperer.execute(
        """INSERT INTO audit.entries SELECT stream, 3, payload_hash, sha256('x')
        FROM audit.entries WHERE stream = 'model:credit' AND seq = 2"""
    )
    assert {("inserted", "model:credit", 3), ("inserted", "model:credit", 8)} <= named(log)
    assert not [each for each in named(log) if each[0] == "altered" and each[2] == 4]


@pytest.mark.parametrize("seq", [6, 0, -3])
def test_a_row_put_at_an_end_is_named(log: Store, tamperer: psycopg.Connection, seq: int) -> None:
    for table in ("payloads", "entries"):
        columns = "at, act, actor, subject, salt, payload" if table == "payloads" else "payload_hash, hash"
        tamperer.execute(
            f"""INSERT INTO audit.{table} SELECT stream, %s, {columns}
            FROM audit.{table} WHERE stream = 'system' AND seq = 2""",
            [seq],
        )
    assert ("inserted", "system", seq) in named(log)


def test_a_content_without_a_row_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    tamperer.execute("INSERT INTO audit.payloads VALUES ('ghost', 1, now(), 'x', 'x', 'x', '', '')")
    assert ("inserted", "ghost", 1) in named(log)


def test_a_cut_tail_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    for table in ("entries", "payloads"):
        tamperer.execute(f"DELETE FROM audit.{table} WHERE stream = 'system' AND seq > 3")
    assert named(log) == {("cut", "system", 4)}
    tamperer.execute(
        "UPDATE audit.streams SET seq = 3, hash = (SELECT hash FROM audit.entries WHERE stream = 'system' AND seq = 3) "
        "WHERE name = 'system'"
    )
    assert named(log) == {("cut", "system", 4)}


def test_a_vanished_stream_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    for table, column in (("entries", "stream"), ("payloads", "stream"), ("streams", "name")):
        tamperer.execute(f"DELETE FROM audit.{table} WHERE {column} = 'person:ada'")
    assert named(log) == {("vanished", "person:ada", None)}


def test_a_vanished_stream_is_named_even_where_its_checkpoints_vanished_too(
    log: Store, tamperer: psycopg.Connection
) -> None:
    for table, column in (("entries", "stream"), ("payloads", "stream"), ("streams", "name")):
        tamperer.execute(f"DELETE FROM audit.{table} WHERE {column} = 'person:ada'")
    tamperer.execute("DELETE FROM audit.checkpoints")
    tamperer.execute("DELETE FROM audit.checkpoint_heads")
    assert named(log) == {("checkpoint", "checkpoints", 1)}
    assert "kept outside of the database and has vanished" in str(audit.verify(log).findings[0])


def test_altered_checkpoints_are_named(log: Store, tamperer: psycopg.Connection) -> None:
    audit.checkpoint(log)
    tamperer.execute("UPDATE audit.checkpoint_heads SET hash = sha256('x') WHERE stream = 'system'")
    assert ("checkpoint", "checkpoints", 1) in named(log)
    tamperer.execute("DELETE FROM audit.checkpoints WHERE number = 1")
    findings = audit.verify(log).findings
    assert any("1: it is missing" in str(finding) for finding in findings)


def test_a_checkpoint_signed_by_someone_else_is_named(log: Store, tamperer: psycopg.Connection) -> None:
    tamperer.execute("UPDATE audit.checkpoints SET signature = decode(repeat('00', 64), 'hex')")
    assert named(log) == {("checkpoint", "checkpoints", 1)}
    statement = checkpoints.outside(log.settings)[0].statement.replace(b'"heads":3', b'"heads":4')
    tamperer.execute("UPDATE audit.checkpoints SET statement = %s", [statement])
    assert any("says something else" in str(finding) for finding in audit.verify(log).findings)


def test_a_checkpoint_is_made_only_where_something_moved(log: Store) -> None:
    second = audit.checkpoint(log)
    assert second is not None
    assert second.facts()["number"] == 2
    assert second.facts()["heads"] == 1
    assert audit.checkpoint(log) is None
    assert [each.facts()["number"] for each in checkpoints.outside(log.settings)] == [1, 2]


def test_what_was_signed_before_a_crash_reaches_the_file_with_the_next(log: Store) -> None:
    checkpoints.outside_path(log.settings).unlink()
    audit.checkpoint(log)
    assert [each.facts()["number"] for each in checkpoints.outside(log.settings)] == [1, 2]


def test_half_a_line_that_a_crash_left_in_the_file_is_written_again_whole(log: Store) -> None:
    file = checkpoints.outside_path(log.settings)
    file.write_bytes(file.read_bytes()[:-20])
    audit.checkpoint(log)
    assert [each.facts()["number"] for each in checkpoints.outside(log.settings)] == [1, 2]


def test_the_signing_key_is_open_to_its_owner_alone(log: Store) -> None:
    key = log.settings.home / "audit" / "signing-key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


def test_a_row_added_by_the_formula_shows_once_it_is_held_against_a_checkpoint(
    log: Store, tamperer: psycopg.Connection
) -> None:
    """The limit that the docs state: what the formula allows, only a checkpoint refutes."""
    for table in ("entries", "payloads"):
        tamperer.execute(f"DELETE FROM audit.{table} WHERE stream = 'model:credit' AND seq = 7")
    rewrite(tamperer, "model:credit", 6)
    assert named(log) == set()
    tamperer.execute("DELETE FROM audit.payloads WHERE stream = 'model:credit' AND seq = 5")
    tamperer.execute("DELETE FROM audit.entries WHERE stream = 'model:credit' AND seq = 5")
    renumber(tamperer, "model:credit", 6, -1)
    rewrite(tamperer, "model:credit", 5)
    assert named(log) == {("altered", "model:credit", 5)}
