"""The tables of the room `queue`."""

from __future__ import annotations

from alembic import op

revision = "0005_queue"
down_revision: str | None = "0004_runtime"


def upgrade() -> None:
    op.execute("CREATE SCHEMA queue")


def downgrade() -> None:
    op.execute("DROP SCHEMA queue CASCADE")
