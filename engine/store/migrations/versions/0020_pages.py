"""An index of the callers' own references, and a word for a schedule that could not fire.

A caller's reference leads to its inference, and late labels find theirs. Partial: rows without a reference cost
nothing. An older scoring service writes as before. Writers of the inference log wait while the index is made, about a
second for each million rows that carry a reference; what they took meanwhile stays in their queue.

A run of a schedule may be `failed`; an older clock never writes it, and older pages show the word. The table is locked
while its rows are checked against the new list of words.
"""

from __future__ import annotations

from alembic import op

revision = "0020_pages"
down_revision: str | None = "0019_canary"


def upgrade() -> None:
    op.execute(
        """
        CREATE INDEX ix_inferences_caller_reference ON inferences.inferences (caller_reference)
        WHERE caller_reference IS NOT NULL
        """
    )
    _outcomes("'started', 'missed', 'refused', 'failed'")


def downgrade() -> None:
    op.execute("UPDATE runtime.schedule_runs SET outcome = 'refused' WHERE outcome = 'failed'")
    _outcomes("'started', 'missed', 'refused'")
    op.execute("DROP INDEX inferences.ix_inferences_caller_reference")


def _outcomes(words: str) -> None:
    op.execute("ALTER TABLE runtime.schedule_runs DROP CONSTRAINT ck_schedule_runs_outcome")
    op.execute(
        f"ALTER TABLE runtime.schedule_runs ADD CONSTRAINT ck_schedule_runs_outcome CHECK (outcome IN ({words}))"
    )
