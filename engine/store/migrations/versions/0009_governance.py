"""Approvals: who said yes to what, seeing which digests, and whether it still holds.

A new table only: no older worker knows it and no lock is taken on anything that exists.
"""

from __future__ import annotations

from alembic import op

revision = "0009_governance"
down_revision: str | None = "0008_serving"

TABLES = """
CREATE SCHEMA governance;

CREATE TABLE governance.approvals (
    id uuid CONSTRAINT pk_approvals PRIMARY KEY,
    model text NOT NULL,
    version text NOT NULL,
    purpose text NOT NULL,
    environment text NOT NULL,
    tier text NOT NULL,
    decision text NOT NULL,
    role text NOT NULL,
    actor text NOT NULL,
    requester text NOT NULL,
    comment text NOT NULL,
    conditions text[] NOT NULL,
    digests jsonb NOT NULL,
    shown jsonb NOT NULL,
    instance uuid NOT NULL,
    task uuid NOT NULL,
    decided_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by text,
    voided_at timestamptz,
    void_reason text,
    CONSTRAINT uq_approvals_task UNIQUE (task),
    CONSTRAINT ck_approvals_purpose CHECK (purpose IN ('deployment', 'retirement')),
    CONSTRAINT ck_approvals_decision CHECK (decision IN ('approve', 'reject'))
);
CREATE INDEX ix_approvals_model ON governance.approvals (model, decided_at);
CREATE INDEX ix_approvals_version ON governance.approvals (version, purpose);

CREATE TABLE governance.in_hand (
    instance uuid CONSTRAINT pk_in_hand PRIMARY KEY,
    version text NOT NULL,
    taken_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP SCHEMA governance CASCADE")
