"""What is asked all the time is answered by an index, however much lies in the tables."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.runtime import delivery, instances, queries, user_tasks
from engine.store import execute, now, transaction
from tests.runtime import worlds as w


def plan(house, statement: str, **parameters) -> str:
    """How the server would answer where reading a whole table, or sorting it, is dear."""
    with transaction(house) as session:
        for way in ("seqscan", "bitmapscan", "sort"):
            execute(session, "SELECT set_config(%(name)s, 'off', true)", {"name": f"enable_{way}"})
        rows = execute(session, f"EXPLAIN {statement}", {"now": now(session), **parameters})
        return "\n".join(row["QUERY PLAN"] for row in rows)


def test_due_timers_are_found_by_their_index_in_its_order(house):
    said = plan(house, delivery.DUE_TIMERS, most=200)
    assert "Index Scan using ix_timers_due" in said
    assert "Sort" not in said
    assert "Seq Scan" not in said


def started(house, *subjects: str) -> dict[str, user_tasks.UserTask]:
    for subject in subjects:
        instances.start(house, w.ADA, "process_p", subject)
    with transaction(house) as session:
        return {each.subject: each for each in queries.tasks(session, state="open").rows}


def test_the_inbox_shows_ones_own_first_then_what_is_due_then_the_oldest(house, clock):
    w.given_a_published(house, w.process_p())
    w.given_a_published(house, w.process_p("process_p", due="P1D"))
    open_ = started(house, "late")
    clock.advance(timedelta(minutes=1))
    open_ |= started(house, "later", "latest")
    user_tasks.claim(house, w.BEN, open_["latest"].id)
    user_tasks.claim(house, w.ADA, open_["late"].id)
    with transaction(house) as session:
        page = queries.inbox(session, w.BEN)
        assert [each.subject for each in page.rows] == ["latest", "late", "later"]
        assert page.total == 3
        assert [each.subject for each in queries.inbox(session, w.BEN, limit=1, offset=1).rows] == ["late"]
        assert [each.subject for each in queries.inbox(session, w.BEN, mine=True).rows] == ["latest"]
        assert [each.subject for each in queries.inbox(session, w.BEN, unclaimed=True).rows] == ["later"]
        assert queries.inbox(session, w.EVE).rows == []


def test_a_search_of_the_inbox_reads_an_index_alone_and_finds_by_name_subject_and_process(house):
    w.given_a_published(house, w.process_p())
    started(house, "credit", "churn")
    with transaction(house) as session:
        for search, found in (("CRED", ["credit"]), ("decide", ["credit", "churn"]), ("process_", ["credit", "churn"])):
            assert [each.subject for each in queries.inbox(session, w.BEN, search=search).rows] == found
    said = plan(
        house,
        "SELECT id FROM runtime.user_tasks WHERE state = 'open' AND role = 'risk_manager'"
        " AND searched ILIKE '%%churn%%' AND assignee IS DISTINCT FROM 'ben' ORDER BY due_at, opened_at LIMIT 50",
    )
    assert "Index Only Scan using ix_user_tasks_waiting" in said


@pytest.fixture
def short_count(monkeypatch):
    monkeypatch.setattr(queries, "MOST_COUNTED", 2)


def test_a_list_is_counted_up_to_a_bound(house, short_count):
    w.given_a_published(house, w.process_p())
    started(house, "a", "b", "c")
    with transaction(house) as session:
        assert queries.instances(session).total == 2
        assert len(queries.instances(session).rows) == 3
