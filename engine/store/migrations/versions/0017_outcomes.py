"""Counts of outcomes and answer times, and under which groups a label was counted.

Two new tables, and one nullable column on labels: an instant of ACCESS EXCLUSIVE on that table, no rewrite. An older
service writes labels without it: they are kept and not counted, and count when they are sent again.
"""

from __future__ import annotations

from alembic import op

revision = "0017_outcomes"
down_revision: str | None = "0016_targets"

TABLES = """
CREATE TABLE inferences.outcome_pieces (
    id uuid CONSTRAINT pk_outcome_pieces PRIMARY KEY,
    kind text NOT NULL,
    model text NOT NULL,
    version integer NOT NULL,
    environment text NOT NULL,
    hour timestamptz NOT NULL,
    counts bytea NOT NULL,
    CONSTRAINT ck_outcome_pieces_kind CHECK (kind IN ('outcomes', 'requests'))
);
CREATE INDEX ix_outcome_pieces_model ON inferences.outcome_pieces (model, version, kind, hour);

CREATE TABLE inferences.outcome_spans (
    kind text NOT NULL,
    model text NOT NULL,
    version integer NOT NULL,
    environment text NOT NULL,
    unit text NOT NULL,
    starts_at timestamptz NOT NULL,
    counts bytea NOT NULL,
    CONSTRAINT pk_outcome_spans PRIMARY KEY (model, version, environment, kind, unit, starts_at),
    CONSTRAINT ck_outcome_spans_kind CHECK (kind IN ('outcomes', 'requests')),
    CONSTRAINT ck_outcome_spans_unit CHECK (unit IN ('hour', 'day', 'month'))
);

ALTER TABLE inferences.labels ADD COLUMN counted jsonb;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "ALTER TABLE inferences.labels DROP COLUMN counted; "
        "DROP TABLE inferences.outcome_spans; DROP TABLE inferences.outcome_pieces"
    )
