"""The inference log, partitioned by month from the first day, with refused calls and labels beside it.

A partition is made ahead by `inferences.ensure_partitions`, a function of the owner's: a partition may only be made by
the owner of the table, and the application shall not own it. It attaches what it made, which takes SHARE UPDATE
EXCLUSIVE on the log (writers go on) and ACCESS EXCLUSIVE on the default partition, empty but for the month that nobody
made ahead.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0007_inferences"
down_revision: str | None = "0006_inventory"

ENSURE_PARTITIONS = """
CREATE FUNCTION inferences.ensure_partitions(first date, months integer) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    low timestamptz;
    high timestamptz;
    partition text;
BEGIN
    -- Two callers at once: the second waits here and then finds the partitions made.
    PERFORM pg_advisory_xact_lock(hashtextextended('inferences.ensure_partitions', 0));
    FOR i IN 0 .. LEAST(months, 24) - 1 LOOP
        low := (date_trunc('month', first)::timestamp + make_interval(months => i)) AT TIME ZONE 'UTC';
        high := (date_trunc('month', first)::timestamp + make_interval(months => i + 1)) AT TIME ZONE 'UTC';
        partition := 'inferences_' || to_char(low AT TIME ZONE 'UTC', 'YYYY_MM');
        CONTINUE WHEN to_regclass('inferences.' || partition) IS NOT NULL;
        EXECUTE format('CREATE TABLE inferences.%I (LIKE inferences.inferences INCLUDING ALL)', partition);
        -- Rows of a month that nobody made ahead lie in the default partition: they move, else ATTACH refuses.
        EXECUTE format(
            'WITH moved AS (DELETE FROM inferences.inferences_default WHERE logged_at >= %L AND logged_at < %L '
            'RETURNING *) INSERT INTO inferences.%I SELECT * FROM moved', low, high, partition);
        EXECUTE format('ALTER TABLE inferences.inferences ATTACH PARTITION inferences.%I FOR VALUES FROM (%L) TO (%L)',
            partition, low, high);
        RETURN NEXT partition;
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute("CREATE SCHEMA inferences")
    op.create_table(
        "inferences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Uuid(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("caller_reference", sa.Text(), nullable=True),
        sa.Column("input", pg.JSONB(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("output", pg.JSONB(), nullable=False),
        sa.Column("request", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("request_rows", sa.Integer(), nullable=False),
        sa.Column("latency_us", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", "logged_at", name="pk_inferences"),
        schema="inferences",
        postgresql_partition_by="RANGE (logged_at)",
    )
    op.create_index("ix_inferences_model_event_time", "inferences", ["model", "event_time"], schema="inferences")
    op.execute("CREATE TABLE inferences.inferences_default PARTITION OF inferences.inferences DEFAULT")
    op.execute(ENSURE_PARTITIONS)
    op.execute("SELECT inferences.ensure_partitions((now() AT TIME ZONE 'UTC')::date, 3)")

    op.create_table(
        "refusals",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("model", "hour", "environment", "code", name="pk_refusals"),
        schema="inferences",
    )
    op.create_table(
        "labels",
        sa.Column("inference", sa.Uuid(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("inference", name="pk_labels"),
        schema="inferences",
    )
    op.create_index("ix_labels_model", "labels", ["model", "known_at"], schema="inferences")


def downgrade() -> None:
    op.execute("DROP SCHEMA inferences CASCADE")
