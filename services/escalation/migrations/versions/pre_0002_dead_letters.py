"""Let dead letters be replayed and discarded."""

from common.storage.migrations import add_states_of_dead_letters

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_states_of_dead_letters()
