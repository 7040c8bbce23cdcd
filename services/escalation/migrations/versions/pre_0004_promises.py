"""Let clocks pause and retarget, leases end with a shift, and each step upstairs be kept."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE watches
        ADD COLUMN customer_id text,
        ADD COLUMN team_id text,
        ADD COLUMN replied_at timestamptz,
        ADD COLUMN waiting_since timestamptz
    """,
    """
    ALTER TABLE escalations
        ADD COLUMN version integer NOT NULL DEFAULT 0,
        ADD COLUMN lease_end text CHECK (lease_end IN ('progress', 'shift', 'snooze')),
        ADD COLUMN warn_at timestamptz,
        ADD COLUMN snoozes integer NOT NULL DEFAULT 0,
        ADD COLUMN snoozed_until timestamptz,
        ADD COLUMN approval jsonb,
        ADD COLUMN amount numeric,
        ADD COLUMN currency text,
        ADD COLUMN approved_by text,
        ADD COLUMN alarm_since timestamptz,
        ADD COLUMN repeats integer NOT NULL DEFAULT 0,
        ADD COLUMN trail_length integer NOT NULL DEFAULT 0,
        ADD COLUMN trail_hash text NOT NULL DEFAULT '',
        DROP CONSTRAINT escalations_state_check,
        ADD CONSTRAINT escalations_state_check CHECK (state IN (
            'raised', 'acknowledged', 'taken_over', 'approval_asked',
            'handed_back', 'resolved', 'closed')),
        DROP CONSTRAINT one_open_escalation_per_contact,
        ADD CONSTRAINT one_open_escalation_per_contact
            EXCLUDE USING btree (contact_id WITH =)
            WHERE (state IN ('raised', 'acknowledged', 'taken_over', 'approval_asked'))
            DEFERRABLE INITIALLY DEFERRED
    """,
    # Whatever a list is narrowed down to, it reads the open ones alone.
    """
    CREATE INDEX escalations_open_by_time_left
    ON escalations (coalesce(deadline, 'infinity'), escalation_id)
    WHERE state IN ('raised', 'acknowledged', 'taken_over', 'approval_asked')
    """,
    # The closed ones have no time left to sort them by.
    "DROP INDEX escalations_by_time_left",
    "CREATE INDEX escalations_by_age ON escalations (raised_at, escalation_id)",
    "CREATE INDEX escalations_of_contact ON escalations (contact_id)",
    """
    ALTER TABLE configuration
        DROP CONSTRAINT configuration_kind_check,
        ADD CONSTRAINT configuration_kind_check CHECK (kind IN (
            'sla-policies', 'calendars', 'ladders', 'duty-schedules', 'people', 'teams',
            'approval-limits'))
    """,
    # A target that warned at a percentage warns the representative there.
    """
    UPDATE configuration SET body = jsonb_set(body, '{targets}', (
        SELECT jsonb_agg(CASE WHEN jsonb_typeof(target->'warn_at_percent') = 'number'
            THEN target - 'warn_at_percent' || jsonb_build_object('thresholds', jsonb_build_array(
                jsonb_build_object('action', 'warn_representative',
                                   'at_percent', target->'warn_at_percent')))
            ELSE target - 'warn_at_percent' END)
        FROM jsonb_array_elements(body->'targets') AS target))
    WHERE kind = 'sla-policies'
    """,
    # Of all thresholds before the deadline the representative was warned.
    """
    UPDATE watches SET clocks = (
        SELECT jsonb_agg(clock || jsonb_build_object('thresholds', (
            SELECT jsonb_agg(threshold || jsonb_build_object('action',
                CASE WHEN (threshold->>'percent')::integer = 100
                THEN 'raise' ELSE 'warn_representative' END))
            FROM jsonb_array_elements(clock->'thresholds') AS threshold)))
        FROM jsonb_array_elements(clocks) AS clock)
    WHERE resolved_at IS NULL AND jsonb_array_length(clocks) > 0
    """,
    # Each step of an escalation, chained by hashes; nobody changes or removes one.
    """
    CREATE TABLE trail (
        escalation_id uuid NOT NULL REFERENCES escalations,
        step integer NOT NULL CHECK (step > 0),
        contact_id uuid NOT NULL,
        at timestamptz NOT NULL,
        who text NOT NULL,
        what text NOT NULL,
        why text NOT NULL,
        data jsonb NOT NULL,
        previous text NOT NULL,
        hash text NOT NULL,
        PRIMARY KEY (escalation_id, step)
    )
    """,
    """
    CREATE FUNCTION trail_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$
    """,
    """
    CREATE TRIGGER trail_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail
    FOR EACH STATEMENT EXECUTE FUNCTION trail_is_append_only()
    """,
    # What is known of contacts, as it came: policies are tried out on it.
    """
    CREATE TABLE facts (
        contact_id uuid NOT NULL,
        at timestamptz NOT NULL,
        type text NOT NULL,
        event_id text NOT NULL,
        data jsonb NOT NULL,
        PRIMARY KEY (contact_id, at, event_id)
    )
    """,
    "CREATE INDEX facts_by_time ON facts USING brin (at)",
    """
    CREATE INDEX watches_of_customer ON watches (customer_id, opened_at)
    WHERE customer_id IS NOT NULL
    """,
    # How late each deadline was noticed, by the policy that set it.
    """
    CREATE INDEX journal_deadlines ON published_events (at) WHERE type IN (
        'upstairs.clock_warned.v1', 'upstairs.clock_breached.v1',
        'upstairs.escalation_climbed.v1', 'upstairs.escalation_unanswered.v1',
        'upstairs.escalation_returned.v1')
    """,
    # Those whose whole ladder was of no avail: counted again and again, and hardly ever any.
    """
    CREATE INDEX escalations_unanswered ON escalations (escalation_id)
    WHERE alarm_since IS NOT NULL AND closed_at IS NULL
    """,
    # A duty schedule may have several rotations, and none of its shifts is shorter than an hour.
    """
    UPDATE configuration SET body = body - 'rotation' || jsonb_build_object('rotations',
        jsonb_build_array(body->'rotation' || jsonb_build_object('shift_s',
            greatest((body->'rotation'->>'shift_s')::float8, 3600))))
    WHERE kind = 'duty-schedules' AND body ? 'rotation'
    """,
    # A gap in a duty schedule is announced once for each time it comes nearer.
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
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
