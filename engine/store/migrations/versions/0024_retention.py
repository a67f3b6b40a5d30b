"""Months of the inference log that retention dropped: what they held, and the one function that drops one.

A partition can only be dropped by the owner of the table, and the application shall not own it. The function drops a
month that ended 30 days ago or more, of which this transaction has recorded how many rows it holds. It takes ACCESS
EXCLUSIVE on the log for the moment of the drop: writers and readers wait for that; before it, it locks the month alone.
An older service knows nothing of either and goes on; an inference of a dropped month is unknown to it.
"""

from __future__ import annotations

from alembic import op

revision = "0024_retention"
down_revision: str | None = "0023_business"

DROP_MONTH = """
CREATE FUNCTION inferences.drop_month(wanted date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    partition text := 'inferences_' || to_char(wanted, 'YYYY_MM');
    held bigint;
BEGIN
    IF wanted <> date_trunc('month', wanted)
        OR (wanted + interval '1 month') AT TIME ZONE 'UTC' > now() - interval '30 days' THEN
        RAISE EXCEPTION '% is no month that ended 30 days ago', wanted;
    END IF;
    -- Nobody adds to the month from here on; whoever reads goes on.
    EXECUTE format('LOCK TABLE inferences.%I IN SHARE ROW EXCLUSIVE MODE', partition);
    EXECUTE format('SELECT count(*) FROM inferences.%I', partition) INTO held;
    IF NOT EXISTS (SELECT FROM inferences.dropped_months AS told
                   WHERE told.month = wanted AND told.rows = held AND told.dropped_by = pg_current_xact_id()::text)
    THEN
        RAISE EXCEPTION '% holds % rows, and that was not recorded in this transaction', partition, held;
    END IF;
    EXECUTE format(
        'DELETE FROM inferences.labels USING inferences.%I AS gone WHERE labels.inference = gone.id', partition);
    -- The log before its month, as every query takes them.
    LOCK TABLE ONLY inferences.inferences IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('DROP TABLE inferences.%I', partition);
END $$
"""


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE inferences.dropped_months (
            month date NOT NULL,
            dropped_at timestamptz NOT NULL,
            rows bigint NOT NULL,
            labels bigint NOT NULL,
            digest text NOT NULL,
            dropped_by text NOT NULL,
            CONSTRAINT pk_dropped_months PRIMARY KEY (month, dropped_at)
        )
        """
    )
    op.execute(DROP_MONTH)


def downgrade() -> None:
    op.execute("DROP FUNCTION inferences.drop_month(date)")
    op.execute("DROP TABLE inferences.dropped_months")
