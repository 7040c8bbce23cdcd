"""Create the tables of escalation."""

from alembic import op

from common.storage.migrations import create_reliability_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    # A version is never changed again. `revision` names the whole configuration as it was when its
    # newest row came; no other database has the same one.
    """
    CREATE TABLE configuration (
        serial bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
        revision uuid NOT NULL DEFAULT gen_random_uuid(),
        kind text NOT NULL
            CHECK (kind IN ('sla-policies', 'calendars', 'ladders', 'duty-schedules')),
        id text NOT NULL,
        version integer NOT NULL CHECK (version > 0),
        body jsonb NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        PRIMARY KEY (kind, id, version)
    )
    """,
    # Written several times in its life, and nothing but its key is indexed: with room on the page
    # no index has to follow.
    """
    CREATE TABLE watches (
        contact_id uuid PRIMARY KEY,
        contact jsonb,
        opened_at timestamptz,
        resolved_at timestamptz,
        representative_id text,
        assigned_at timestamptz,
        referral jsonb,
        ladder_id text,
        severity text NOT NULL DEFAULT 'medium',
        clocks jsonb NOT NULL DEFAULT '[]',
        escalation_id uuid,
        escalations integer NOT NULL DEFAULT 0
    ) WITH (fillfactor = 60)
    """,
    # Deferred, since one batch may close an escalation and raise the contact's next one.
    """
    CREATE TABLE escalations (
        escalation_id uuid PRIMARY KEY,
        contact_id uuid NOT NULL REFERENCES watches,
        state text NOT NULL CHECK (state IN (
            'raised', 'acknowledged', 'taken_over', 'handed_back', 'resolved', 'closed')),
        severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
        ladder jsonb,
        level integer NOT NULL,
        round integer NOT NULL,
        reasons jsonb NOT NULL,
        awaited jsonb NOT NULL,
        holder text,
        lease_no integer NOT NULL,
        deadline timestamptz,
        raised_at timestamptz NOT NULL,
        closed_at timestamptz,
        outcome text,
        note text,
        CONSTRAINT one_open_escalation_per_contact
            EXCLUDE USING btree (contact_id WITH =)
            WHERE (state IN ('raised', 'acknowledged', 'taken_over'))
            DEFERRABLE INITIALLY DEFERRED
    )
    """,
    """
    CREATE INDEX escalations_by_time_left
    ON escalations (coalesce(deadline, 'infinity'), escalation_id)
    """,
)


def upgrade() -> None:
    create_reliability_tables()
    for statement in STATEMENTS:
        op.execute(statement)
