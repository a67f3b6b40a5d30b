"""The schema's history."""

from __future__ import annotations

from collections.abc import Callable

from engine.store import migrations
from engine.store.postgres import EmbeddedPostgres


def test_the_schema_goes_up_down_and_up_again(cluster: EmbeddedPostgres, new_database: Callable[..., str]) -> None:
    url = cluster.url("owner", new_database())
    migrations.upgrade(url)
    assert migrations.current(url) == migrations.head()
    migrations.downgrade(url, "base")
    assert migrations.current(url) is None
    migrations.upgrade(url)
    assert migrations.current(url) == migrations.head()


def test_the_tables_in_the_code_are_those_in_the_database(cluster: EmbeddedPostgres, template: str) -> None:
    assert migrations.differences(cluster.url("owner", template)) == []
