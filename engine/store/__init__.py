"""The ground floor: PostgreSQL, its sessions and migrations, and files by digest."""

from __future__ import annotations

from engine.store.base import Base, Moment
from engine.store.canonical_json import canonical
from engine.store.clock import Clock, SystemClock, TestClock
from engine.store.files import Files
from engine.store.ids import new_id, new_ids
from engine.store.sessions import Store, after_commit, execute, files, now, open_store, replayed, transaction, trouble

__all__ = [
    "Base",
    "Clock",
    "Files",
    "Moment",
    "Store",
    "SystemClock",
    "TestClock",
    "after_commit",
    "canonical",
    "execute",
    "files",
    "new_id",
    "new_ids",
    "now",
    "open_store",
    "replayed",
    "transaction",
    "trouble",
]
