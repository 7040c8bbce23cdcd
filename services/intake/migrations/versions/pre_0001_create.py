"""Create the tables of intake."""

from alembic import op

from common.storage.migrations import create_reliability_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE customers (
        customer_id text PRIMARY KEY,
        name text,
        tier text NOT NULL,
        region text
    )
    """,
    """
    CREATE TABLE contacts (
        contact_id uuid PRIMARY KEY,
        state text NOT NULL CHECK (state IN ('open', 'waiting_on_customer', 'resolved')),
        channel text NOT NULL,
        connection text,
        external_ref text,
        customer_id text NOT NULL REFERENCES customers,
        subject text NOT NULL,
        topic text NOT NULL,
        language text NOT NULL,
        priority text NOT NULL,
        received_at timestamptz NOT NULL,
        resolved_at timestamptz,
        escalation jsonb,
        UNIQUE (connection, external_ref)
    )
    """,
    """
    CREATE TABLE messages (
        message_id uuid PRIMARY KEY,
        contact_id uuid NOT NULL REFERENCES contacts,
        author text NOT NULL CHECK (author IN ('customer', 'representative')),
        person_id text,
        text text NOT NULL,
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX messages_of_contact ON messages (contact_id, at)",
    """
    CREATE TABLE accepted (
        scope text NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        result text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (scope, key)
    )
    """,
    """
    CREATE TABLE connections (
        connection text PRIMARY KEY,
        kind text NOT NULL,
        secret text NOT NULL,
        options jsonb NOT NULL
    )
    """,
)


def upgrade() -> None:
    create_reliability_tables()
    for statement in STATEMENTS:
        op.execute(statement)
