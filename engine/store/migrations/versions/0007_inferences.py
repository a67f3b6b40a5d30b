"""The tables of the room `inferences`."""

from __future__ import annotations

from alembic import op

revision = "0007_inferences"
down_revision: str | None = "0006_inventory"


def upgrade() -> None:
    op.execute("CREATE SCHEMA inferences")


def downgrade() -> None:
    op.execute("DROP SCHEMA inferences CASCADE")
