"""The tables of the room `identity`."""

from __future__ import annotations

from alembic import op

revision = "0002_identity"
down_revision: str | None = "0001_audit"


def upgrade() -> None:
    op.execute("CREATE SCHEMA identity")


def downgrade() -> None:
    op.execute("DROP SCHEMA identity CASCADE")
