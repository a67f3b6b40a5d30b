"""Durable execution: definitions, instances, their steps, user tasks, jobs, timers, messages, incidents, schedules.

New tables only: no older worker knows them and no lock is taken on anything that exists.
"""

from __future__ import annotations

from alembic import op

revision = "0004_runtime"
down_revision: str | None = "0003_events"

TABLES = """
CREATE SCHEMA runtime;

CREATE TABLE runtime.definitions (
    id uuid CONSTRAINT pk_definitions PRIMARY KEY,
    name text NOT NULL,
    version integer,
    sha256 text NOT NULL,
    state text NOT NULL,
    title text NOT NULL,
    author text NOT NULL,
    authors text[] NOT NULL,
    reviewer text,
    comment text,
    created_at timestamptz NOT NULL,
    decided_at timestamptz,
    CONSTRAINT uq_definitions_name_version UNIQUE (name, version),
    CONSTRAINT ck_definitions_state CHECK (state IN ('draft', 'in_review', 'published', 'rejected')),
    CONSTRAINT ck_definitions_published CHECK ((state = 'published') = (version IS NOT NULL))
);
CREATE INDEX ix_definitions_state_name ON runtime.definitions (state, name);

CREATE TABLE runtime.definition_files (
    definition uuid NOT NULL
        CONSTRAINT fk_definition_files_definition_definitions REFERENCES runtime.definitions (id) ON DELETE CASCADE,
    name text NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT pk_definition_files PRIMARY KEY (definition, name)
);

CREATE TABLE runtime.bundles (
    digest text CONSTRAINT pk_bundles PRIMARY KEY,
    main text NOT NULL,
    members jsonb NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE runtime.instances (
    id uuid CONSTRAINT pk_instances PRIMARY KEY,
    process text NOT NULL,
    version integer NOT NULL,
    sha256 text NOT NULL,
    bundle text NOT NULL CONSTRAINT fk_instances_bundle_bundles REFERENCES runtime.bundles (digest),
    subject text NOT NULL,
    starter text NOT NULL,
    origin text NOT NULL,
    state text NOT NULL,
    suspended boolean NOT NULL,
    exclusive boolean NOT NULL,
    revision integer NOT NULL,
    workflow bytea NOT NULL,
    active jsonb NOT NULL,
    waiting jsonb NOT NULL,
    outcome text,
    started_at timestamptz NOT NULL,
    moved_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT ck_instances_state CHECK (state IN ('running', 'finished', 'cancelled'))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE runtime.instances ALTER COLUMN workflow SET STORAGE EXTERNAL;
CREATE INDEX ix_instances_subject ON runtime.instances (subject, started_at);
CREATE INDEX ix_instances_state_started ON runtime.instances (state, started_at);
CREATE INDEX ix_instances_process ON runtime.instances (process, started_at);
CREATE UNIQUE INDEX uq_instances_one_per_subject ON runtime.instances (process, subject)
    WHERE state = 'running' AND exclusive;

CREATE TABLE runtime.steps (
    instance uuid NOT NULL
        CONSTRAINT fk_steps_instance_instances REFERENCES runtime.instances (id) ON DELETE CASCADE,
    task uuid NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    element text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    process text NOT NULL,
    scope text NOT NULL,
    entered_at timestamptz NOT NULL,
    left_at timestamptz,
    outcome text,
    actor text,
    CONSTRAINT pk_steps PRIMARY KEY (instance, task)
);
CREATE INDEX ix_steps_instance_number ON runtime.steps (instance, number);

CREATE TABLE runtime.user_tasks (
    id uuid CONSTRAINT pk_user_tasks PRIMARY KEY,
    instance uuid NOT NULL
        CONSTRAINT fk_user_tasks_instance_instances REFERENCES runtime.instances (id) ON DELETE CASCADE,
    element text NOT NULL,
    name text NOT NULL,
    process text NOT NULL,
    scope text NOT NULL,
    subject text NOT NULL,
    role text NOT NULL,
    kind text NOT NULL,
    form text,
    documentation text NOT NULL,
    shut_out text[] NOT NULL,
    evidence jsonb NOT NULL,
    variables jsonb NOT NULL,
    properties jsonb NOT NULL,
    state text NOT NULL,
    assignee text,
    opened_at timestamptz NOT NULL,
    due_at timestamptz,
    closed_at timestamptz,
    closed_by text,
    answer jsonb,
    CONSTRAINT ck_user_tasks_state CHECK (state IN ('open', 'completed', 'cancelled'))
);
CREATE INDEX ix_user_tasks_inbox ON runtime.user_tasks (role, opened_at) WHERE state = 'open';
CREATE INDEX ix_user_tasks_assignee ON runtime.user_tasks (assignee) WHERE state = 'open';
CREATE INDEX ix_user_tasks_instance ON runtime.user_tasks (instance, element);
CREATE INDEX ix_user_tasks_subject ON runtime.user_tasks (subject);

CREATE TABLE runtime.evidence (
    digest text CONSTRAINT pk_evidence PRIMARY KEY,
    content bytea NOT NULL,
    kept_at timestamptz NOT NULL
);

CREATE TABLE runtime.jobs (
    task uuid CONSTRAINT pk_jobs PRIMARY KEY,
    instance uuid NOT NULL
        CONSTRAINT fk_jobs_instance_instances REFERENCES runtime.instances (id) ON DELETE CASCADE,
    element text NOT NULL,
    name text NOT NULL,
    process text NOT NULL,
    handler text NOT NULL,
    parameters jsonb NOT NULL,
    state text NOT NULL,
    attempt integer NOT NULL,
    attempts integer NOT NULL,
    progress double precision NOT NULL,
    progress_text text NOT NULL,
    error text,
    worker text,
    queued_at timestamptz NOT NULL,
    started_at timestamptz,
    next_attempt_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT ck_jobs_state CHECK (state IN ('queued', 'running', 'retrying', 'failed', 'done', 'cancelled'))
) WITH (autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX ix_jobs_instance ON runtime.jobs (instance);
CREATE INDEX ix_jobs_open ON runtime.jobs (state, queued_at) WHERE state IN ('queued', 'running', 'retrying', 'failed');

CREATE TABLE runtime.timers (
    task uuid CONSTRAINT pk_timers PRIMARY KEY,
    instance uuid NOT NULL
        CONSTRAINT fk_timers_instance_instances REFERENCES runtime.instances (id) ON DELETE CASCADE,
    element text NOT NULL,
    name text NOT NULL,
    process text NOT NULL,
    due_at timestamptz NOT NULL,
    parked boolean NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX ix_timers_due ON runtime.timers (due_at) WHERE NOT parked;
CREATE INDEX ix_timers_instance ON runtime.timers (instance);

CREATE TABLE runtime.subscriptions (
    task uuid CONSTRAINT pk_subscriptions PRIMARY KEY,
    instance uuid NOT NULL
        CONSTRAINT fk_subscriptions_instance_instances REFERENCES runtime.instances (id) ON DELETE CASCADE,
    element text NOT NULL,
    name text NOT NULL,
    process text NOT NULL,
    message text NOT NULL,
    key text NOT NULL
);
CREATE INDEX ix_subscriptions_message_key ON runtime.subscriptions (message, key);
CREATE INDEX ix_subscriptions_instance ON runtime.subscriptions (instance);

CREATE TABLE runtime.messages (
    id uuid CONSTRAINT pk_messages PRIMARY KEY,
    kind text NOT NULL,
    name text NOT NULL,
    key text NOT NULL,
    payload jsonb NOT NULL,
    sender text NOT NULL,
    sent_at timestamptz NOT NULL,
    expires_at timestamptz,
    delivered_at timestamptz,
    delivered_to uuid,
    outcome text,
    CONSTRAINT ck_messages_kind CHECK (kind IN ('message', 'continuation'))
) WITH (autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX ix_messages_waiting ON runtime.messages (sent_at) WHERE delivered_at IS NULL;
CREATE INDEX ix_messages_delivered_to ON runtime.messages (delivered_to, delivered_at)
    WHERE delivered_to IS NOT NULL;

CREATE TABLE runtime.incidents (
    id uuid CONSTRAINT pk_incidents PRIMARY KEY,
    instance uuid NOT NULL
        CONSTRAINT fk_incidents_instance_instances REFERENCES runtime.instances (id) ON DELETE CASCADE,
    task uuid,
    element text NOT NULL,
    name text NOT NULL,
    process text NOT NULL,
    kind text NOT NULL,
    cause text NOT NULL,
    way_on text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by text,
    resolution text
);
CREATE INDEX ix_incidents_instance ON runtime.incidents (instance);
CREATE INDEX ix_incidents_open ON runtime.incidents (opened_at) WHERE closed_at IS NULL;

CREATE TABLE runtime.schedules (
    id uuid CONSTRAINT pk_schedules PRIMARY KEY,
    name text NOT NULL CONSTRAINT uq_schedules_name UNIQUE,
    process text NOT NULL,
    subject text NOT NULL,
    variables jsonb NOT NULL,
    timing text NOT NULL,
    timezone text NOT NULL,
    missed text NOT NULL,
    owner text NOT NULL,
    paused boolean NOT NULL,
    created_at timestamptz NOT NULL,
    next_due_at timestamptz,
    CONSTRAINT ck_schedules_missed CHECK (missed IN ('run_once', 'run_all', 'skip'))
);
CREATE INDEX ix_schedules_due ON runtime.schedules (next_due_at) WHERE NOT paused;

CREATE TABLE runtime.schedule_runs (
    schedule uuid NOT NULL
        CONSTRAINT fk_schedule_runs_schedule_schedules REFERENCES runtime.schedules (id) ON DELETE CASCADE,
    due_at timestamptz NOT NULL,
    fired_at timestamptz NOT NULL,
    outcome text NOT NULL,
    instance uuid,
    detail text NOT NULL,
    CONSTRAINT pk_schedule_runs PRIMARY KEY (schedule, due_at),
    CONSTRAINT ck_schedule_runs_outcome CHECK (outcome IN ('started', 'missed', 'refused'))
);
"""

# A published definition is what its instances run: no one, the application least of all, may change it afterwards.
IMMUTABLE = """
CREATE FUNCTION runtime.refuse_change_of_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'definitions' THEN
        IF OLD.state = 'published' THEN
            RAISE EXCEPTION 'definition % version % is published and cannot be changed', OLD.name, OLD.version;
        END IF;
    ELSIF EXISTS (SELECT 1 FROM runtime.definitions WHERE id = OLD.definition AND state = 'published') THEN
        RAISE EXCEPTION 'file % belongs to a published definition and cannot be changed', OLD.name;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER published_definitions_stay BEFORE UPDATE OR DELETE ON runtime.definitions
    FOR EACH ROW EXECUTE FUNCTION runtime.refuse_change_of_published();
CREATE TRIGGER published_files_stay BEFORE UPDATE OR DELETE ON runtime.definition_files
    FOR EACH ROW EXECUTE FUNCTION runtime.refuse_change_of_published();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(IMMUTABLE)


def downgrade() -> None:
    op.execute("DROP SCHEMA runtime CASCADE")
