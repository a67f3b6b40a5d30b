"""Sessions and transactions."""

from __future__ import annotations

from sqlalchemy import text

from engine.store import Store, transaction


def test_a_fresh_database_answers(store: Store) -> None:
    with transaction(store) as session:
        assert session.execute(text("SELECT current_user")).scalar_one() == "gatewright_app"
