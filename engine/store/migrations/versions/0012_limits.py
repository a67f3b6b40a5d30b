"""Limits and circuit breakers of handlers.

Nothing is changed yet.
"""

from __future__ import annotations

revision = "0012_limits"
down_revision: str | None = "0011_operating"


def upgrade() -> None:
    """Nothing."""


def downgrade() -> None:
    """Nothing."""
