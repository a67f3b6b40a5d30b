"""The tables of the room `governance`."""

from __future__ import annotations

from alembic import op

revision = "0009_governance"
down_revision: str | None = "0008_serving"


def upgrade() -> None:
    op.execute("CREATE SCHEMA governance")


def downgrade() -> None:
    op.execute("DROP SCHEMA governance CASCADE")
