"""Operators' acts: when a task was claimed and changed under its deciders' eyes, who waits for signals.

An older worker goes on: it writes no signals, leaves the new columns empty, and reads none of them. The columns take
an instant (no default has to be written into rows); the check of messages is replaced under a short exclusive lock.
"""

from __future__ import annotations

from alembic import op

revision = "0011_operating"
down_revision: str | None = "0010_road"

UP = """
ALTER TABLE runtime.user_tasks ADD COLUMN claimed_at timestamptz, ADD COLUMN changed_at timestamptz;

ALTER TABLE runtime.subscriptions ADD COLUMN kind text NOT NULL DEFAULT 'message';
ALTER TABLE runtime.subscriptions ADD CONSTRAINT ck_subscriptions_kind CHECK (kind IN ('message', 'signal')) NOT VALID;
ALTER TABLE runtime.subscriptions VALIDATE CONSTRAINT ck_subscriptions_kind;

ALTER TABLE runtime.messages DROP CONSTRAINT ck_messages_kind;
ALTER TABLE runtime.messages
    ADD CONSTRAINT ck_messages_kind CHECK (kind IN ('message', 'continuation', 'signal')) NOT VALID;
ALTER TABLE runtime.messages VALIDATE CONSTRAINT ck_messages_kind;
"""

DOWN = """
DELETE FROM runtime.messages WHERE kind = 'signal';
ALTER TABLE runtime.messages DROP CONSTRAINT ck_messages_kind;
ALTER TABLE runtime.messages ADD CONSTRAINT ck_messages_kind CHECK (kind IN ('message', 'continuation'));
DELETE FROM runtime.subscriptions WHERE kind = 'signal';
ALTER TABLE runtime.subscriptions DROP CONSTRAINT ck_subscriptions_kind, DROP COLUMN kind;
ALTER TABLE runtime.user_tasks DROP COLUMN claimed_at, DROP COLUMN changed_at;
"""


def upgrade() -> None:
    """New columns, and signals beside messages."""
    op.execute(UP)


def downgrade() -> None:
    """The same undone; signals under way are lost."""
    op.execute(DOWN)
