"""Events to publish, written in the transaction that causes them."""

from collections.abc import Iterable

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import Event
from common.core import trace
from common.core.ids import new_id


class Outbox:
    """The events of one transaction.

    Each gets the next sequence number of its contact and a row in the journal. `cause` is the id
    of the message being handled. `events` are for those who look at what was committed.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._rows: list[dict[str, object]] = []
        self.events: list[Event] = []
        self.cause: str | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            self.events.append(event)
            self._rows.append(
                {
                    "n": len(self._rows),
                    "event_id": new_id(),
                    "contact_id": event.contact_id,
                    "topic": event.topic,
                    "type": event.type,
                    "at": event.occurred_at,
                    "cause": self.cause,
                    "traceparent": trace.current(),
                    "data": orjson.Fragment(event.model_dump_json()),
                }
            )

    async def flush(self) -> None:
        if self._rows:
            await self._connection.execute(_APPEND, {"rows": orjson.dumps(self._rows).decode()})


_APPEND = text("""
    WITH new AS (
        SELECT * FROM jsonb_to_recordset(CAST(CAST(:rows AS text) AS jsonb)) AS r(
            n integer, event_id uuid, contact_id uuid, topic text, type text, at timestamptz,
            cause text, traceparent text, data jsonb)
    ), counted AS (
        INSERT INTO streams AS s (contact_id, sequence)
        SELECT contact_id, count(*) FROM new GROUP BY contact_id ORDER BY contact_id
        ON CONFLICT (contact_id) DO UPDATE SET sequence = s.sequence + excluded.sequence
        RETURNING contact_id, sequence AS last
    ), numbered AS (
        SELECT new.*, last - count(*) OVER (PARTITION BY contact_id)
                           + row_number() OVER (PARTITION BY contact_id ORDER BY n) AS sequence
        FROM new JOIN counted USING (contact_id)
    ), journalled AS (
        INSERT INTO journal (contact_id, sequence, event_id, type, at, cause, data)
        SELECT contact_id, sequence, event_id, type, at, cause, data FROM numbered
    )
    INSERT INTO outbox (event_id, contact_id, sequence, topic, type, at, traceparent, data)
    SELECT event_id, contact_id, sequence, topic, type, at, traceparent, data
    FROM numbered ORDER BY n
""")
