"""The SQL of consumed events: every event as received. `simulate` reads them."""

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import ContactEvent


class ConsumedEvents:
    """The events of one transaction, written at its end with one statement."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._rows: list[dict[str, object]] = []

    def add(self, event: ContactEvent, event_id: str | None) -> None:
        self._rows.append(
            {
                "contact_id": event.contact_id,
                "at": event.occurred_at,
                "type": event.type,
                "event_id": event_id or "",
                "data": orjson.Fragment(event.model_dump_json()),
            }
        )

    async def flush(self) -> None:
        if self._rows:
            await self._connection.execute(_INSERT, {"rows": orjson.dumps(self._rows).decode()})


_INSERT = text("""
    INSERT INTO consumed_events (contact_id, at, type, event_id, data)
    SELECT contact_id, at, type, event_id, data
    FROM jsonb_to_recordset(CAST(CAST(:rows AS text) AS jsonb)) AS r(
        contact_id uuid, at timestamptz, type text, event_id text, data jsonb)
    ON CONFLICT DO NOTHING
""")
