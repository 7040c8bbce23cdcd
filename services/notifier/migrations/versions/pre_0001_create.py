"""Create the tables of the notifier."""

from alembic import op

from common.storage.migrations import create_reliability_tables, reduce_statistics

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE recipients (
        person_id text PRIMARY KEY,
        name text NOT NULL,
        media jsonb NOT NULL,
        link_epoch integer NOT NULL,
        time_zone text NOT NULL,
        devices jsonb NOT NULL,
        rules jsonb NOT NULL DEFAULT '{}',
        language text,
        verified jsonb NOT NULL DEFAULT '{}',
        version integer NOT NULL DEFAULT 1
    )
    """,
    # Codes and tests that people have sent to themselves.
    """
    CREATE TABLE own_requests (
        key text PRIMARY KEY,
        person_id text NOT NULL,
        changed_at timestamptz NOT NULL,
        reference text,
        fingerprint text,
        sent_at jsonb NOT NULL DEFAULT '[]',
        tries integer NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX own_requests_changed_at ON own_requests (changed_at)",
    """
    CREATE TABLE recipient_changes (
        change_id uuid PRIMARY KEY,
        person_id text NOT NULL,
        changed_at timestamptz NOT NULL,
        changed_by text NOT NULL,
        before jsonb,
        after jsonb NOT NULL,
        refused_media jsonb NOT NULL
    )
    """,
    "CREATE INDEX recipient_changes_of_person ON recipient_changes (person_id, change_id)",
    "CREATE INDEX recipient_changes_changed_at ON recipient_changes (changed_at)",
    """
    CREATE FUNCTION recipient_changes_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'changes of recipients are append-only'; END $$
    """,
    """
    CREATE TRIGGER recipient_changes_are_append_only BEFORE UPDATE OR TRUNCATE ON recipient_changes
    FOR EACH STATEMENT EXECUTE FUNCTION recipient_changes_are_append_only()
    """,
    # Retention deletes them later.
    """
    CREATE TRIGGER recipient_changes_are_kept_for_a_year BEFORE DELETE ON recipient_changes
    FOR EACH ROW WHEN (OLD.changed_at > clock_timestamp() - interval '1 year')
    EXECUTE FUNCTION recipient_changes_are_append_only()
    """,
    """
    CREATE TABLE reporting_lines (
        person_id text PRIMARY KEY,
        version integer NOT NULL,
        manager_id text,
        active boolean NOT NULL
    )
    """,
    "CREATE INDEX reporting_lines_of_manager ON reporting_lines (manager_id)",
    # How many messages were sent in a time: by recipient, customer, channel.
    """
    CREATE TABLE budgets (
        key text PRIMARY KEY,
        sent_at jsonb NOT NULL,
        summary_due_at timestamptz,
        summaries integer NOT NULL DEFAULT 0,
        changed_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX budgets_changed_at ON budgets (changed_at)",
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
        approval_asked boolean NOT NULL DEFAULT false,
        system text,
        external_ref text,
        held_until timestamptz
    )
    """,
    """
    CREATE INDEX escalations_held ON escalations (by)
    WHERE state IN ('acknowledged', 'taken_over')
    """,
    "CREATE INDEX escalations_of_contact ON escalations (contact_id)",
    "CREATE INDEX escalations_at ON escalations (at)",
    """
    CREATE TABLE notifications (
        notification_id uuid PRIMARY KEY,
        idempotency_key text NOT NULL UNIQUE,
        kind text NOT NULL CHECK (kind IN ('page', 'update', 'notice', 'summary')),
        state text NOT NULL CHECK (state IN (
            'pending', 'sending', 'sent', 'failed', 'cancelled', 'held_back', 'grouped',
            'superseded')),
        page_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        escalation_id uuid,
        person_id text NOT NULL,
        medium text,
        address jsonb,
        content jsonb NOT NULL,
        requested_at timestamptz NOT NULL,
        due_at timestamptz CHECK (due_at >= '1970-01-01Z' AND due_at < '9000-01-01Z'),
        attempts integer NOT NULL,
        began_at timestamptz,
        ambiguous boolean NOT NULL,
        receipt jsonb,
        editable boolean NOT NULL,
        reason text,
        reason_data jsonb,
        sent_at timestamptz,
        delivered_at timestamptz,
        seen_at timestamptz,
        acted_at timestamptz,
        action text,
        traceparent text,
        link_epoch integer NOT NULL,
        summary_id uuid,
        page_media jsonb NOT NULL DEFAULT '[]',
        time_zone text NOT NULL,
        thread jsonb,
        receipt_due_at timestamptz,
        held_back_at timestamptz,
        ended_at timestamptz,
        delay_reason text,
        failover_from text,
        step integer NOT NULL DEFAULT 1,
        language text NOT NULL DEFAULT 'en',
        CHECK ((state IN ('pending', 'sending')) = (due_at IS NOT NULL))
    )
    """,
    """
    CREATE INDEX notifications_due ON notifications (medium, due_at)
    WHERE state IN ('pending', 'sending')
    """,
    """
    CREATE INDEX notifications_held_back ON notifications (medium, person_id)
    WHERE state = 'held_back'
    """,
    """
    CREATE INDEX notifications_of_summary ON notifications (summary_id)
    WHERE state = 'grouped'
    """,
    """
    CREATE INDEX notifications_receipt_due ON notifications (receipt_due_at)
    WHERE receipt_due_at IS NOT NULL AND delivered_at IS NULL
    """,
    "CREATE INDEX notifications_of_contact ON notifications (contact_id)",
    "CREATE INDEX notifications_requested_at ON notifications (requested_at)",
    "CREATE INDEX notifications_of_escalation ON notifications (escalation_id)",
    "CREATE INDEX notifications_of_person ON notifications (person_id, notification_id)",
    # Home tabs in channels that people have opened.
    """
    CREATE TABLE home_tabs (
        key text PRIMARY KEY,
        medium text NOT NULL,
        user_id text NOT NULL,
        opened_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        claimed_at timestamptz,
        changed boolean NOT NULL,
        published_at timestamptz,
        fingerprint text,
        failures integer NOT NULL,
        UNIQUE (medium, user_id)
    )
    """,
    "CREATE INDEX home_tabs_due_at ON home_tabs (due_at)",
    "CREATE INDEX home_tabs_opened_at ON home_tabs (opened_at)",
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
    # What people wrote back to a message on their phone.
    """
    CREATE TABLE phone_replies (
        message_id text PRIMARY KEY,
        number text NOT NULL,
        received_at timestamptz NOT NULL,
        hinted boolean NOT NULL DEFAULT false,
        -- The message that it answers, and how.
        notification_id uuid,
        action text,
        CHECK ((notification_id IS NULL) = (action IS NULL))
    )
    """,
    """
    CREATE INDEX phone_replies_notification_id ON phone_replies (notification_id)
        WHERE notification_id IS NOT NULL
    """,
    "CREATE INDEX phone_replies_of_number ON phone_replies (number, received_at)",
    "CREATE INDEX phone_replies_received_at ON phone_replies (received_at)",
    """
    CREATE TABLE maintenance_windows (
        key text PRIMARY KEY,
        scope text NOT NULL CHECK (scope IN ('topic', 'connection', 'campaign')),
        name text NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        reason text NOT NULL,
        set_by text NOT NULL,
        set_at timestamptz NOT NULL,
        begin_announced_at timestamptz,
        end_announced_at timestamptz,
        ended_by text,
        release_at timestamptz
    )
    """,
    "CREATE INDEX maintenance_windows_ends_at ON maintenance_windows (ends_at)",
    """
    CREATE TABLE status_webhooks (
        source text PRIMARY KEY,
        url text NOT NULL,
        statuses jsonb NOT NULL,
        secrets jsonb NOT NULL,
        state text NOT NULL CHECK (state IN ('active', 'disabled')),
        disabled_reason text,
        version integer NOT NULL,
        changed_at timestamptz NOT NULL,
        changed_by text NOT NULL,
        failures integer NOT NULL DEFAULT 0,
        failing_since timestamptz,
        retry_at timestamptz
    )
    """,
    """
    CREATE TABLE status_deliveries (
        change_id uuid PRIMARY KEY,
        source text NOT NULL,
        contact_id uuid NOT NULL,
        sequence bigint NOT NULL,
        status text NOT NULL,
        content jsonb NOT NULL,
        occurred_at timestamptz NOT NULL,
        added_at timestamptz NOT NULL,
        state text NOT NULL CHECK (state IN ('pending', 'sending', 'delivered', 'failed')),
        due_at timestamptz,
        attempts integer NOT NULL,
        delivered_at timestamptz,
        answer integer,
        detail text,
        CHECK ((state IN ('pending', 'sending')) = (due_at IS NOT NULL))
    )
    """,
    """
    CREATE INDEX status_deliveries_due ON status_deliveries (source, due_at)
    WHERE state IN ('pending', 'sending')
    """,
    """
    CREATE INDEX status_deliveries_unsent_of_contact ON status_deliveries (contact_id, sequence)
    WHERE state IN ('pending', 'sending')
    """,
    """
    CREATE INDEX status_deliveries_sending ON status_deliveries (source, contact_id)
    WHERE state = 'sending'
    """,
    # The oldest that waits for a receiver.
    """
    CREATE INDEX status_deliveries_unsent ON status_deliveries (source, added_at)
    WHERE state IN ('pending', 'sending')
    """,
    "CREATE INDEX status_deliveries_failed ON status_deliveries (source) WHERE state = 'failed'",
    "CREATE INDEX status_deliveries_added_at ON status_deliveries (added_at)",
    """
    CREATE INDEX status_deliveries_of_source ON status_deliveries (source, occurred_at, change_id)
    """,
    "CREATE INDEX status_deliveries_of_contact ON status_deliveries (contact_id)",
    """
    CREATE TABLE write_backs (
        system text PRIMARY KEY,
        version integer NOT NULL,
        state text NOT NULL CHECK (state IN ('active', 'paused', 'halted')),
        base_url text NOT NULL,
        credentials_type text NOT NULL,
        credentials text NOT NULL,
        account text NOT NULL,
        steps jsonb NOT NULL,
        language text NOT NULL,
        changed_at timestamptz NOT NULL,
        changed_by text NOT NULL,
        refusals integer NOT NULL,
        held_until timestamptz,
        halt_reason text
    )
    """,
    """
    CREATE TABLE mail_stops (
        person_id text NOT NULL,
        kind text NOT NULL,
        stopped_at timestamptz NOT NULL,
        stopped_by text NOT NULL,
        PRIMARY KEY (person_id, kind)
    )
    """,
    # The greatest version is in force; without a body it is the shipped template.
    """
    CREATE TABLE message_templates (
        medium text NOT NULL,
        kind text NOT NULL,
        language text NOT NULL,
        version integer NOT NULL,
        title text,
        body text,
        changed_at timestamptz NOT NULL,
        changed_by text NOT NULL,
        PRIMARY KEY (medium, kind, language, version)
    )
    """,
    """
    CREATE TABLE case_writes (
        write_id uuid PRIMARY KEY,
        system text NOT NULL,
        external_ref text NOT NULL,
        contact_id uuid NOT NULL,
        escalation_id uuid NOT NULL,
        state text NOT NULL CHECK (state IN (
            'pending', 'writing', 'written', 'failed', 'superseded')),
        facts jsonb NOT NULL,
        requested_at timestamptz NOT NULL,
        due_at timestamptz,
        expires_at timestamptz NOT NULL,
        attempts integer NOT NULL,
        ambiguous boolean NOT NULL,
        reason text,
        written_at timestamptz,
        traceparent text,
        CHECK ((state IN ('pending', 'writing')) = (due_at IS NOT NULL))
    )
    """,
    """
    CREATE INDEX case_writes_due ON case_writes (system, due_at)
    WHERE state IN ('pending', 'writing')
    """,
    """
    CREATE INDEX case_writes_unfinished ON case_writes (system, external_ref)
    WHERE state IN ('pending', 'writing')
    """,
    "CREATE INDEX case_writes_failed ON case_writes (system) WHERE state = 'failed'",
    "CREATE INDEX case_writes_of_system ON case_writes (system, write_id)",
    "CREATE INDEX case_writes_of_contact ON case_writes (contact_id)",
    "CREATE INDEX case_writes_requested_at ON case_writes (requested_at)",
)


def upgrade() -> None:
    create_reliability_tables()
    for statement in STATEMENTS:
        op.execute(statement)
    reduce_statistics()
