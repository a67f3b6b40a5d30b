"""What somebody changed by hand, as the audit log keeps it: the value where it is small, else its digest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine.errors import GatewrightError

#: bytes of a value that stands in the log itself
LARGEST_TOLD = 1_000


class ReasonMissing(GatewrightError):
    """{act} asks for a reason."""

    code = "reason-missing"
    hint = "Say why: it is kept in the audit log."
    status = 422


def require_reason(reason: str, act: str) -> str:
    """The reason, trimmed; raises ReasonMissing."""
    if not reason.strip():
        raise ReasonMissing(act=act)
    return reason.strip()[:2_000]


def canonical(value: Any) -> bytes:
    """A JSON value as the same bytes wherever it is read; unlike RFC 8785 with whole numbers of 64 bits."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(value: Any) -> str:
    """sha256 of a JSON value's canonical bytes."""
    return hashlib.sha256(canonical(value)).hexdigest()


def told(value: Any) -> Any:
    """The value, or its digest and size where it is large."""
    content = canonical(value)
    return value if len(content) <= LARGEST_TOLD else {"sha256": digest(value), "bytes": len(content)}
