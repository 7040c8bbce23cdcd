"""The SQL of consumed events: every event as received. `simulate` reads them."""

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import ContactEvent
from common.storage.bulk import bulk_insert
from escalation import tables


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


_INSERT = bulk_insert(tables.consumed_events, conflict="ignore")
