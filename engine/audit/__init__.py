"""What was done, by whom, when: an append-only log whose rows prove one another."""

from __future__ import annotations

from engine.audit.queries import Entry, count, entries
from engine.audit.recording import adopt, open_stream, record, refusal

__all__ = ["Entry", "adopt", "count", "entries", "open_stream", "record", "refusal"]
