"""The tables of the room `serving`."""

from __future__ import annotations

from alembic import op

revision = "0008_serving"
down_revision: str | None = "0007_inferences"


def upgrade() -> None:
    op.execute("CREATE SCHEMA serving")


def downgrade() -> None:
    op.execute("DROP SCHEMA serving CASCADE")
