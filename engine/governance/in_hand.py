"""Which version an instance has in hand: what its deciders are shown, and what their decisions are about.

Kept beside the instance and not in its variables, which forms and scripts write. Without it all would be about the
newest version: one that is registered while an approval waits would take the place of what was tested.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.governance.tables import InHandRow
from engine.store import now


def take(session: Session, instance: UUID, version: str) -> None:
    """From now on the instance is about this version (model@number)."""
    statement = insert(InHandRow).values(instance=instance, version=version, taken_at=now(session))
    taken = {name: statement.excluded[name] for name in ("version", "taken_at")}
    session.execute(statement.on_conflict_do_update(index_elements=["instance"], set_=taken))


def of(session: Session, instance: UUID) -> str | None:
    """The version that the instance has in hand; None where it took none yet."""
    row = session.get(InHandRow, instance, populate_existing=True)
    return row.version if row else None
