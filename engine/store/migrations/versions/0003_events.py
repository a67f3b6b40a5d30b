"""The tables of the room `events`."""

from __future__ import annotations

from alembic import op

revision = "0003_events"
down_revision: str | None = "0002_identity"


def upgrade() -> None:
    op.execute("CREATE SCHEMA events")


def downgrade() -> None:
    op.execute("DROP SCHEMA events CASCADE")
