"""Alerts: what people are told of findings, once for each cause, what took the notice, and what is silenced.

New tables only: an older process writes none; no lock is taken on anything that exists.
"""

from __future__ import annotations

from alembic import op

revision = "0015_alerts"
down_revision: str | None = "0014_monitoring"

TABLES = """
CREATE TABLE monitoring.alerts (
    id uuid CONSTRAINT pk_alerts PRIMARY KEY,
    cause text NOT NULL,
    title text NOT NULL,
    severity text NOT NULL,
    opened_at timestamptz NOT NULL,
    handed_at timestamptz,
    handed_severity text,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text NOT NULL,
    closed_at timestamptz,
    CONSTRAINT ck_alerts_severity CHECK (severity IN ('no data', 'warn', 'breach'))
);
CREATE UNIQUE INDEX uq_alerts_open ON monitoring.alerts (cause) WHERE closed_at IS NULL;
CREATE INDEX ix_alerts_opened_at ON monitoring.alerts (opened_at);

CREATE TABLE monitoring.alert_findings (
    finding uuid NOT NULL,
    alert uuid NOT NULL CONSTRAINT fk_alert_findings_alert_alerts REFERENCES monitoring.alerts (id),
    model text NOT NULL,
    severity text NOT NULL,
    title text NOT NULL,
    added_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT pk_alert_findings PRIMARY KEY (finding, alert)
);
CREATE INDEX ix_alert_findings_alert ON monitoring.alert_findings (alert);

CREATE TABLE monitoring.deliveries (
    alert uuid NOT NULL CONSTRAINT fk_deliveries_alert_alerts REFERENCES monitoring.alerts (id),
    channel text NOT NULL,
    severity text NOT NULL,
    delivered_at timestamptz NOT NULL,
    CONSTRAINT pk_deliveries PRIMARY KEY (alert, channel, severity)
);

CREATE TABLE monitoring.silences (
    id uuid CONSTRAINT pk_silences PRIMARY KEY,
    model text,
    cause text,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    reason text NOT NULL,
    silenced_by text NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT ck_silences_span CHECK (until > since)
);
CREATE INDEX ix_silences_until ON monitoring.silences (until);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "DROP TABLE monitoring.silences; DROP TABLE monitoring.deliveries;"
        " DROP TABLE monitoring.alert_findings; DROP TABLE monitoring.alerts"
    )
