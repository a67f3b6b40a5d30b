"""What was done, by whom, when: an append-only log whose rows prove one another."""

from __future__ import annotations

from engine.audit.checkpoints import checkpoint
from engine.audit.erasure import erase
from engine.audit.export import export, verify_export
from engine.audit.proof import Finding, Report
from engine.audit.queries import Entry, count, entries
from engine.audit.recording import adopt, attempted, open_stream, parts, record, refusal
from engine.audit.verification import verify

__all__ = [
    "Entry",
    "Finding",
    "Report",
    "adopt",
    "attempted",
    "checkpoint",
    "count",
    "entries",
    "erase",
    "export",
    "open_stream",
    "parts",
    "record",
    "refusal",
    "verify",
    "verify_export",
]
