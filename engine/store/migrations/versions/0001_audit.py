"""The append-only log: heads, rows, contents, checkpoints, and the one way to erase a content.

The guards stand in the database too: a trigger refuses what the roles' rights already withhold, so that a right given
by mistake changes nothing. Contents stand apart from rows: they may be erased, and the chain of hashes still verifies.
"""

from __future__ import annotations

from alembic import op

revision = "0001_audit"
down_revision: str | None = None

_UP = r"""
CREATE SCHEMA audit;

CREATE TABLE audit.streams (
    name text NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT pk_streams PRIMARY KEY (name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

CREATE TABLE audit.entries (
    stream text NOT NULL,
    seq bigint NOT NULL,
    payload_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT pk_entries PRIMARY KEY (stream, seq)
);

CREATE TABLE audit.payloads (
    stream text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    act text NOT NULL,
    actor text,
    subject text,
    salt bytea,
    payload bytea,
    CONSTRAINT pk_payloads PRIMARY KEY (stream, seq)
);
CREATE INDEX ix_payloads_at ON audit.payloads (at);
CREATE INDEX ix_payloads_actor_at ON audit.payloads (actor, at);
CREATE INDEX ix_payloads_act_at ON audit.payloads (act, at);
CREATE INDEX ix_payloads_subject_at ON audit.payloads (subject, at);

CREATE TABLE audit.checkpoints (
    number bigint NOT NULL,
    statement bytea NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT pk_checkpoints PRIMARY KEY (number)
);

CREATE TABLE audit.checkpoint_heads (
    checkpoint bigint NOT NULL,
    stream text NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT pk_checkpoint_heads PRIMARY KEY (stream, seq)
);
CREATE INDEX ix_checkpoint_heads_checkpoint ON audit.checkpoint_heads (checkpoint);

CREATE TABLE audit.erasures (
    stream text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    role text NOT NULL,
    CONSTRAINT pk_erasures PRIMARY KEY (stream, seq)
);

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION audit.forward_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name IS DISTINCT FROM OLD.name OR NEW.seq <= OLD.seq THEN
        RAISE EXCEPTION 'the head of stream % moves forward only', OLD.name USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

-- Inside audit.erase the owner acts, and only to forget: everything but the content and who it names stays.
CREATE FUNCTION audit.erase_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM audit.erasures e WHERE e.stream = OLD.stream AND e.seq = OLD.seq)
        AND NEW.salt IS NULL AND NEW.payload IS NULL AND NEW.actor IS NULL AND NEW.subject IS NULL
        AND (NEW.stream, NEW.seq, NEW.at, NEW.act) = (OLD.stream, OLD.seq, OLD.at, OLD.act)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit.payloads is append-only: UPDATE refused' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER forward_only BEFORE UPDATE ON audit.streams FOR EACH ROW EXECUTE FUNCTION audit.forward_only();
CREATE TRIGGER erase_only BEFORE UPDATE ON audit.payloads FOR EACH ROW EXECUTE FUNCTION audit.erase_only();

-- Forget the content of one row. It writes its own row into the stream `system`, in the same bytes and by the same
-- formula as engine/audit/chain.py, so that no one who may erase can do it unseen.
CREATE FUNCTION audit.erase(of_stream text, of_seq bigint, erased_by text, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    instant timestamptz := clock_timestamp();
    head audit.streams;
    content bytea;
    grain bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    content_hash bytea;
    row_hash bytea;
    erased text := of_stream || '#' || of_seq;
BEGIN
    IF of_stream IS NULL OR of_seq IS NULL OR coalesce(erased_by, '') = '' OR coalesce(reason, '') = '' THEN
        RAISE EXCEPTION 'an erasure needs a row, a person and a reason' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM FROM audit.payloads p WHERE p.stream = of_stream AND p.seq = of_seq AND p.payload IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no content to erase at %', erased USING ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO audit.erasures VALUES (of_stream, of_seq, instant, session_user);
    UPDATE audit.payloads p SET salt = NULL, payload = NULL, actor = NULL, subject = NULL
        WHERE p.stream = of_stream AND p.seq = of_seq;

    INSERT INTO audit.streams VALUES ('system', 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM audit.streams s WHERE s.name = 'system' FOR UPDATE;
    head.seq := head.seq + 1;
    content := convert_to(
        '{"act":"audit.erased","actor":' || to_json(erased_by)
        || ',"at":"' || to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","facts":{"reason":' || to_json(reason) || ',"role":' || to_json(session_user::text)
        || '},"subject":' || to_json(erased) || '}', 'UTF8');
    content_hash := sha256('gatewright audit payload 1'::bytea || '\x00'::bytea || grain || content);
    row_hash := sha256('gatewright audit row 1'::bytea || '\x00'::bytea || head.hash || int8send(head.seq)
        || convert_to('system', 'UTF8') || content_hash);
    INSERT INTO audit.entries VALUES ('system', head.seq, content_hash, row_hash);
    INSERT INTO audit.payloads VALUES
        ('system', head.seq, instant, 'audit.erased', erased_by, erased, grain, content);
    UPDATE audit.streams s SET seq = head.seq, hash = row_hash WHERE s.name = 'system';
    RETURN head.seq;
END $$;
REVOKE ALL ON FUNCTION audit.erase(text, bigint, text, text) FROM PUBLIC;
"""

_GUARDED = {
    "streams": "DELETE",
    "payloads": "DELETE",
    "entries": "UPDATE OR DELETE",
    "checkpoints": "UPDATE OR DELETE",
    "checkpoint_heads": "UPDATE OR DELETE",
    "erasures": "UPDATE OR DELETE",
}


def upgrade() -> None:
    op.execute(_UP.replace(":", r"\:"))
    for table, acts in _GUARDED.items():
        op.execute(
            f"CREATE TRIGGER append_only BEFORE {acts} ON audit.{table} FOR EACH ROW EXECUTE FUNCTION audit.refuse()"
        )
        op.execute(
            f"CREATE TRIGGER never_empty BEFORE TRUNCATE ON audit.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()"
        )


def downgrade() -> None:
    op.execute("DROP SCHEMA audit CASCADE")
