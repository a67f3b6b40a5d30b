"""People, their roles, their browser sessions and tokens, and the failed sign-ins of the last while."""

from __future__ import annotations

from alembic import op

revision = "0002_identity"
down_revision: str | None = "0001_audit"

_UP = """
CREATE SCHEMA identity;

CREATE TABLE identity.people (
    id text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    password text,
    must_change_password boolean NOT NULL,
    added_at timestamptz NOT NULL,
    disabled_at timestamptz,
    CONSTRAINT pk_people PRIMARY KEY (id)
);

CREATE TABLE identity.roles (
    person text NOT NULL,
    role text NOT NULL,
    CONSTRAINT pk_roles PRIMARY KEY (person, role),
    CONSTRAINT fk_roles_person_people FOREIGN KEY (person) REFERENCES identity.people (id)
);

CREATE TABLE identity.sessions (
    digest bytea NOT NULL,
    person text NOT NULL,
    began_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    revoked_at timestamptz,
    address text NOT NULL,
    agent text NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (digest),
    CONSTRAINT fk_sessions_person_people FOREIGN KEY (person) REFERENCES identity.people (id)
);
CREATE INDEX ix_sessions_person ON identity.sessions (person);
CREATE INDEX ix_sessions_ends_at ON identity.sessions (ends_at);

CREATE TABLE identity.tokens (
    id uuid NOT NULL,
    digest bytea NOT NULL,
    person text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    issued_at timestamptz NOT NULL,
    ends_at timestamptz,
    used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT pk_tokens PRIMARY KEY (id),
    CONSTRAINT uq_tokens_digest UNIQUE (digest),
    CONSTRAINT fk_tokens_person_people FOREIGN KEY (person) REFERENCES identity.people (id)
);
CREATE INDEX ix_tokens_person ON identity.tokens (person);

CREATE TABLE identity.sign_in_failures (
    id uuid NOT NULL,
    account text NOT NULL,
    address text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT pk_sign_in_failures PRIMARY KEY (id)
);
CREATE INDEX ix_sign_in_failures_account_at ON identity.sign_in_failures (account, at);
CREATE INDEX ix_sign_in_failures_address_at ON identity.sign_in_failures (address, at);
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute("DROP SCHEMA identity CASCADE")
