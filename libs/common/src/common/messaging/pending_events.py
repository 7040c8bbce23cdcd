"""The outbox as the relay sees it: a row has the events of a transaction."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import text

from common.core.ids import EventId
from common.storage.connection import Connection

Row = Any
Session = Any


class PendingEvents:
    """What one relay reads on its session, and what it need not read again.

    Rows are deleted, not skipped by a last id, because a row may get its id early and be committed
    late.
    """

    def __init__(self) -> None:
        # Ids of rows of which every event is done; the next query deletes them.
        self._done_rows: list[int] = []
        # Whether some events that were read last are not done: the batch of a partition was full.
        self.some_left = False

    async def read(self, session: Session, limit: int) -> Sequence[Row]:
        """Return the next events, each with the id and the size of its row.

        `data` is None if there is no such event.
        """
        done_rows, self._done_rows = self._done_rows, []
        self.some_left = False
        events: Sequence[Row] = await session.fetch(NEXT, done_rows, limit)
        return events

    async def take_out(
        self, session: Session, events: Sequence[Row], done: Collection[EventId]
    ) -> None:
        """Note which rows are done; shorten those of which only some events are."""
        sizes = {event["id"]: event["size"] for event in events}
        is_done = frozenset(done).__contains__
        self.some_left = len(done) < len(events)
        counts = Counter(event["id"] for event in events if is_done(event["event_id"]))
        self._done_rows = [row for row, count in counts.items() if count == sizes[row]]
        if rest := [row for row, count in counts.items() if count < sizes[row]]:
            await session.execute(_SHORTEN, rest, list(done))


async def remove(connection: Connection, event: Row) -> bool:
    """Take the event out of its row; return False if another relay has done so."""
    values = {"id": event["id"], "event_id": event["event_id"]}
    removed = await connection.execute(_REMOVE, values)
    await connection.execute(_DELETE_EMPTY, values)
    return bool(removed)


# OFFSET 0: events are looked up one by one by their ids, whatever the statistics say.
NEXT = """
    WITH done AS (DELETE FROM outbox WHERE id = ANY($1::bigint[]))
    SELECT o.id, cardinality(o.event_ids) AS size, CAST(listed.event_id AS text) AS event_id,
           p.key, p.topic, p.sequence, p.type, p.trace, CAST(p.data AS text) AS data
    FROM outbox AS o
        CROSS JOIN LATERAL unnest(o.event_ids) WITH ORDINALITY AS listed(event_id, number)
        LEFT JOIN LATERAL (
            SELECT key, topic, sequence, type, trace, data FROM published_events
            WHERE event_id = listed.event_id OFFSET 0
        ) AS p ON true
    WHERE o.id NOT IN (SELECT unnest($1::bigint[]))
    ORDER BY o.id, listed.number LIMIT $2
"""
_SHORTEN = """
    UPDATE outbox SET event_ids = ARRAY(
        SELECT event_id FROM unnest(event_ids) WITH ORDINALITY AS listed(event_id, number)
        WHERE event_id NOT IN (SELECT unnest($2::uuid[])) ORDER BY number
    )
    WHERE id = ANY($1::bigint[])
"""
_REMOVE = text("""
    UPDATE outbox SET event_ids = array_remove(event_ids, CAST(:event_id AS uuid))
    WHERE id = :id AND CAST(:event_id AS uuid) = ANY(event_ids)
    RETURNING id
""")
_DELETE_EMPTY = text("DELETE FROM outbox WHERE id = :id AND event_ids = '{}'")
