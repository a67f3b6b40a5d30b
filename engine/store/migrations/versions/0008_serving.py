"""Environments, deployments, the routes that lead callers to them, and what was retired for good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0008_serving"
down_revision: str | None = "0007_inferences"


def upgrade() -> None:
    op.execute("CREATE SCHEMA serving")
    op.create_table(
        "environments",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("promoters", pg.ARRAY(sa.Text()), nullable=False),
        sa.Column("settings", pg.JSONB(), nullable=False),
        sa.Column("defined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("defined_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_environments"),
        sa.UniqueConstraint("position", name="uq_environments_position"),
        schema="serving",
    )
    op.create_table(
        "deployments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cut_off", sa.Double(), nullable=True),
        sa.Column("inputs", pg.JSONB(), nullable=False),
        sa.Column("desired", sa.Text(), nullable=False),
        sa.Column("observed", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("live_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deployments"),
        sa.UniqueConstraint("key", name="uq_deployments_key"),
        sa.ForeignKeyConstraint(
            ["environment"], ["serving.environments.name"], name="fk_deployments_environment_environments"
        ),
        sa.CheckConstraint("desired IN ('running', 'stopped')", name=op.f("ck_deployments_desired")),
        sa.CheckConstraint(
            "observed IN ('waiting', 'starting', 'running', 'failing', 'stopped')", name=op.f("ck_deployments_observed")
        ),
        schema="serving",
    )
    op.create_index("ix_deployments_model", "deployments", ["model", "requested_at"], schema="serving")
    # What the scoring service asks twice a second: the few that shall run, or that still do.
    op.create_index(
        "ix_deployments_active",
        "deployments",
        ["target"],
        schema="serving",
        postgresql_where=sa.text("desired = 'running' OR observed <> 'stopped'"),
    )
    op.create_table(
        "routes",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Uuid(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("model", "environment", "deployment", name="pk_routes"),
        sa.ForeignKeyConstraint(
            ["environment"], ["serving.environments.name"], name="fk_routes_environment_environments"
        ),
        sa.ForeignKeyConstraint(["deployment"], ["serving.deployments.id"], name="fk_routes_deployment_deployments"),
        sa.CheckConstraint("weight BETWEEN 1 AND 100", name=op.f("ck_routes_weight")),
        schema="serving",
    )
    op.create_table(
        "retirements",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model", name="pk_retirements"),
        schema="serving",
    )


def downgrade() -> None:
    op.execute("DROP SCHEMA serving CASCADE")
