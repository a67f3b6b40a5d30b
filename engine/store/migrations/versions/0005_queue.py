"""The job queue: procrastinate 3.10's own schema, in `public`, where its functions look for its tables.

Its insert trigger is dropped: it notifies inside the transaction, which holds a lock of the whole database until the
commit is on disk (measured: 8 writers fell from 2,173 to 398 commits a second). We notify after the commit instead.
The tables change with every job, so they are vacuumed at one dead row in a hundred.
"""

from __future__ import annotations

from importlib import metadata, resources

from alembic import op

revision = "0005_queue"
down_revision: str | None = "0004_runtime"

_VERSION = "3.10."

_DOWN = """
DROP TABLE procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs, procrastinate_workers CASCADE;
DO $$
DECLARE routine regprocedure;
BEGIN
    FOR routine IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        AND p.proname LIKE 'procrastinate%'
    LOOP
        EXECUTE format('DROP ROUTINE %s CASCADE', routine);
    END LOOP;
END $$;
DROP TYPE procrastinate_job_to_defer_v1, procrastinate_job_event_type, procrastinate_job_status;
"""


def upgrade() -> None:
    found = metadata.version("procrastinate")
    if not found.startswith(_VERSION):
        raise RuntimeError(f"this revision runs the schema of procrastinate {_VERSION}x, and {found} is installed")
    schema = resources.files("procrastinate").joinpath("sql", "schema.sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = public")
    # Handed to the driver as it is: it holds colons and percent signs.
    connection.connection.driver_connection.execute(schema)  # type: ignore[union-attr]
    connection.exec_driver_sql("DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs")
    for table in ("procrastinate_jobs", "procrastinate_events"):
        connection.exec_driver_sql(f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.01)")


def downgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = public")
    connection.connection.driver_connection.execute(_DOWN)  # type: ignore[union-attr]
