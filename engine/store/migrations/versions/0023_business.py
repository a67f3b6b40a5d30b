"""Rows that broke a business rule, and what the process of a deployment used by the hour.

New tables only: an older scoring service writes none of it; no lock is taken on anything that exists.
"""

from __future__ import annotations

from alembic import op

revision = "0023_business"
down_revision: str | None = "0022_micro_batches"

TABLES = """
CREATE TABLE inferences.violations (
    inference uuid NOT NULL,
    rule text NOT NULL,
    model text NOT NULL,
    version integer NOT NULL,
    environment text NOT NULL,
    event_time timestamptz NOT NULL,
    logged_at timestamptz NOT NULL,
    CONSTRAINT pk_violations PRIMARY KEY (inference, rule)
);
CREATE INDEX ix_violations_rule ON inferences.violations (model, rule, event_time);
CREATE INDEX ix_violations_logged_at ON inferences.violations (logged_at);

CREATE TABLE serving.usage (
    deployment uuid NOT NULL,
    hour timestamptz NOT NULL,
    samples bigint NOT NULL,
    memory_mb_sum double precision NOT NULL,
    memory_mb_peak double precision NOT NULL,
    cpu_us bigint NOT NULL,
    watched_us bigint NOT NULL,
    CONSTRAINT pk_usage PRIMARY KEY (deployment, hour)
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE serving.usage; DROP TABLE inferences.violations")
