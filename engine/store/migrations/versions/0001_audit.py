"""The tables of the room `audit`."""

from __future__ import annotations

from alembic import op

revision = "0001_audit"
down_revision: str | None = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA audit")


def downgrade() -> None:
    op.execute("DROP SCHEMA audit CASCADE")
