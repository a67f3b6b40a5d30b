"""The outbox of told facts; the index holds what is not delivered yet, so it stays small."""

from __future__ import annotations

from alembic import op

revision = "0003_events"
down_revision: str | None = "0002_identity"

_UP = """
CREATE SCHEMA events;

CREATE TABLE events.outbox (
    id uuid NOT NULL,
    name text NOT NULL,
    subject text NOT NULL,
    digests jsonb NOT NULL,
    facts jsonb NOT NULL,
    at timestamptz NOT NULL,
    delivered_at timestamptz,
    attempts integer NOT NULL,
    not_before timestamptz,
    CONSTRAINT pk_outbox PRIMARY KEY (id)
) WITH (autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX ix_outbox_pending ON events.outbox (id) WHERE delivered_at IS NULL;
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute("DROP SCHEMA events CASCADE")
