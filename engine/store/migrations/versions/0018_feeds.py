"""Feeds, and what came of each of their windows.

New tables only: an older clock reads no feed; no lock is taken on anything that exists.
"""

from __future__ import annotations

from alembic import op

revision = "0018_feeds"
down_revision: str | None = "0017_outcomes"

TABLES = """
CREATE TABLE monitoring.feeds (
    name text CONSTRAINT pk_feeds PRIMARY KEY,
    model text NOT NULL,
    environment text NOT NULL,
    kind text NOT NULL,
    owner text NOT NULL,
    origin text NOT NULL,
    cadence text NOT NULL,
    grace text NOT NULL,
    columns jsonb NOT NULL,
    output text NOT NULL,
    settings jsonb NOT NULL,
    paused boolean NOT NULL,
    defined_at timestamptz NOT NULL,
    defined_by text NOT NULL,
    CONSTRAINT ck_feeds_origin CHECK (origin IN ('internal', 'external'))
);

CREATE TABLE monitoring.arrivals (
    feed text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    read_at timestamptz NOT NULL,
    state text NOT NULL,
    problem text NOT NULL,
    "rows" bigint NOT NULL,
    version integer,
    reference text,
    tally bytea,
    columns jsonb NOT NULL,
    renamed jsonb NOT NULL,
    CONSTRAINT pk_arrivals PRIMARY KEY (feed, since),
    CONSTRAINT fk_arrivals_feed_feeds FOREIGN KEY (feed) REFERENCES monitoring.feeds (name),
    CONSTRAINT ck_arrivals_state CHECK (state IN ('arrived', 'late', 'missing', 'empty', 'corrupt'))
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE monitoring.arrivals; DROP TABLE monitoring.feeds")
