"""Limits and circuit breakers of service tasks, the line in which their jobs wait, and the trace of a job.

New tables, and columns of runtime.jobs that an older worker leaves empty: it starts jobs without asking for room, so a
limit holds once every worker is new. Adding the columns locks runtime.jobs for a moment, since none of them has a
default; the two indexes are made over no row at all.
"""

from __future__ import annotations

from alembic import op

revision = "0012_limits"
down_revision: str | None = "0011_operating"

TABLES = """
ALTER TABLE runtime.jobs
    ADD COLUMN trace text,
    ADD COLUMN target text,
    ADD COLUMN held_since timestamptz,
    ADD COLUMN admitted_at timestamptz;
CREATE INDEX ix_jobs_line ON runtime.jobs (handler, held_since) WHERE held_since IS NOT NULL;
CREATE INDEX ix_jobs_admitted ON runtime.jobs (handler) WHERE admitted_at IS NOT NULL;

CREATE TABLE runtime.limits (
    handler text CONSTRAINT pk_limits PRIMARY KEY,
    concurrency integer,
    starts integer,
    per_seconds double precision,
    failures integer,
    pause_seconds double precision,
    reason text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT ck_limits_rate CHECK ((starts IS NULL) = (per_seconds IS NULL))
);

CREATE TABLE runtime.starts (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_starts PRIMARY KEY,
    handler text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX ix_starts_handler_at ON runtime.starts (handler, at);

CREATE TABLE runtime.breakers (
    handler text NOT NULL,
    target text NOT NULL,
    state text NOT NULL,
    failures integer NOT NULL,
    cause text NOT NULL,
    opened_at timestamptz,
    probe_at timestamptz,
    pause_seconds double precision NOT NULL,
    probe uuid,
    changed_at timestamptz NOT NULL,
    CONSTRAINT pk_breakers PRIMARY KEY (handler, target),
    CONSTRAINT ck_breakers_state CHECK (state IN ('closed', 'open', 'half_open'))
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE runtime.breakers, runtime.starts, runtime.limits")
    op.execute("DROP INDEX runtime.ix_jobs_line, runtime.ix_jobs_admitted")
    op.execute(
        "ALTER TABLE runtime.jobs DROP COLUMN trace, DROP COLUMN target, DROP COLUMN held_since, "
        "DROP COLUMN admitted_at"
    )
