"""Forgetting a row's content, for personal data; the chain still verifies, and a row tells who did it and why."""

from __future__ import annotations

import psycopg

from engine.errors import GatewrightError
from engine.store.addresses import for_libpq


class NothingToErase(GatewrightError):
    """{stream}#{seq} has no content that could be erased."""

    code = "audit-nothing-to-erase"
    hint = "Look the row up in the audit trail: it may have been erased before."
    status = 404


class ErasureRefused(GatewrightError):
    """The content of {stream}#{seq} was not erased: {reason}."""

    code = "audit-erasure"
    hint = "Connect as the role that may erase (embedded: `gatewright_eraser`), and name a person and a reason."
    status = 403


def erase(url: str, stream: str, seq: int, *, by: str, reason: str) -> int:
    """Erase the content of one row; returns the number of the row in the stream `system` that tells of it.

    url: the database as the role that may erase, or as its owner; the application's role may not. What goes: salt,
    content, actor and subject. What stays: the hashes, the time and the act.
    """
    try:
        with psycopg.connect(for_libpq(url)) as connection:
            found = connection.execute("SELECT audit.erase(%s, %s, %s, %s)", [stream, seq, by, reason]).fetchone()
    except psycopg.errors.NoDataFound as nothing:
        raise NothingToErase(stream=stream, seq=seq) from nothing
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue) as refused:
        told = refused.diag.message_primary
        raise ErasureRefused(stream=stream, seq=seq, reason=told) from refused
    assert found is not None  # noqa: S101 - a function returns a row
    number: int = found[0]
    return number
