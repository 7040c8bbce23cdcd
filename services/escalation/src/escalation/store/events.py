"""The SQL of consumed events: every event as received. `simulate` reads them."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.clocks import ClockPaused
from common.contracts.event import ContactEvent, ContactId
from common.storage.bulk import bulk_insert, to_arrays
from common.storage.erasure import erase_words
from common.storage.idempotency import IdempotencyKeyStore
from common.storage.json_text import to_json
from common.storage.tables import published_events
from escalation import tables


class _NewRow(NamedTuple):
    contact_id: ContactId
    at: datetime
    type: str
    event_id: str
    data: str


class ConsumedEvents:
    """The events of one transaction, written at its end with one statement."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._rows: list[_NewRow] = []

    async def erase(self, contact_id: ContactId) -> None:
        """Erase the words in the events about the contact, those of escalation and clocks too.

        Stored answers that show the contact go as well. A clock is ended or moved for a reason that
        people gave; it pauses for one of ours, which the stored clock has too.
        """
        consumed, published = tables.consumed_events, published_events
        received = consumed.c.contact_id == contact_id
        await erase_words(self._connection, consumed, received)
        about_contact = (published.c.key == contact_id) & (published.c.type != ClockPaused.type)
        await erase_words(self._connection, published, about_contact)
        await IdempotencyKeyStore(self._connection).erase_answers([contact_id])

    def add(self, event: ContactEvent, event_id: str | None) -> None:
        self._rows.append(
            _NewRow(
                contact_id=event.contact_id,
                at=event.occurred_at,
                type=event.type,
                event_id=event_id or "",
                data=to_json(event),
            )
        )

    async def flush(self) -> None:
        if self._rows:
            await self._connection.execute(_INSERT, to_arrays(self._rows))


_INSERT = bulk_insert(tables.consumed_events, arrays=True, conflict="ignore")
