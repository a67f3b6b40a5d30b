"""Operators' acts: when a task was claimed, and when it changed under its deciders' eyes.

An older worker goes on: it leaves the new columns empty and reads none of them. They take an instant: no default has to
be written into rows.
"""

from __future__ import annotations

from alembic import op

revision = "0011_operating"
down_revision: str | None = "0010_road"


def upgrade() -> None:
    """Two moments more of a user task."""
    op.execute("ALTER TABLE runtime.user_tasks ADD COLUMN claimed_at timestamptz, ADD COLUMN changed_at timestamptz")


def downgrade() -> None:
    """They are forgotten."""
    op.execute("ALTER TABLE runtime.user_tasks DROP COLUMN claimed_at, DROP COLUMN changed_at")
