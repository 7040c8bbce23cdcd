"""Let the audit find what is open without reading what is not."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # It follows a watch only when the contact is resolved or opened again: of all other updates
    # it knows nothing, so they stay on their page as before.
    op.execute("CREATE INDEX watches_unresolved ON watches (contact_id) WHERE resolved_at IS NULL")
