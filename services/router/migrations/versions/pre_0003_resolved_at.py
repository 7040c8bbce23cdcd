"""Remember when a contact was resolved: a supervisor may have taken it over after that."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE assignments ADD COLUMN resolved_at timestamptz")
    # Until now a take-over ended with the reopening; from now on with the resolution before it.
    op.execute(
        "UPDATE assignments SET supervisor_id = NULL, taken_over_at = NULL"
        " WHERE state = 'completed' AND supervisor_id IS NOT NULL"
    )
