"""The road of one event, shortened.

Nothing is changed yet.
"""

from __future__ import annotations

revision = "0010_road"
down_revision: str | None = "0009_governance"


def upgrade() -> None:
    """Nothing."""


def downgrade() -> None:
    """Nothing."""
