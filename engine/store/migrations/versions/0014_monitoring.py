"""Monitors, their runs, what they found, and the bounds that people approved.

New tables only: an older worker knows none of them and starts no monitor; no lock is taken on anything that exists.
"""

from __future__ import annotations

from alembic import op

revision = "0014_monitoring"
down_revision: str | None = "0013_tallies"

TABLES = """
CREATE SCHEMA monitoring;

CREATE TABLE monitoring.monitors (
    id uuid CONSTRAINT pk_monitors PRIMARY KEY,
    model text NOT NULL,
    environment text NOT NULL,
    name text NOT NULL,
    measures text[] NOT NULL,
    "window" text NOT NULL,
    ends text NOT NULL,
    timing text NOT NULL,
    timezone text NOT NULL,
    missed text NOT NULL,
    floor integer NOT NULL,
    state text NOT NULL,
    started_at timestamptz NOT NULL,
    started_by text NOT NULL,
    stopped_at timestamptz,
    stopped_by text,
    reason text NOT NULL,
    next_due_at timestamptz,
    last_due_at timestamptz,
    verdict text NOT NULL,
    statistical text NOT NULL,
    technical text NOT NULL,
    business text NOT NULL,
    CONSTRAINT uq_monitors_model_environment_name UNIQUE (model, environment, name),
    CONSTRAINT ck_monitors_state CHECK (state IN ('running', 'stopped')),
    CONSTRAINT ck_monitors_ends CHECK (ends IN ('due', 'newest'))
);
CREATE INDEX ix_monitors_next_due_at ON monitoring.monitors (next_due_at) WHERE state = 'running';

CREATE TABLE monitoring.runs (
    monitor uuid NOT NULL CONSTRAINT fk_runs_monitor_monitors REFERENCES monitoring.monitors (id),
    due_at timestamptz NOT NULL,
    state text NOT NULL,
    version integer,
    since timestamptz,
    until timestamptz,
    recorded_at timestamptz NOT NULL,
    instance text NOT NULL,
    verdict text NOT NULL,
    statistical text NOT NULL,
    technical text NOT NULL,
    business text NOT NULL,
    "rows" bigint NOT NULL,
    readings jsonb NOT NULL,
    silent jsonb NOT NULL,
    p double precision[] NOT NULL,
    detail text NOT NULL,
    CONSTRAINT pk_runs PRIMARY KEY (monitor, due_at),
    CONSTRAINT ck_runs_state CHECK (state IN ('measured', 'missed')),
    CONSTRAINT ck_runs_verdict CHECK (verdict IN ('no data', 'healthy', 'warn', 'breach'))
);
CREATE INDEX ix_runs_recorded_at ON monitoring.runs (recorded_at);

CREATE TABLE monitoring.findings (
    id uuid CONSTRAINT pk_findings PRIMARY KEY,
    model text NOT NULL,
    version integer,
    environment text NOT NULL,
    monitor uuid NOT NULL CONSTRAINT fk_findings_monitor_monitors REFERENCES monitoring.monitors (id),
    dimension text NOT NULL,
    measure text NOT NULL,
    metric text NOT NULL,
    subject text NOT NULL,
    cause text NOT NULL,
    state text NOT NULL,
    unit text NOT NULL,
    value double precision,
    low double precision,
    high double precision,
    warn double precision,
    breach double precision,
    p double precision,
    adjusted double precision,
    excess double precision,
    detail text NOT NULL,
    moving_with text[] NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    worsened_at timestamptz,
    times integer NOT NULL,
    closed_at timestamptz,
    closed_because text NOT NULL,
    CONSTRAINT ck_findings_state CHECK (state IN ('no data', 'healthy', 'warn', 'breach'))
);
CREATE UNIQUE INDEX uq_findings_open ON monitoring.findings (monitor, measure, metric, subject) WHERE closed_at IS NULL;
CREATE INDEX ix_findings_model ON monitoring.findings (model, first_seen);

CREATE TABLE monitoring.thresholds (
    id uuid CONSTRAINT pk_thresholds PRIMARY KEY,
    model text NOT NULL,
    metric text NOT NULL,
    subject text NOT NULL,
    version integer NOT NULL,
    warn double precision NOT NULL,
    breach double precision NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    comment text NOT NULL,
    CONSTRAINT uq_thresholds_model_metric_subject_version UNIQUE (model, metric, subject, version),
    CONSTRAINT ck_thresholds_state CHECK (state IN ('proposed', 'approved', 'rejected', 'withdrawn'))
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP SCHEMA monitoring CASCADE")
