"""Models, their versions, assets by digest, and risks.

A replaced asset stays: an approval or a report that names its digest can still be read.
"""

from __future__ import annotations

from alembic import op

revision = "0006_inventory"
down_revision: str | None = "0005_queue"

_UP = """
CREATE SCHEMA inventory;

CREATE TABLE inventory.models (
    id text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    owner text NOT NULL,
    team text NOT NULL,
    tool text NOT NULL,
    purpose text NOT NULL,
    affects_people boolean NOT NULL,
    decisions_per_year bigint NOT NULL,
    environment text NOT NULL,
    metadata jsonb NOT NULL,
    tier text,
    revision integer NOT NULL,
    registered_at timestamptz NOT NULL,
    registered_by text NOT NULL,
    retired_at timestamptz,
    CONSTRAINT pk_models PRIMARY KEY (id)
);

CREATE TABLE inventory.versions (
    model text NOT NULL,
    number integer NOT NULL,
    source text NOT NULL,
    seed bigint,
    parameters jsonb NOT NULL,
    note text NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    tested_at timestamptz,
    test_passed boolean,
    metrics jsonb NOT NULL,
    CONSTRAINT pk_versions PRIMARY KEY (model, number),
    CONSTRAINT fk_versions_model_models FOREIGN KEY (model) REFERENCES inventory.models (id),
    CONSTRAINT ck_versions_source CHECK (source IN ('trained', 'uploaded'))
);

CREATE TABLE inventory.assets (
    id uuid NOT NULL,
    model text NOT NULL,
    number integer NOT NULL,
    role text NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    size bigint NOT NULL,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    replaced_at timestamptz,
    CONSTRAINT pk_assets PRIMARY KEY (id),
    CONSTRAINT fk_assets_model_number_versions FOREIGN KEY (model, number)
        REFERENCES inventory.versions (model, number)
);
CREATE UNIQUE INDEX uq_assets_current ON inventory.assets (model, number, role, name) WHERE replaced_at IS NULL;
CREATE INDEX ix_assets_digest ON inventory.assets (digest);

CREATE TABLE inventory.risks (
    id uuid NOT NULL,
    model text NOT NULL,
    level text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    owner text NOT NULL,
    due date NOT NULL,
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    closed_at timestamptz,
    closed_by text,
    resolution text,
    CONSTRAINT pk_risks PRIMARY KEY (id),
    CONSTRAINT fk_risks_model_models FOREIGN KEY (model) REFERENCES inventory.models (id),
    CONSTRAINT ck_risks_level CHECK (level IN ('low', 'medium', 'high'))
);
CREATE INDEX ix_risks_model ON inventory.risks (model);
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute("DROP SCHEMA inventory CASCADE")
