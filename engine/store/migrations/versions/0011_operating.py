"""Operators' acts on instances.

Nothing is changed yet.
"""

from __future__ import annotations

revision = "0011_operating"
down_revision: str | None = "0010_road"


def upgrade() -> None:
    """Nothing."""


def downgrade() -> None:
    """Nothing."""
