"""Create the tables of the notifier."""

from alembic import op

from common.storage.migrations import create_reliability_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE recipients (
        person_id text PRIMARY KEY,
        name text NOT NULL,
        media jsonb NOT NULL
    )
    """,
    # The only id by which a channel names the person who presses a button.
    """
    CREATE TABLE channel_users (
        medium text NOT NULL,
        user_id text NOT NULL,
        person_id text NOT NULL REFERENCES recipients,
        PRIMARY KEY (medium, user_id)
    )
    """,
    "CREATE INDEX channel_users_of_person ON channel_users (person_id)",
    """
    CREATE TABLE escalations (
        escalation_id uuid PRIMARY KEY,
        contact_id uuid NOT NULL,
        state text NOT NULL CHECK (state IN (
            'raised', 'acknowledged', 'taken_over', 'handed_back', 'resolved', 'closed')),
        by text,
        at timestamptz NOT NULL,
        approval_asked boolean NOT NULL DEFAULT false
    )
    """,
    "CREATE INDEX escalations_of_contact ON escalations (contact_id)",
    "CREATE INDEX escalations_at ON escalations (at)",
    """
    CREATE TABLE notifications (
        notification_id uuid PRIMARY KEY,
        idempotency_key text NOT NULL UNIQUE,
        kind text NOT NULL CHECK (kind IN ('page', 'update')),
        state text NOT NULL CHECK (state IN (
            'pending', 'sending', 'sent', 'failed', 'cancelled')),
        page_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        escalation_id uuid,
        person_id text NOT NULL,
        medium text,
        address jsonb,
        content jsonb NOT NULL,
        requested_at timestamptz NOT NULL,
        due_at timestamptz,
        attempts integer NOT NULL,
        began_at timestamptz,
        ambiguous boolean NOT NULL,
        receipt jsonb,
        editable boolean NOT NULL,
        reason text,
        sent_at timestamptz,
        seen_at timestamptz,
        acted_at timestamptz,
        action text,
        traceparent text,
        CHECK ((state IN ('pending', 'sending')) = (due_at IS NOT NULL))
    )
    """,
    """
    CREATE INDEX notifications_due ON notifications (medium, due_at)
    WHERE state IN ('pending', 'sending')
    """,
    "CREATE INDEX notifications_of_contact ON notifications (contact_id)",
    "CREATE INDEX notifications_requested_at ON notifications (requested_at)",
    "CREATE INDEX notifications_of_escalation ON notifications (escalation_id)",
    "CREATE INDEX notifications_of_person ON notifications (person_id, notification_id)",
    """
    CREATE TABLE delivery_attempts (
        notification_id uuid NOT NULL REFERENCES notifications,
        attempt integer NOT NULL,
        started_at timestamptz NOT NULL,
        ended_at timestamptz,
        outcome text CHECK (outcome IN ('sent', 'retry', 'failed', 'unknown')),
        detail text,
        PRIMARY KEY (notification_id, attempt)
    )
    """,
)


def upgrade() -> None:
    create_reliability_tables()
    for statement in STATEMENTS:
        op.execute(statement)
