"""The tables that every service has in its own schema, as its first migration creates them.

A change after the first release is a new function and a new migration in each service, never an
edit: the statements below have run somewhere by then.
"""

from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

metadata = MetaData()

published_events = Table(
    "published_events",
    metadata,
    Column("id", BigInteger),
    Column("at", DateTime(timezone=True)),
    Column("sequence", BigInteger, primary_key=True),
    Column("event_id", Uuid(as_uuid=False)),
    Column("key", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("type", Text),
    Column("cause", Text),
    Column("trace", LargeBinary),
    Column("data", JSON),
)
# Without its id, which the database gives.
timers = Table(
    "timers",
    metadata,
    Column("due_at", DateTime(timezone=True)),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("slot", Text),
    Column("type", Text),
    Column("trace", LargeBinary),
    Column("data", JSONB),
)

# `result` is what the service itself keeps of the first request, `answer` what the HTTP API keeps:
# the whole answer. `mentions` are the ids in it, for an erasure.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text),
    Column("result", Text),
    Column("answer", JSONB(none_as_null=True)),
    Column("mentions", ARRAY(Uuid(as_uuid=False))),
    Column("at", DateTime(timezone=True)),
)

# PostgreSQL has times that Python can't read back; a row with such a time would stop its readers.
_READABLE_TIME: Final = "CHECK ({column} >= '1970-01-01Z' AND {column} < '9000-01-01Z')"
_READABLE_AT: Final = _READABLE_TIME.format(column="at")
_READABLE_DUE_AT: Final = _READABLE_TIME.format(column="due_at")

# Of a table that only grows: what plans depend on stays the same, and to read it is dear.
ANALYZE_SELDOM: Final = (
    "autovacuum_analyze_scale_factor = 0.5, autovacuum_vacuum_insert_scale_factor = 0.5"
)
# ANALYZE samples 300 rows for each unit of the target, which is 100 otherwise: autovacuum spent
# more on samples, and on lists of frequent values of ids and texts, than on all else.
_STATISTICS_TARGET: Final = 10
REDUCE_STATISTICS: Final = f"""
    DO $$
    DECLARE place record;
    BEGIN
        FOR place IN
            SELECT relkind, attrelid, attname, attnum
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                LEFT JOIN pg_index ON indexrelid = attrelid
            WHERE relnamespace = CAST(current_schema() AS regnamespace)
                AND attnum > 0 AND NOT attisdropped AND coalesce(attstattarget, -1) < 0
                -- Of indexes the expressions, which have samples too.
                AND (relkind = 'r' OR relkind = 'i' AND indkey[attnum - 1] = 0)
        LOOP
            IF place.relkind = 'r' THEN
                EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS {_STATISTICS_TARGET}',
                    CAST(place.attrelid AS regclass), place.attname);
            ELSE
                EXECUTE format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS {_STATISTICS_TARGET}',
                    CAST(place.attrelid AS regclass), place.attnum);
            END IF;
        END LOOP;
    END $$
"""

# Advisory locks belong to the whole database, and any role may take any key: the salt, which no
# other role can read, makes the keys of this schema unknown to others and free of collisions.
LOCK_KEYS = (
    """
    CREATE TABLE lock_salt (
        is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
        salt uuid NOT NULL DEFAULT gen_random_uuid()
    )
    """,
    "INSERT INTO lock_salt DEFAULT VALUES",
    """
    CREATE FUNCTION lock_key(purpose text) RETURNS bigint LANGUAGE sql STABLE
    SET search_path FROM CURRENT AS $$
        SELECT CAST(CAST('x' || left(encode(sha256(
            convert_to(salt || '/' || purpose, 'UTF8')), 'hex'), 16) AS bit(64)) AS bigint)
        FROM lock_salt
    $$
    """,
)

