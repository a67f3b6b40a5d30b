"""Counts of what was answered, written with the answers: pieces as they come, added up by hour, day and month.

New tables only: an older scoring service writes none, and its rows are not counted; no lock is taken on anything that
exists.
"""

from __future__ import annotations

from alembic import op

revision = "0013_tallies"
down_revision: str | None = "0012_limits"

TABLES = """
CREATE TABLE inferences.pieces (
    id uuid CONSTRAINT pk_pieces PRIMARY KEY,
    model text NOT NULL,
    version integer NOT NULL,
    environment text NOT NULL,
    reference text NOT NULL,
    hour timestamptz NOT NULL,
    "rows" bigint NOT NULL,
    tally bytea NOT NULL
);
CREATE INDEX ix_pieces_model ON inferences.pieces (model, version, hour);

CREATE TABLE inferences.spans (
    model text NOT NULL,
    version integer NOT NULL,
    environment text NOT NULL,
    reference text NOT NULL,
    unit text NOT NULL,
    starts_at timestamptz NOT NULL,
    "rows" bigint NOT NULL,
    tally bytea NOT NULL,
    CONSTRAINT pk_spans PRIMARY KEY (model, version, environment, reference, unit, starts_at),
    CONSTRAINT ck_spans_unit CHECK (unit IN ('hour', 'day', 'month'))
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE inferences.spans; DROP TABLE inferences.pieces")
