"""What each role may do: the owner migrates, the application works, the eraser forgets."""

from __future__ import annotations

from sqlalchemy import Connection, text

_ROOMS = ("identity", "events", "runtime", "inventory", "inferences", "serving", "monitoring", "governance")


def close(connection: Connection) -> None:
    """Take from everybody what PostgreSQL gives to everybody: a restore brings it back, for one."""
    if connection.execute(text("SELECT to_regprocedure('audit.erase(text, bigint, text, text)')")).scalar():
        _run(connection, "REVOKE ALL ON FUNCTION audit.erase(text, bigint, text, text) FROM PUBLIC")


def to_application(connection: Connection, role: str) -> None:
    """Everything on rows of the rooms; of the audit log only reading and adding. Harmless when given again."""
    name = _quoted(connection, role)
    for room in (*_ROOMS, "public"):
        if not connection.execute(text("SELECT to_regnamespace(:room)"), {"room": room}).scalar():
            continue  # a database of an older revision, which is about to be upgraded
        _run(
            connection,
            f"GRANT USAGE ON SCHEMA {room} TO {name}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {room} TO {name}",
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {room} TO {name}",
        )
    _run(
        connection,
        f"REVOKE INSERT, UPDATE, DELETE ON public.alembic_version FROM {name}",
        f"GRANT USAGE ON SCHEMA audit TO {name}",
        f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA audit TO {name}",
        # A head moves with each row; the trigger lets it move forward only.
        f"GRANT UPDATE (seq, hash) ON audit.streams TO {name}",
        f"REVOKE INSERT ON audit.erasures FROM {name}",
    )


def to_eraser(connection: Connection, role: str) -> None:
    """The one function that forgets a row's content and leaves a row about it."""
    name = _quoted(connection, role)
    _run(
        connection,
        f"GRANT USAGE ON SCHEMA audit TO {name}",
        f"GRANT EXECUTE ON FUNCTION audit.erase(text, bigint, text, text) TO {name}",
    )


def _quoted(connection: Connection, role: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(role)


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(text(statement))
