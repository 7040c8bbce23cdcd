"""The SQL of `simulate`: it streams consumed events and writes nothing."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

from sqlalchemy import text

from common.contracts.event import ContactId
from common.storage.connection import Connection

_CONTACTS_PER_CHUNK = 500

# An event as stored: its type, when it occurred, and its JSON.
StoredEvent = tuple[str, datetime, str]
Chunk = list[tuple[ContactId, Sequence[StoredEvent]]]


async def contact_chunks(
    connection: Connection, since: datetime, until: datetime, types: Iterable[str]
) -> AsyncIterator[Chunk]:
    """Yield the contacts received from `since` to `until`, each with its events of that time.

    Events are in the order in which they happened.
    """
    # The connection idles while chunks are simulated.
    await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    values = {"since": since, "until": until, "types": list(types)}
    async for chunk in connection.stream(_EVENTS_BY_CONTACT, values, _CONTACTS_PER_CHUNK):
        yield [
            (ContactId(contact_id), list(zip(types_, times, data, strict=True)))
            for contact_id, types_, times, data in chunk
        ]


_EVENTS_BY_CONTACT = text("""
    SELECT CAST(contact_id AS text), array_agg(type ORDER BY at, event_id),
           array_agg(at ORDER BY at, event_id),
           array_agg(CAST(data AS text) ORDER BY at, event_id)
    FROM consumed_events
    WHERE at >= :since AND at < :until AND type = ANY(:types)
    GROUP BY contact_id HAVING bool_or(type = 'upstairs.contact_received.v1')
    ORDER BY contact_id
""")
