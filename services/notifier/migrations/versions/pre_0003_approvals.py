"""Know of an escalation that somebody's approval is asked for."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE escalations ADD COLUMN approval_asked boolean NOT NULL DEFAULT false")
