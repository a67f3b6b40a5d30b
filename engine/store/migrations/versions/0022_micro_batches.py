"""Monitors that judge the hour at hand after every batch of rows, and what they saw in each hour.

Columns with a default and a new table: an older worker starts monitors without batches and looks at none. The table of
monitors, a few rows, is locked for an instant.
"""

from __future__ import annotations

from alembic import op

revision = "0022_micro_batches"
down_revision: str | None = "0021_searched"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE monitoring.monitors
            ADD COLUMN batch_rows integer NOT NULL DEFAULT 0,
            ADD COLUMN batch_seconds integer NOT NULL DEFAULT 0;
        CREATE TABLE monitoring.looks (
            monitor uuid NOT NULL,
            version integer NOT NULL,
            hour timestamptz NOT NULL,
            looks bigint NOT NULL,
            rows bigint NOT NULL,
            first_at timestamptz NOT NULL,
            looked_at timestamptz NOT NULL,
            state text NOT NULL,
            CONSTRAINT pk_looks PRIMARY KEY (monitor, version, hour),
            CONSTRAINT fk_looks_monitor_monitors FOREIGN KEY (monitor) REFERENCES monitoring.monitors (id),
            CONSTRAINT ck_looks_state CHECK (state IN ('no data', 'healthy', 'warn', 'breach'))
        )
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE monitoring.looks;
        ALTER TABLE monitoring.monitors DROP COLUMN batch_rows, DROP COLUMN batch_seconds
        """
    )