RELIABILITY = (
    *LOCK_KEYS,
    # What was handled. An id begins with its time, so each partition has the ids of a day: a
    # redelivery finds the earlier row, and an old day is dropped as a whole table. The default
    # partition takes what is out of range.
    "CREATE TABLE inbox (event_id uuid PRIMARY KEY) PARTITION BY RANGE (event_id)",
    """
    CREATE FUNCTION first_event_id(day date) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT CAST(rpad(lpad(to_hex(CAST(
            extract(epoch FROM CAST(day AS timestamp)) * 1000 AS bigint)), 12, '0'), 32, '0')
            AS uuid)
    $$
    """,
    "CREATE TABLE inbox_default PARTITION OF inbox DEFAULT",
    "ALTER TABLE inbox_default ALTER COLUMN event_id SET STATISTICS 0",
    # The serving role makes and drops no tables, except these partitions, by these functions.
    f"""
    CREATE FUNCTION create_inbox_partition(partition_day date) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE
        name text := 'inbox_' || to_char(partition_day, 'YYYYMMDD');
        first_id uuid := first_event_id(partition_day);
        next_id uuid := first_event_id(partition_day + 1);
    BEGIN
        EXECUTE format('CREATE TABLE %I (LIKE inbox INCLUDING ALL) WITH ({ANALYZE_SELDOM})', name);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN event_id SET STATISTICS 0', name);
        EXECUTE format('WITH early AS (DELETE FROM inbox_default'
            ' WHERE event_id >= %L AND event_id < %L RETURNING *)'
            ' INSERT INTO %I SELECT * FROM early', first_id, next_id, name);
        EXECUTE format('ALTER TABLE inbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, first_id, next_id);
    END $$
    """,
    """
    CREATE FUNCTION drop_inbox_partition(partition_day date) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN EXECUTE format('DROP TABLE %I', 'inbox_' || to_char(partition_day, 'YYYYMMDD')); END $$
    """,
    # All at once: a claim that has one partition and waits for the next is a deadlock.
    """
    CREATE FUNCTION lock_inbox() RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN LOCK TABLE inbox; END $$
    """,
    # The events of a transaction that are to be published, in their order; they are read in
    # `published_events`.
    """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_ids uuid[] NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0)
    """,
    # The events that this service published: a contact's history is read from here. `id` orders the
    # events of one key over all topics. The newest event of a key and topic says which number comes
    # next. Columns of fixed length come first, so that nothing is lost to their alignment, and keys
    # compare fastest as bytes. To write `json` costs less than `jsonb`, and few rows are read
    # again. `trace` is a `traceparent` without its version.
    f"""
    CREATE TABLE published_events (
        id bigint GENERATED BY DEFAULT AS IDENTITY,
        at timestamptz NOT NULL {_READABLE_AT},
        sequence bigint NOT NULL,
        event_id uuid NOT NULL,
        key text COLLATE "C" NOT NULL,
        topic text COLLATE "C" NOT NULL,
        type text NOT NULL,
        cause text,
        trace bytea,
        data json NOT NULL,
        CONSTRAINT event_sequence PRIMARY KEY (key, topic, sequence)
    ) WITH ({ANALYZE_SELDOM})
    """,
    # For the relay, and for retention: an id begins with its time.
    "CREATE INDEX published_events_event_id ON published_events (event_id)",
    f"""
    CREATE TABLE timers (
        id bigint GENERATED ALWAYS AS IDENTITY,
        due_at timestamptz NOT NULL {_READABLE_DUE_AT},
        contact_id uuid NOT NULL,
        slot text NOT NULL,
        type text NOT NULL,
        trace bytea,
        data jsonb NOT NULL
    ) WITH (
        autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0, {ANALYZE_SELDOM}
    )
    """,
    "CREATE INDEX timers_due ON timers (due_at, id)",
    # A contact has few timers.
    "CREATE INDEX timers_of_contact ON timers (contact_id)",
    # No plan depends on a payload, and to sample it is most of the work of autovacuum.
    "ALTER TABLE outbox ALTER COLUMN event_ids SET STATISTICS 0",
    """
    ALTER TABLE published_events
        ALTER COLUMN trace SET STATISTICS 0, ALTER COLUMN data SET STATISTICS 0
    """,
    """
    ALTER TABLE timers ALTER COLUMN trace SET STATISTICS 0, ALTER COLUMN data SET STATISTICS 0
    """,
    # `attempts` have failed, the first of them before it was put here. `claimed`: the inbox holds
    # its event for it; of a malformed record nobody can tell which event that is. `trusted`: nobody
    # but the owner of the topic can have sent it, or it is a timer.
    """
    CREATE TABLE dead_letters (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        origin text NOT NULL UNIQUE,
        type text,
        event_id text,
        key text,
        reason text NOT NULL,
        traceback text,
        traceparent text,
        headers jsonb NOT NULL,
        payload bytea,
        state text NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'replayed', 'discarded')),
        attempts integer NOT NULL DEFAULT 1,
        claimed boolean NOT NULL,
        trusted boolean NOT NULL,
        closed_at timestamptz,
        closed_by text,
        closed_reason text,
        CHECK ((state = 'waiting') = (closed_at IS NULL)),
        CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
        CHECK (state <> 'discarded' OR closed_reason IS NOT NULL)
    )
    """,
    f"""
    CREATE TABLE idempotency_keys (
        scope text NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        result text,
        answer jsonb,
        mentions uuid[],
        at timestamptz NOT NULL,
        PRIMARY KEY (scope, key)
    ) WITH ({ANALYZE_SELDOM})
    """,
    "CREATE INDEX idempotency_keys_at ON idempotency_keys (at)",
    """
    CREATE INDEX idempotency_keys_mentions ON idempotency_keys USING gin (mentions)
    WHERE mentions IS NOT NULL
    """,
    # A key itself is stored nowhere. `revoked_by` is `settings` if it is no longer listed there.
    """
    CREATE TABLE api_keys (
        key_id text PRIMARY KEY,
        digest bytea NOT NULL UNIQUE,
        role text NOT NULL
            CHECK (role IN ('channel', 'representative', 'supervisor', 'manager', 'admin')),
        subject text NOT NULL,
        scopes text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write']),
        origin text NOT NULL CHECK (origin IN ('settings', 'command', 'api')),
        created_at timestamptz NOT NULL,
        created_by text NOT NULL,
        expires_at timestamptz,
        last_used_at timestamptz,
        revoked_at timestamptz,
        revoked_by text,
        CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
    )
    """,
    # One row for each person, by the newest version that router has told.
    """
    CREATE TABLE known_people (
        person_id text PRIMARY KEY,
        version bigint NOT NULL,
        active boolean NOT NULL
    )
    """,
    "CREATE INDEX dead_letters_waiting ON dead_letters (id) WHERE state = 'waiting'",
    "CREATE INDEX dead_letters_closed_at ON dead_letters (closed_at) WHERE state <> 'waiting'",
)
