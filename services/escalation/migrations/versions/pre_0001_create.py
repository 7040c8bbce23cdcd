"""Create the tables of escalation."""

from alembic import op

from common.storage.migrations import create_reliability_tables, make_append_only, reduce_statistics
from common.storage.tables import ANALYZE_SELDOM

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    # A version never changes. `revision` names all settings as they were when its newest row was
    # added; no other database has the same revision.
    """
    CREATE TABLE setting_versions (
        serial bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
        revision uuid NOT NULL DEFAULT gen_random_uuid(),
        kind text NOT NULL,
        id text NOT NULL,
        version integer NOT NULL CHECK (version > 0),
        body jsonb NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        archived boolean NOT NULL DEFAULT false,
        PRIMARY KEY (kind, id, version)
    )
    """,
    # VOLATILE: in a statement that waits for locks it sees what others committed meanwhile, if its
    # argument is known only once it has them.
    """
    CREATE FUNCTION newest_revision(_locks bigint) RETURNS text LANGUAGE sql VOLATILE
    SET search_path FROM CURRENT AS $$
        SELECT CAST(revision AS text) FROM setting_versions ORDER BY serial DESC LIMIT 1
    $$
    """,
    # A row is updated several times. With free space on the page, and the key and three rarely
    # changed columns indexed, most updates touch no index. Of an update on the same page only what
    # lies between the first and the last changed byte is logged: what seldom changes comes first.
    # `json` is shorter than `jsonb`, and costs less to write.
    f"""
    CREATE TABLE tracked_contacts (
        contact_id uuid PRIMARY KEY,
        opened_at timestamptz,
        escalation_count integer NOT NULL DEFAULT 0,
        reopenings integer NOT NULL DEFAULT 0,
        details json,
        customer_id text,
        ladder_id text,
        severity text NOT NULL DEFAULT 'medium',
        resolved_at timestamptz,
        waiting_since timestamptz,
        wait_ends_at timestamptz,
        replied_at timestamptz,
        reply_owed_since timestamptz,
        escalation_id uuid,
        referral jsonb,
        team_id text,
        representative_id text,
        representatives jsonb NOT NULL DEFAULT '[]',
        assigned_at jsonb NOT NULL DEFAULT '[]',
        clocks json NOT NULL DEFAULT '[]'
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, {ANALYZE_SELDOM})
    """,
    # No plan depends on them, and to sample them is most of the work of autovacuum.
    """
    ALTER TABLE tracked_contacts
        ALTER COLUMN details SET STATISTICS 0,
        ALTER COLUMN assigned_at SET STATISTICS 0,
        ALTER COLUMN clocks SET STATISTICS 0
    """,
    # For the timer check, which reads open contacts only.
    """
    CREATE INDEX tracked_contacts_unresolved ON tracked_contacts (contact_id)
    WHERE resolved_at IS NULL
    """,
    """
    CREATE INDEX tracked_contacts_resolved_at ON tracked_contacts (resolved_at)
    WHERE resolved_at IS NOT NULL
    """,
    """
    CREATE INDEX tracked_contacts_of_customer ON tracked_contacts (customer_id, opened_at)
    WHERE customer_id IS NOT NULL
    """,
    # Deferred, since one batch may close an escalation and raise the contact's next one.
    """
    CREATE TABLE escalations (
        escalation_id uuid PRIMARY KEY,
        contact_id uuid NOT NULL REFERENCES tracked_contacts,
        state text NOT NULL CHECK (state IN (
            'raised', 'acknowledged', 'taken_over', 'approval_asked',
            'handed_back', 'resolved', 'closed')),
        severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
        ladder jsonb,
        causes jsonb NOT NULL,
        cause_count integer NOT NULL,
        complaints jsonb NOT NULL DEFAULT '[]',
        participants jsonb NOT NULL DEFAULT '[]',
        responders jsonb NOT NULL DEFAULT '[]',
        raised_at timestamptz NOT NULL,
        level integer NOT NULL,
        round integer NOT NULL,
        repeats integer NOT NULL,
        top_repeats integer NOT NULL DEFAULT 0,
        awaited jsonb NOT NULL,
        pages jsonb NOT NULL DEFAULT '[]',
        deadline timestamptz,
        lease jsonb,
        lease_no integer NOT NULL,
        snoozes integer NOT NULL,
        approval jsonb,
        alarm_since timestamptz,
        reopened boolean NOT NULL DEFAULT false,
        closed_at timestamptz,
        resolution jsonb,
        version integer NOT NULL,
        trail jsonb NOT NULL,
        -- Who has it, or had it when it ended.
        holder text GENERATED ALWAYS AS (coalesce(lease->>'holder', resolution->>'by')) STORED,
        CONSTRAINT one_open_escalation_per_contact
            EXCLUDE USING btree (contact_id WITH =)
            WHERE (state IN ('raised', 'acknowledged', 'taken_over', 'approval_asked'))
            DEFERRABLE INITIALLY DEFERRED
    )
    """,
    # A list of open escalations reads open ones only, with any filters.
    """
    CREATE INDEX escalations_open_by_time_left
    ON escalations (coalesce(deadline, 'infinity'), escalation_id)
    WHERE state IN ('raised', 'acknowledged', 'taken_over', 'approval_asked')
    """,
    "CREATE INDEX escalations_by_age ON escalations (raised_at, escalation_id)",
    "CREATE INDEX escalations_of_contact ON escalations (contact_id)",
    "CREATE INDEX escalations_closed_at ON escalations (closed_at) WHERE closed_at IS NOT NULL",
    # For the metric of unanswered escalations, which is read often and is mostly 0.
    """
    CREATE INDEX escalations_unanswered ON escalations (escalation_id)
    WHERE alarm_since IS NOT NULL AND closed_at IS NULL
    """,
    # Who wants which shift of whom: the other person must agree until it expires.
    """
    CREATE TABLE duty_change_requests (
        request_id uuid PRIMARY KEY,
        schedule_id text NOT NULL,
        change jsonb NOT NULL,
        asked_by text NOT NULL,
        person_id text NOT NULL,
        asked_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        answer text CHECK (answer IN ('accepted', 'refused', 'withdrawn')),
        answered_at timestamptz,
        removes boolean NOT NULL,
        CHECK ((answer IS NULL) = (answered_at IS NULL))
    )
    """,
    "CREATE INDEX duty_change_requests_expires_at ON duty_change_requests (expires_at)",
    """
    CREATE INDEX duty_change_requests_unanswered ON duty_change_requests (schedule_id, expires_at)
    WHERE answer IS NULL
    """,
    # What each resolution granted. It counts also after the escalation was opened again.
    """
    CREATE TABLE grants (
        grant_id uuid PRIMARY KEY,
        escalation_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        customer_id text,
        amount numeric NOT NULL CHECK (amount > 0),
        currency text NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        approved_by text
    )
    """,
    "CREATE INDEX grants_at ON grants (at)",
    "CREATE INDEX grants_of_contact ON grants (contact_id)",
    "CREATE INDEX grants_of_customer ON grants (customer_id, at) WHERE customer_id IS NOT NULL",
    # About people. Nobody complains about the same person twice at a time; `by` is null for the
    # customer.
    """
    CREATE TABLE complaints (
        complaint_id uuid PRIMARY KEY,
        contact_id uuid NOT NULL,
        escalation_id uuid NOT NULL,
        about text NOT NULL,
        by text,
        reason text NOT NULL,
        raised_at timestamptz NOT NULL,
        state text NOT NULL CHECK (state IN ('open', 'upheld', 'dismissed', 'withdrawn')),
        closed_at timestamptz,
        judged_by text,
        judgement text,
        judges jsonb NOT NULL,
        CHECK ((state = 'open') = (closed_at IS NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX complaints_open ON complaints (contact_id, about, coalesce(by, ''))
    WHERE state = 'open'
    """,
    "CREATE INDEX complaints_of_contact ON complaints (contact_id)",
    "CREATE INDEX complaints_by_age ON complaints (raised_at, complaint_id)",
    "CREATE INDEX complaints_of_colleague ON complaints (by, raised_at)",
    "CREATE INDEX complaints_closed_at ON complaints (closed_at) WHERE closed_at IS NOT NULL",
    # What was done with an escalation, chained by hashes.
    """
    CREATE TABLE audit_trail (
        escalation_id uuid NOT NULL REFERENCES escalations ON DELETE CASCADE,
        number integer NOT NULL CHECK (number > 0),
        contact_id uuid NOT NULL,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        action text NOT NULL,
        reason text NOT NULL,
        data jsonb NOT NULL,
        previous text NOT NULL,
        hash text NOT NULL,
        PRIMARY KEY (escalation_id, number)
    )
    """,
    """
    CREATE FUNCTION audit_trail_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$
    """,
    """
    CREATE TRIGGER audit_trail_is_append_only BEFORE UPDATE OR TRUNCATE ON audit_trail
    FOR EACH STATEMENT EXECUTE FUNCTION audit_trail_is_append_only()
    """,
    # The serving role can't delete a step. A trail goes with its escalation, which retention
    # deletes after years: the foreign key acts as the owner of the table.
    """
    CREATE TRIGGER audit_trail_is_kept_for_a_year BEFORE DELETE ON audit_trail
    FOR EACH ROW WHEN (OLD.at > clock_timestamp() - interval '1 year')
    EXECUTE FUNCTION audit_trail_is_append_only()
    """,
    # The consumed events that `simulate` replays, without words. The inbox claims each once: no
    # unique index has to.
    f"""
    CREATE TABLE consumed_events (
        contact_id uuid NOT NULL,
        at timestamptz NOT NULL,
        type text NOT NULL,
        event_id uuid NOT NULL,
        data json NOT NULL
    ) WITH ({ANALYZE_SELDOM})
    """,
    "CREATE INDEX consumed_events_by_time ON consumed_events (at)",
    "ALTER TABLE consumed_events ALTER COLUMN data SET STATISTICS 0",
    # What managers try on the past: a queue of jobs. A worker holds a job by its lease; `attempt`
    # counts the leases, so that a worker which lost one writes nothing more.
    """
    CREATE TABLE simulations (
        simulation_id uuid PRIMARY KEY,
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        state text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        request jsonb NOT NULL,
        attempt integer NOT NULL,
        lease_ends_at timestamptz,
        total integer,
        processed integer NOT NULL,
        result jsonb,
        failure text,
        failure_data jsonb,
        CHECK ((state = 'running') = (lease_ends_at IS NOT NULL)),
        CHECK ((state = 'done') = (result IS NOT NULL)),
        CHECK ((state = 'failed') = (failure IS NOT NULL)),
        CHECK ((failure IS NULL) = (failure_data IS NULL))
    )
    """,
    "CREATE INDEX simulations_asked_at ON simulations (asked_at)",
    """
    CREATE INDEX simulations_open ON simulations (asked_at)
    WHERE state IN ('queued', 'running')
    """,
    # For the lateness report.
    """
    CREATE INDEX deadline_events ON published_events (at) WHERE type IN (
        'upstairs.clock_warned.v1', 'upstairs.clock_breached.v1',
        'upstairs.escalation_climbed.v1', 'upstairs.escalation_unanswered.v1',
        'upstairs.escalation_returned.v1')
    """,
    # A gap is announced once when it is a week ahead, and once when it is a day ahead.
    """
    CREATE TABLE announced_gaps (
        schedule_id text NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        ahead text NOT NULL CHECK (ahead IN ('week', 'day')),
        announced_at timestamptz NOT NULL,
        PRIMARY KEY (schedule_id, starts_at, ends_at, ahead)
    )
    """,
    "CREATE INDEX announced_gaps_ends_at ON announced_gaps (ends_at)",
    # Of representatives, as router says: a warning does not go to who is offline.
    """
    CREATE TABLE presences (
        person_id text PRIMARY KEY,
        presence text NOT NULL CHECK (presence IN ('available', 'away', 'offline')),
        since timestamptz NOT NULL
    )
    """,
    # For what is wrong with the settings: on which media a person is reached, as notifier says, and
    # what a representative serves, as router says.
    """
    CREATE TABLE recipients (
        person_id text PRIMARY KEY,
        media jsonb NOT NULL,
        since timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE representatives (
        person_id text PRIMARY KEY,
        skills jsonb NOT NULL,
        languages jsonb NOT NULL,
        active boolean NOT NULL,
        since timestamptz NOT NULL
    )
    """,
    # When operations were last paged about a queue that nobody serves.
    """
    CREATE TABLE unserved_queues (
        queue text PRIMARY KEY,
        announced_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX unserved_queues_announced_at ON unserved_queues (announced_at)",
)


def upgrade() -> None:
    create_reliability_tables()
    for statement in STATEMENTS:
        op.execute(statement)
    reduce_statistics()
    make_append_only("audit_trail", "setting_versions")
