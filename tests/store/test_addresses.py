"""Which PostgreSQL the house uses, and as whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.config import Settings
from engine.store import addresses
from engine.store.postgres import DatabaseMissing

ONE, TWO, THREE = (SecretStr(f"postgresql://{name}:word@db.example:5432/house") for name in ("app", "direct", "owner"))


def test_one_url_serves_all(tmp_path: Path) -> None:
    places = addresses.of(Settings(data_dir=tmp_path, database_url=ONE))
    assert places.application == places.direct == places.owner == ONE.get_secret_value()
    assert not places.pooled
    assert not places.embedded


def test_a_pooled_url_a_direct_one_and_the_owners_are_told_apart(tmp_path: Path) -> None:
    places = addresses.of(
        Settings(data_dir=tmp_path, database_url=ONE, database_direct_url=TWO, database_owner_url=THREE)
    )
    assert (places.application_role, places.owner_role, places.pooled) == ("app", "owner", True)


def test_without_a_url_the_embedded_server_is_meant(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing, match="gatewright up"):
        addresses.of(Settings(data_dir=tmp_path, database_dir=tmp_path / "pg"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:s%40cret@db.example:5432/house", "postgresql://ada@db.example:5432/house"),
        ("postgresql+psycopg://ada@db.example/house", "postgresql://ada@db.example/house"),
        ("postgresql://ada:secret@/house?host=%2Fvar%2Fdb", "postgresql://ada@/house?host=%2Fvar%2Fdb"),
    ],
)
def test_what_is_printed_holds_no_password(url: str, shown: str) -> None:
    assert addresses.shown(url) == shown
