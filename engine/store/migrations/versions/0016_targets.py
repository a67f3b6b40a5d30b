"""Files of rows that are scored as a whole, and the wheels from which versions get libraries of their own.

New tables only: an older worker scores no batch and builds no environment; no lock is taken on anything that exists.
"""

from __future__ import annotations

from alembic import op

revision = "0016_targets"
down_revision: str | None = "0015_alerts"

TABLES = """
CREATE TABLE serving.batches (
    id uuid CONSTRAINT pk_batches PRIMARY KEY,
    key text NOT NULL CONSTRAINT uq_batches_key UNIQUE,
    model text NOT NULL,
    version integer NOT NULL,
    environment text NOT NULL,
    deployment uuid NOT NULL CONSTRAINT fk_batches_deployment_deployments REFERENCES serving.deployments (id),
    source text NOT NULL,
    name text NOT NULL,
    place text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    "rows" bigint,
    parts text[] NOT NULL,
    logged_parts integer NOT NULL,
    result text,
    problem jsonb,
    ended_at timestamptz,
    CONSTRAINT ck_batches_state CHECK (state IN ('waiting', 'scoring', 'scored', 'done', 'failed'))
);
CREATE INDEX ix_batches_model ON serving.batches (model, requested_at);
CREATE INDEX ix_batches_owed ON serving.batches (requested_at) WHERE state IN ('waiting', 'scoring', 'scored');
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE serving.batches")
