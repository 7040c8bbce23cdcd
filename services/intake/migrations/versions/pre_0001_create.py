"""Create the tables of intake."""

from alembic import op

from common.storage.migrations import create_reliability_tables, reduce_statistics
from common.storage.tables import ANALYZE_SELDOM

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    # A field that no system has stated is null.
    f"""
    CREATE TABLE customers (
        customer_id text PRIMARY KEY,
        name text,
        tier text,
        region text,
        merged_into text,
        survivor_id text,
        version integer NOT NULL DEFAULT 1,
        CHECK ((merged_into IS NULL) = (survivor_id IS NULL))
    ) WITH ({ANALYZE_SELDOM})
    """,
    """
    CREATE INDEX customers_of_survivor ON customers (survivor_id) WHERE survivor_id IS NOT NULL
    """,
    f"""
    CREATE TABLE customer_addresses (
        customer_id text NOT NULL REFERENCES customers ON DELETE CASCADE,
        kind text NOT NULL CHECK (kind IN ('email', 'phone')),
        address text NOT NULL,
        verified boolean NOT NULL,
        first_at timestamptz NOT NULL,
        PRIMARY KEY (customer_id, kind, address)
    ) WITH ({ANALYZE_SELDOM})
    """,
    "CREATE INDEX customers_of_address ON customer_addresses (address, kind)",
    """
    CREATE TABLE customer_merges (
        merge_id uuid PRIMARY KEY,
        customer_id text NOT NULL,
        into_id text NOT NULL,
        action text NOT NULL CHECK (action IN ('merged', 'unmerged')),
        reason text NOT NULL,
        by text,
        reported_by text,
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX customer_merges_at ON customer_merges (at)",
    "CREATE INDEX merges_of_customer ON customer_merges (customer_id, merge_id)",
    """
    CREATE TABLE erasures (
        erasure_id uuid PRIMARY KEY,
        customer_id text NOT NULL,
        customers integer NOT NULL,
        contacts integer NOT NULL,
        by text,
        reported_by text,
        at timestamptz NOT NULL,
        completed_at timestamptz
    )
    """,
    "CREATE INDEX erasures_at ON erasures (at)",
    f"""
    CREATE TABLE contacts (
        contact_id uuid PRIMARY KEY,
        state text NOT NULL
            CHECK (state IN ('open', 'waiting_on_customer', 'resolved', 'abandoned', 'discarded',
                             'merged')),
        channel text NOT NULL,
        received_from text NOT NULL,
        external_ref text,
        customer_id text NOT NULL REFERENCES customers,
        subject text NOT NULL,
        topic text NOT NULL,
        language text NOT NULL,
        priority text NOT NULL,
        received_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        campaign text,
        follows uuid,
        resolved_at timestamptz,
        resolved_by text,
        resolution_no integer NOT NULL,
        escalation jsonb,
        state_since timestamptz,
        latest jsonb NOT NULL DEFAULT '{{}}',
        merged_into uuid,
        supervisor_quote text,
        supervisor_question jsonb,
        vulnerability jsonb NOT NULL DEFAULT '[]',
        announced boolean NOT NULL DEFAULT true,
        team text
    ) WITH ({ANALYZE_SELDOM})
    """,
    """
    CREATE UNIQUE INDEX contacts_received_as ON contacts (received_from, external_ref)
    WHERE external_ref IS NOT NULL
    """,
    "CREATE INDEX contacts_of_customer ON contacts (customer_id, contact_id)",
    """
    CREATE INDEX contacts_of_ref ON contacts (external_ref) WHERE external_ref IS NOT NULL
    """,
    "CREATE INDEX contacts_changed ON contacts (changed_at)",
    """
    CREATE INDEX contacts_ended ON contacts (coalesce(resolved_at, received_at))
    WHERE state IN ('resolved', 'abandoned', 'discarded', 'merged')
    """,
    f"""
    CREATE TABLE messages (
        message_id uuid PRIMARY KEY,
        contact_id uuid NOT NULL REFERENCES contacts,
        author text NOT NULL CHECK (author IN ('customer', 'representative')),
        person_id text,
        text text NOT NULL,
        at timestamptz NOT NULL,
        automatic boolean NOT NULL,
        reported_by text,
        internal boolean NOT NULL DEFAULT false,
        external_id text,
        UNIQUE (contact_id, external_id)
    ) WITH ({ANALYZE_SELDOM})
    """,
    "CREATE INDEX messages_of_contact ON messages (contact_id, at)",
    """
    CREATE TABLE attachments (
        contact_id uuid NOT NULL REFERENCES contacts,
        message_ref text NOT NULL,
        attachment_id text NOT NULL,
        name text NOT NULL,
        url text,
        content_type text,
        size_bytes bigint,
        PRIMARY KEY (contact_id, message_ref, attachment_id)
    )
    """,
    """
    CREATE TABLE contact_history (
        contact_id uuid NOT NULL REFERENCES contacts,
        event_id text NOT NULL,
        field text NOT NULL,
        value text NOT NULL,
        at timestamptz NOT NULL,
        applied boolean NOT NULL,
        PRIMARY KEY (contact_id, event_id, field)
    )
    """,
    # No foreign key: it would lock the contact, and who inserts looks whether there is one.
    f"""
    CREATE TABLE contact_representatives (
        contact_id uuid NOT NULL,
        person_id text NOT NULL,
        sequence bigint NOT NULL,
        at timestamptz NOT NULL,
        is_released boolean NOT NULL DEFAULT false,
        PRIMARY KEY (contact_id, person_id)
    ) WITH ({ANALYZE_SELDOM})
    """,
    "CREATE INDEX contacts_of_person ON contact_representatives (person_id, contact_id)",
    """
    CREATE TABLE surveys (
        contact_id uuid NOT NULL REFERENCES contacts,
        survey_id text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('csat', 'nps', 'fcr')),
        person_id text,
        team_id text,
        resolution_no integer,
        sent_at timestamptz NOT NULL,
        answer jsonb,
        answered_at timestamptz,
        PRIMARY KEY (contact_id, survey_id)
    )
    """,
    """
    CREATE TABLE channel_connections (
        kind text COLLATE "C" NOT NULL,
        connection text COLLATE "C" NOT NULL,
        state text NOT NULL CHECK (state IN ('active', 'paused', 'archived')),
        version integer NOT NULL,
        secrets jsonb NOT NULL,
        app_secret jsonb,
        options jsonb NOT NULL,
        expected jsonb,
        changed_at timestamptz NOT NULL,
        changed_by text NOT NULL,
        PRIMARY KEY (kind, connection)
    )
    """,
    # Written every few seconds while deliveries come.
    """
    CREATE TABLE channel_activity (
        kind text COLLATE "C" NOT NULL,
        connection text COLLATE "C" NOT NULL,
        last_delivery_at timestamptz,
        failed_at timestamptz,
        failure_code text,
        failure_detail text,
        silent_since timestamptz,
        PRIMARY KEY (kind, connection)
    ) WITH (fillfactor = 50)
    """,
    # Of the systems with a rate limit; no column that changes has an index.
    """
    CREATE TABLE rate_limit_windows (
        system text PRIMARY KEY,
        at timestamptz NOT NULL,
        taken jsonb NOT NULL
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE listening_periods (
        listener text PRIMARY KEY,
        since timestamptz NOT NULL,
        last_seen_at timestamptz NOT NULL
    )
    """,
    # How far each connection `imap` is read, and who reads it until when.
    """
    CREATE TABLE mailboxes (
        connection text PRIMARY KEY,
        source text,
        uid_validity bigint,
        last_uid bigint NOT NULL DEFAULT 0,
        read_at timestamptz,
        failing_uid bigint,
        uid_failures integer NOT NULL DEFAULT 0,
        failures integer NOT NULL DEFAULT 0,
        error text,
        due_at timestamptz NOT NULL,
        holder text,
        held_until timestamptz,
        CHECK ((holder IS NULL) = (held_until IS NULL))
    )
    """,
    # The credentials that a token server refused last, as a digest.
    """
    CREATE TABLE sign_ins (
        kind text COLLATE "C" NOT NULL,
        connection text COLLATE "C" NOT NULL,
        credentials text NOT NULL,
        refusals integer NOT NULL,
        reason text NOT NULL,
        refused_at timestamptz NOT NULL,
        PRIMARY KEY (kind, connection)
    )
    """,
    # Cases that are to be read in their system, and who reads each until when.
    """
    CREATE TABLE case_reads (
        kind text COLLATE "C" NOT NULL,
        connection text COLLATE "C" NOT NULL,
        event_id text NOT NULL,
        case_ref text NOT NULL,
        headers jsonb NOT NULL,
        body bytea NOT NULL,
        requested_at timestamptz NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        is_opened boolean NOT NULL DEFAULT false,
        reason text,
        due_at timestamptz NOT NULL,
        holder text,
        held_until timestamptz,
        PRIMARY KEY (kind, connection, event_id),
        CHECK ((holder IS NULL) = (held_until IS NULL))
    )
    """,
    "CREATE INDEX case_reads_due ON case_reads (due_at)",
    # The systems that notifier tells of their contacts.
    """
    CREATE TABLE status_sources (
        source text PRIMARY KEY,
        is_active boolean NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    create_reliability_tables()
    for statement in STATEMENTS:
        op.execute(statement)
    reduce_statistics()
