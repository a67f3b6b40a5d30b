"""How far the database itself guards the audit log, to be told by `status`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from engine.config import Settings
from engine.store import addresses
from engine.store.sessions import connect

_STATE = text("""
    SELECT current_user AS name, r.rolsuper AS superuser,
        pg_has_role(c.relowner, 'MEMBER') AS owns,
        has_table_privilege('audit.entries', 'UPDATE') OR has_table_privilege('audit.entries', 'DELETE')
            OR has_table_privilege('audit.entries', 'TRUNCATE') AS changes
    FROM pg_roles r, pg_class c WHERE r.rolname = current_user AND c.oid = 'audit.entries'::regclass
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesState:
    """The role as which the application works, and what it could do to the audit log."""

    application: str
    owner: str
    superuser: bool
    owns: bool  #: it could switch the guards off
    changes: bool  #: it may change or delete rows as far as rights go

    @property
    def separated(self) -> bool:
        """Whether the application can neither change the log nor switch off what guards it."""
        return not (self.superuser or self.owns or self.changes)

    def line(self) -> str:
        """One line for a person."""
        if self.separated:
            return (
                f"{self.application} works, {self.owner} owns: the application can only read and add to the audit log"
            )
        why = "is a superuser" if self.superuser else "owns the tables" if self.owns else "may change rows"
        return (
            f"one role only: {self.application} {why}, so triggers and checkpoints alone guard the audit log;"
            " set GATEWRIGHT_DATABASE_OWNER_URL and give the application a role of its own (docs/store.md)"
        )


def roles_state(settings: Settings) -> RolesState:
    """What the application's role could do; asks a migrated database."""
    places = addresses.of(settings)
    engine = connect(places.application, application="command", pooled=places.pooled)
    try:
        with engine.connect() as connection:
            row = connection.execute(_STATE).one()
    finally:
        engine.dispose()
    return RolesState(
        application=row.name, owner=places.owner_role, superuser=row.superuser, owns=row.owns, changes=row.changes
    )
