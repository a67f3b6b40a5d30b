"""The tables of the room `runtime`."""

from __future__ import annotations

from alembic import op

revision = "0004_runtime"
down_revision: str | None = "0003_events"


def upgrade() -> None:
    op.execute("CREATE SCHEMA runtime")


def downgrade() -> None:
    op.execute("DROP SCHEMA runtime CASCADE")
