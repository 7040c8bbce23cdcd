"""The five statements that any batch needs, on one bare connection.

Inbox, lock, state, timer and outbox: the upper bound of this machine's PostgreSQL.
"""

import asyncpg

from common.core.clock import monotonic
from common.core.ids import new_id

BATCH = 500
CONTACTS = 20 * BATCH

_TABLES = """
    CREATE SCHEMA reference;
    CREATE TABLE reference.inbox (event_id uuid PRIMARY KEY);
    CREATE TABLE reference.state (contact_id uuid PRIMARY KEY, state text, changes integer);
    CREATE TABLE reference.timers (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, due_at timestamptz, contact_id uuid);
    CREATE INDEX ON reference.timers (due_at, id);
    CREATE TABLE reference.outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, contact_id uuid, data jsonb);
"""
_FILL = "INSERT INTO reference.state SELECT unnest($1::uuid[]), 'open', 0"
_INBOX = """
    INSERT INTO reference.inbox SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id
"""
_LOCK = """
    SELECT contact_id, state, changes FROM reference.state
    WHERE contact_id = ANY($1::uuid[]) ORDER BY contact_id FOR UPDATE
"""
_STATE = """
    UPDATE reference.state SET state = 'open', changes = changes + 1
    WHERE contact_id = ANY($1::uuid[])
"""
_TIMER = """
    INSERT INTO reference.timers (due_at, contact_id)
    SELECT clock_timestamp() + interval '1 hour', unnest($1::uuid[])
"""
_OUTBOX = """
    INSERT INTO reference.outbox (contact_id, data)
    SELECT contact_id, jsonb_build_object('contact_id', contact_id, 'state', 'open')
    FROM unnest($1::uuid[]) AS contact_id
"""


async def reference_rows_per_s(url: str, seconds: float) -> float:
    """Return messages per second; the role must be able to create a schema."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(_TABLES)
        contact_ids = [new_id() for _ in range(CONTACTS)]
        await connection.execute(_FILL, contact_ids)
        return await _rate(connection, contact_ids, seconds)
    finally:
        await connection.execute("DROP SCHEMA IF EXISTS reference CASCADE")
        await connection.close()


async def _rate(
    connection: "asyncpg.Connection[asyncpg.Record]", contact_ids: list[str], seconds: float
) -> float:
    rows, begun = 0, monotonic()
    while monotonic() - begun < seconds:
        first = rows % CONTACTS
        batch = contact_ids[first : first + BATCH]
        async with connection.transaction():
            await connection.fetch(_INBOX, [new_id() for _ in batch])
            await connection.fetch(_LOCK, batch)
            for statement in (_STATE, _TIMER, _OUTBOX):
                await connection.execute(statement, batch)
        rows += BATCH
    return rows / (monotonic() - begun)
