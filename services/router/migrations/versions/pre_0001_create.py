"""Create the tables of router."""

from alembic import op

from common.storage.migrations import create_reliability_tables, reduce_statistics
from common.storage.tables import ANALYZE_SELDOM

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE people (
        person_id text PRIMARY KEY,
        version integer NOT NULL,
        name text NOT NULL,
        roles text[] NOT NULL,
        team_id text,
        reports_to text REFERENCES people,
        languages text[] NOT NULL,
        skills text[] NOT NULL,
        active boolean NOT NULL,
        CHECK (person_id <> reports_to)
    )
    """,
    # What was put of a person, by whom: the entry, or the workload of a representative.
    """
    CREATE TABLE entry_versions (
        person_id text,
        kind text CHECK (kind IN ('person', 'workload')),
        version integer CHECK (version > 0),
        body jsonb NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        PRIMARY KEY (person_id, kind, version)
    )
    """,
    "CREATE INDEX people_of_superior ON people (reports_to)",
    # A transaction that may write representatives takes a turn: the lock for matching, and the
    # next number.
    "CREATE SEQUENCE representative_turns",
    # Each contact changes a load: with free space on the page that touches no index.
    # load_limit: the capacity may be lowered below the load; the load may not rise above it.
    """
    CREATE TABLE representatives (
        representative_id text PRIMARY KEY,
        name text NOT NULL,
        team_id text NOT NULL,
        skills text[] NOT NULL,
        languages text[] NOT NULL,
        usual_capacity integer NOT NULL CHECK (usual_capacity BETWEEN 1 AND 1000),
        capacity integer NOT NULL CHECK (capacity BETWEEN 1 AND 1000),
        auto_accept boolean NOT NULL,
        offer_s integer NOT NULL CHECK (offer_s > 0),
        active boolean NOT NULL,
        presence text NOT NULL CHECK (presence IN ('available', 'away', 'offline')),
        presence_reason text,
        presence_since timestamptz NOT NULL,
        load integer NOT NULL CHECK (load >= 0),
        load_limit integer NOT NULL CHECK (load_limit >= capacity),
        idle_since timestamptz NOT NULL,
        turn bigint NOT NULL DEFAULT 0,
        CHECK (load <= load_limit)
    ) WITH (fillfactor = 50)
    """,
    "CREATE INDEX representatives_skills ON representatives USING gin (skills) WHERE active",
    # An adjustment without an end is in force; router writes them under the lock for matching.
    """
    CREATE TABLE adjustments (
        adjustment_id uuid PRIMARY KEY,
        person_id text NOT NULL REFERENCES representatives,
        number integer NOT NULL,
        reason text NOT NULL,
        ends_at timestamptz NOT NULL,
        capacity integer CHECK (capacity BETWEEN 1 AND 1000),
        added_skills text[] NOT NULL,
        removed_skills text[] NOT NULL,
        only_skills text[] NOT NULL,
        only_languages text[] NOT NULL,
        set_by text NOT NULL,
        set_at timestamptz NOT NULL,
        ended_at timestamptz,
        ended_by text,
        end_cause text CHECK (
            end_cause IN ('expired', 'withdrawn', 'replaced', 'entry_changed')),
        UNIQUE (person_id, number),
        CHECK ((ended_at IS NULL) = (end_cause IS NULL))
    )
    """,
    "CREATE INDEX adjustments_in_force ON adjustments (person_id) WHERE ended_at IS NULL",
    "CREATE INDEX adjustments_ended_at ON adjustments (ended_at) WHERE ended_at IS NOT NULL",
    # One row a contact with one representative: a contact can't have two live assignments.
    # queue_team: the only team that may get it now; empty: all of them.
    f"""
    CREATE TABLE assignments (
        contact_id uuid PRIMARY KEY,
        state text NOT NULL CHECK (state IN (
            'unknown', 'queued', 'offered', 'assigned', 'with_supervisor', 'completed',
            'abandoned')),
        since timestamptz NOT NULL,
        skill text,
        language text,
        unserved_skill text,
        unserved_language text,
        team_id text,
        waits_for_team boolean NOT NULL DEFAULT false,
        queue_team text NOT NULL
            GENERATED ALWAYS AS (CASE WHEN waits_for_team THEN team_id ELSE '' END) STORED,
        priority_rank integer NOT NULL,
        waiting_since timestamptz,
        representative_id text REFERENCES representatives,
        reason text NOT NULL,
        offer integer NOT NULL,
        declined_by text[] NOT NULL,
        preferred_id text,
        referral text,
        supervisor_id text,
        taken_over_at timestamptz,
        ended_at timestamptz,
        reopened_at timestamptz,
        CHECK ((state IN ('offered', 'assigned')) = (representative_id IS NOT NULL)),
        CHECK (state NOT IN ('queued', 'offered', 'assigned')
               OR (skill IS NOT NULL AND language IS NOT NULL AND waiting_since IS NOT NULL)),
        CHECK (state <> 'with_supervisor' OR supervisor_id IS NOT NULL),
        CHECK ((unserved_skill IS NULL) = (unserved_language IS NULL))
    ) WITH ({ANALYZE_SELDOM})
    """,
    """
    CREATE INDEX assignments_waiting
        ON assignments (
            skill, language, queue_team, priority_rank DESC, waiting_since, contact_id)
        WHERE state = 'queued'
    """,
    # Who had the contact gets it again, also of another team.
    """
    CREATE INDEX assignments_previous ON assignments (preferred_id)
        WHERE state = 'queued' AND waits_for_team AND preferred_id IS NOT NULL
    """,
    """
    CREATE INDEX assignments_unserved ON assignments (contact_id)
        WHERE state = 'queued' AND unserved_skill IS NOT NULL
    """,
    """
    CREATE INDEX assignments_held ON assignments (representative_id)
        WHERE representative_id IS NOT NULL
    """,
    # For the list of assignments: a scan of all open contacts, not of all contacts.
    """
    CREATE INDEX assignments_open ON assignments (contact_id)
        WHERE state NOT IN ('completed', 'abandoned')
    """,
    # For the offers that each representative has missed.
    """
    CREATE INDEX expired_offers ON published_events (at)
        WHERE type = 'upstairs.offer_expired.v1'
    """,
    "CREATE INDEX assignments_ended_at ON assignments (ended_at) WHERE ended_at IS NOT NULL",
)


def upgrade() -> None:
    create_reliability_tables()
    for statement in STATEMENTS:
        op.execute(statement)
    reduce_statistics()
