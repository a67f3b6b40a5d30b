"""The tables of the room `inventory`."""

from __future__ import annotations

from alembic import op

revision = "0006_inventory"
down_revision: str | None = "0005_queue"


def upgrade() -> None:
    op.execute("CREATE SCHEMA inventory")


def downgrade() -> None:
    op.execute("DROP SCHEMA inventory CASCADE")
