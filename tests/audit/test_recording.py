"""Rows are written with the commit of what they tell of."""

from __future__ import annotations

from engine import audit
from engine.store import Store, transaction


def test_a_row_is_there_after_the_commit(store: Store) -> None:
    with transaction(store) as session:
        audit.record(session, "model:credit", "model.registered", actor="ada", subject="credit", team="risk")
        audit.record(session, "model:credit", "model.edited", actor="ada", subject="credit")
    with transaction(store) as session:
        newest, first = audit.entries(session, stream="model:credit")
    assert (first.seq, first.act, first.facts["team"]) == (1, "model.registered", "risk")
    assert newest.seq == 2
