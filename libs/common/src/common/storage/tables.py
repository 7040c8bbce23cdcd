"""The tables that every service has in its own schema, as its first migration creates them.

A later change is a new function here and a new migration in each service, never an edit: the
statements below have run somewhere already.
"""

RELIABILITY_V1 = (
    # What was handled. Partitioned by the day in the event's id, so a redelivery meets its twin
    # and a day is forgotten by dropping a table. The default partition takes what is out of range.
    """
    CREATE TABLE inbox (
        consumer text NOT NULL,
        event_id uuid NOT NULL,
        day date NOT NULL,
        PRIMARY KEY (consumer, event_id, day)
    ) PARTITION BY RANGE (day)
    """,
    "CREATE TABLE inbox_default PARTITION OF inbox DEFAULT",
    # The last sequence number given to each contact's events; its row lock makes the outbox's
    # order of ids the order of commits, for each contact.
    "CREATE TABLE streams (contact_id uuid PRIMARY KEY, sequence bigint NOT NULL)",
    """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        sequence bigint NOT NULL,
        topic text NOT NULL,
        type text NOT NULL,
        at timestamptz NOT NULL,
        traceparent text,
        data jsonb NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0)
    """,
    # The facts that this service published, kept: a contact's history explains itself from here.
    """
    CREATE TABLE journal (
        contact_id uuid NOT NULL,
        sequence bigint NOT NULL,
        event_id uuid NOT NULL,
        type text NOT NULL,
        at timestamptz NOT NULL,
        cause text,
        data jsonb NOT NULL,
        PRIMARY KEY (contact_id, sequence)
    )
    """,
    """
    CREATE TABLE timers (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        due_at timestamptz NOT NULL,
        contact_id uuid NOT NULL,
        slot text NOT NULL,
        type text NOT NULL,
        traceparent text,
        data jsonb NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0)
    """,
    "CREATE INDEX timers_due ON timers (due_at, id)",
    "CREATE INDEX timers_slot ON timers (contact_id, slot)",
    """
    CREATE TABLE dead_letters (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        origin text NOT NULL UNIQUE,
        type text,
        event_id text,
        key text,
        reason text NOT NULL,
        trace text,
        traceparent text,
        headers jsonb NOT NULL,
        payload bytea
    )
    """,
)

RELIABILITY_V2 = (
    # `attempts` have failed, the first of them before it was buried. `claimed`: the inbox holds
    # its event for it; of a malformed record nobody can tell which event that is. The defaults
    # are for the letters that are there, and for those that the version before goes on to bury.
    """
    ALTER TABLE dead_letters
        ADD COLUMN state text NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'replayed', 'discarded')),
        ADD COLUMN attempts integer NOT NULL DEFAULT 1,
        ADD COLUMN claimed boolean NOT NULL DEFAULT true,
        ADD COLUMN dealt_at timestamptz,
        ADD COLUMN dealt_by text,
        ADD COLUMN why text,
        ADD CHECK ((state = 'waiting') = (dealt_at IS NULL)),
        ADD CHECK ((dealt_at IS NULL) = (dealt_by IS NULL)),
        ADD CHECK (state <> 'discarded' OR why IS NOT NULL)
    """,
    "CREATE INDEX dead_letters_waiting ON dead_letters (id) WHERE state = 'waiting'",
)

# All of it at once, for a schema that no migration leads to.
RELIABILITY = (*RELIABILITY_V1, *RELIABILITY_V2)
