"""Requests that failed at one deployment, so that two that share a model's requests can be held against each other.

A new table only: an older scoring service writes none of it; no lock is taken on anything that exists.
"""

from __future__ import annotations

from alembic import op

revision = "0019_canary"
down_revision: str | None = "0018_feeds"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE inferences.failures (
            deployment uuid NOT NULL,
            hour timestamptz NOT NULL,
            code text NOT NULL,
            requests bigint NOT NULL,
            CONSTRAINT pk_failures PRIMARY KEY (deployment, hour, code)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE inferences.failures")
