"""What a search over open tasks reads lies in their index alone, however many closed ones lie beside them.

Names and processes may be long, and an index' entries may not: the first 150 characters of each are searched.
The table is written anew, under a lock that lets nobody read: some ten seconds for a million tasks.
An older worker works on as before.
"""

from __future__ import annotations

from alembic import op

revision = "0021_searched"
down_revision: str | None = "0020_pages"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE runtime.user_tasks ADD COLUMN searched text GENERATED ALWAYS AS "
        "(left(name, 150) || chr(10) || left(subject, 150) || chr(10) || left(process, 150)) STORED"
    )
    op.execute("DROP INDEX runtime.ix_user_tasks_waiting")
    op.execute(
        "CREATE INDEX ix_user_tasks_waiting ON runtime.user_tasks (role, due_at, opened_at) "
        "INCLUDE (id, assignee, searched) WHERE state = 'open'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX runtime.ix_user_tasks_waiting")
    op.execute(
        "CREATE INDEX ix_user_tasks_waiting ON runtime.user_tasks (role, due_at, opened_at) WHERE state = 'open'"
    )
    op.execute("ALTER TABLE runtime.user_tasks DROP COLUMN searched")
