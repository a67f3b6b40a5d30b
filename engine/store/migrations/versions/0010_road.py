"""The road of one event and the lists that pages read, shortened where the tables are large.

An instance no longer refers to its bundle by a foreign key: bundles are never deleted, and each start locked the one
row that all instances of a process share. The inbox is read in the order of an index, role by role.
An older worker works on as before. Each index is built under a lock that lets nobody write: seconds for a million rows.
"""

from __future__ import annotations

from alembic import op

revision = "0010_road"
down_revision: str | None = "0009_governance"


def upgrade() -> None:
    op.execute("ALTER TABLE runtime.instances DROP CONSTRAINT fk_instances_bundle_bundles")
    op.execute("CREATE INDEX ix_instances_started ON runtime.instances (started_at)")
    op.execute("DROP INDEX runtime.ix_user_tasks_inbox")
    op.execute(
        "CREATE INDEX ix_user_tasks_waiting ON runtime.user_tasks (role, due_at, opened_at) WHERE state = 'open'"
    )
    op.execute("CREATE INDEX ix_user_tasks_open ON runtime.user_tasks (opened_at) WHERE state = 'open'")


def downgrade() -> None:
    op.execute("DROP INDEX runtime.ix_user_tasks_open")
    op.execute("DROP INDEX runtime.ix_user_tasks_waiting")
    op.execute("CREATE INDEX ix_user_tasks_inbox ON runtime.user_tasks (role, opened_at) WHERE state = 'open'")
    op.execute("DROP INDEX runtime.ix_instances_started")
    op.execute(
        "ALTER TABLE runtime.instances ADD CONSTRAINT fk_instances_bundle_bundles "
        "FOREIGN KEY (bundle) REFERENCES runtime.bundles (digest)"
    )
