"""The SQL of consumed events: every event as received. `simulate` reads them."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from common.contracts.clocks import ClockPaused
from common.contracts.event import ContactEvent, ContactId
from common.storage.bulk import bulk_insert, to_arrays
from common.storage.connection import Connection
from common.storage.erasure import erase_published, erase_words
from common.storage.json_text import to_json
from common.storage.tables import published_events
from common.storage.writes import Write, write_query
from escalation import tables


class _NewRow(NamedTuple):
    contact_id: ContactId
    at: datetime
    type: str
    event_id: str | None
    data: str


class ConsumedEvents:
    """The events of one transaction, written at its end with one statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[_NewRow] = []

    async def erase(self, contact_id: ContactId) -> None:
        """Erase the words in the events about the contact, those of escalation and clocks too.

        Stored answers that show the contact go as well. A clock is ended or moved for a reason that
        people gave; it pauses for one of ours, which the stored clock has too.
        """
        consumed = tables.consumed_events
        await erase_words(self._connection, consumed, consumed.c.contact_id == contact_id)
        other_than_pauses = published_events.c.type != ClockPaused.type
        await erase_published(self._connection, [contact_id], other_than_pauses)

    def add(self, event: ContactEvent, event_id: str | None) -> None:
        self._rows.append(
            _NewRow(
                contact_id=event.contact_id,
                at=event.occurred_at,
                type=event.type,
                event_id=event_id,
                data=to_json(event),
            )
        )

    def writes(self) -> Iterator[Write]:
        if self._rows:
            yield Write(_INSERT, to_arrays(self._rows))


_INSERT = write_query("insert_consumed_events", bulk_insert(tables.consumed_events, arrays=True))
