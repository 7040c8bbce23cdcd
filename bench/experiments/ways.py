"""Two ways to keep an outbox, told apart by what the relay does with a row that is published."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from common.storage.tables import RELIABILITY

BATCH = 1000
ROTATE_EVERY_S = 5
COLUMNS = """
    event_id uuid NOT NULL, key uuid NOT NULL, sequence bigint NOT NULL, topic text NOT NULL,
    type text NOT NULL, at timestamptz NOT NULL, traceparent text, data jsonb NOT NULL
"""
FIELDS = "event_id, key, sequence, topic, type, at, traceparent, CAST(data AS text) AS data"
# $1 rows about 20,000 contacts in turn, from number $2 on.
NEW = """
    SELECT uuidv7() AS event_id, md5('contact ' || n % 20000)::uuid AS key,
           1 + n / 20000 AS sequence, 'escalations' AS topic, 'upstairs.clock_breached.v1' AS type,
           clock_timestamp() AS at,
           '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01' AS traceparent,
           jsonb_build_object('contact_id', md5('contact ' || n % 20000)::uuid,
                              'clock', 'first_response', 'lateness_ms', 1.5,
                              'due_at', clock_timestamp()) AS data
    FROM generate_series($2::bigint, $2::bigint + $1::bigint - 1) AS n
"""


class Way(Protocol):
    tables: tuple[str, ...]
    append: str

    def batches(self, connection: Any) -> AsyncIterator[list[Any]]:
        """Yield what can be published now; to ask for the next one says that it was."""


@dataclass
class Deleting:
    """As the services do: read from the beginning, delete what Kafka has."""

    tables: tuple[str, ...] = tuple(one for one in RELIABILITY if "TABLE outbox" in one)
    append: str = f"""
        INSERT INTO outbox (event_id, key, sequence, topic, type, at, traceparent, data)
        {NEW}
    """

    async def batches(self, connection: Any) -> AsyncIterator[list[Any]]:
        while rows := await connection.fetch(
            f"SELECT id, {FIELDS} FROM outbox ORDER BY id LIMIT {BATCH}"
        ):
            yield rows
            await connection.execute(
                "DELETE FROM outbox WHERE id = ANY($1::bigint[])", [row["id"] for row in rows]
            )
            if len(rows) < BATCH:
                break


@dataclass
class Rotated:
    """Two append-only tables in turn, as in PgQ: read by snapshots, truncate the one retired."""

    tables: tuple[str, ...] = (
        f"""
        CREATE TABLE outbox (
            id bigint GENERATED ALWAYS AS IDENTITY, turn integer NOT NULL,
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(), {COLUMNS}
        ) PARTITION BY LIST (turn)
        """,
        "CREATE TABLE outbox_0 PARTITION OF outbox FOR VALUES IN (0)",
        "CREATE TABLE outbox_1 PARTITION OF outbox FOR VALUES IN (1)",
        "CREATE INDEX ON outbox (xid)",
        """
        CREATE TABLE outbox_position (
            turn integer, turned_in xid8, turned_at timestamptz, seen pg_snapshot
        )
        """,
        """
        INSERT INTO outbox_position
        SELECT 0, pg_current_xact_id(), clock_timestamp(), pg_current_snapshot()
        """,
    )
    append: str = f"""
        INSERT INTO outbox
            (turn, event_id, key, sequence, topic, type, at, traceparent, data)
        SELECT (SELECT turn FROM outbox_position), new.* FROM ({NEW}) AS new
    """

    async def batches(self, connection: Any) -> AsyncIterator[list[Any]]:
        seen, now = await connection.fetchrow(
            "SELECT CAST(seen AS text), CAST(pg_current_snapshot() AS text) FROM outbox_position"
        )
        count = 0
        async with connection.transaction():
            cursor = await connection.cursor(
                f"""
                SELECT {FIELDS} FROM outbox
                WHERE (xid >= pg_snapshot_xmax(CAST(CAST($1 AS text) AS pg_snapshot))
                       OR xid = ANY(ARRAY(
                           SELECT pg_snapshot_xip(CAST(CAST($1 AS text) AS pg_snapshot)))))
                  AND pg_visible_in_snapshot(xid, CAST(CAST($2 AS text) AS pg_snapshot))
                ORDER BY id
                """,
                seen,
                now,
            )
            while rows := await cursor.fetch(BATCH):
                count += len(rows)
                yield rows
        if count:
            await connection.execute(
                "UPDATE outbox_position SET seen = CAST(CAST($1 AS text) AS pg_snapshot)", now
            )
        await self._rotate(connection)

    async def _rotate(self, connection: Any) -> None:
        """Truncate the table that is not written, once nobody can write to it, and take turns."""
        turn = await connection.fetchval(f"""
            SELECT turn FROM outbox_position
            WHERE turned_at < clock_timestamp() - interval '{ROTATE_EVERY_S} s'
              AND turned_in < pg_snapshot_xmin(seen)
        """)
        if turn is None:
            return
        async with connection.transaction():
            # Whoever read the old turn and is slow to write must not lose what it writes.
            await connection.execute("SET LOCAL lock_timeout = '100ms'")
            await connection.execute(f"LOCK TABLE outbox_{1 - turn} IN ACCESS EXCLUSIVE MODE")
            if await connection.fetchval(f"""
                SELECT NOT EXISTS (
                    SELECT FROM outbox_{1 - turn}, outbox_position
                    WHERE xid >= pg_snapshot_xmin(seen) AND NOT pg_visible_in_snapshot(xid, seen)
                )
            """):
                await connection.execute(f"TRUNCATE outbox_{1 - turn}")
                await connection.execute("""
                    UPDATE outbox_position
                    SET turn = 1 - turn, turned_in = pg_current_xact_id(),
                        turned_at = clock_timestamp()
                """)
