"""The SQL of simulations: it streams consumed events and writes nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from common.contracts import EVENTS
from common.contracts.contacts import ContactReceived
from common.contracts.event import ContactEvent, ContactId
from common.storage.connection import Connection
from escalation.domain.simulation import REPLAYED_EVENTS
from escalation.store.events import restore_event

_CONTACTS_PER_CHUNK: Final = 500
_EVENT_TYPES: Final[Mapping[str, type[ContactEvent]]] = {
    kind.type: kind for kind in EVENTS if kind in REPLAYED_EVENTS
}

# An event as stored: its type, when it occurred, and its JSON.
StoredEvent = tuple[str, datetime, str]
Chunk = list[tuple[ContactId, Sequence[StoredEvent]]]


async def contact_chunks(
    connection: Connection,
    since: datetime,
    until: datetime,
    contacts_per_chunk: int = _CONTACTS_PER_CHUNK,
) -> AsyncIterator[Chunk]:
    """Yield the contacts received from `since` to `until`, each with its events of that time.

    Events are in the order in which they happened.
    """
    # The connection idles while chunks are simulated.
    await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    values = {"since": since, "until": until, "types": list(_EVENT_TYPES)}
    async for chunk in connection.stream(_EVENTS_BY_CONTACT, values, contacts_per_chunk):
        yield list(map(_stored, chunk))


async def hold_contacts(connection: Connection, since: datetime, until: datetime) -> None:
    """Let the session hold what `contact_chunks` would yield, as this transaction has it.

    The server stores it when the transaction commits. `held_chunks` reads it without a snapshot,
    for which vacuum would have to wait.
    """
    values = {"since": since, "until": until, "types": list(_EVENT_TYPES)}
    await connection.execute(_HOLD_CONTACTS, values)


async def held_chunks(connection: Connection, contacts_per_chunk: int) -> AsyncIterator[Chunk]:
    """Yield what the session holds; outside a transaction."""
    fetch = text(f"FETCH {contacts_per_chunk} FROM past_contacts")
    while rows := await connection.execute(fetch):
        yield list(map(_stored, rows))


def _stored(row: Any) -> tuple[ContactId, Sequence[StoredEvent]]:
    contact_id, types_, times, data = row
    return ContactId(contact_id), list(zip(types_, times, data, strict=True))


def restore_contacts(chunk: Chunk) -> list[tuple[ContactId, list[ContactEvent]]]:
    """Return each contact of the chunk with its events."""
    return [
        (
            contact_id,
            [restore_event(_EVENT_TYPES[kind], contact_id, at, data) for kind, at, data in stored],
        )
        for contact_id, stored in chunk
    ]


async def latest_contacts(
    connection: Connection, since: datetime, until: datetime, limit: int
) -> tuple[int, datetime]:
    """Return how many contacts were received in the period, at most `limit`, and the first time.

    Of more than `limit` the latest count.
    """
    values = {"since": since, "until": until, "limit": limit, "type": ContactReceived.type}
    row = (await connection.execute(_LATEST_CONTACTS, values)).single()
    return row.contacts, row.first_at or since


_LATEST_CONTACTS = text("""
    SELECT count(*) AS contacts, min(at) AS first_at FROM (
        SELECT at FROM consumed_events
        WHERE at >= :since AND at < :until AND type = :type
        ORDER BY at DESC LIMIT :limit
    ) AS latest
""")
_CONTACTS: Final = """
    SELECT CAST(contact_id AS text), array_agg(type ORDER BY at, event_id),
           array_agg(at ORDER BY at, event_id),
           array_agg(CAST(data AS text) ORDER BY at, event_id)
    FROM consumed_events
    WHERE at >= :since AND at < :until AND type = ANY(:types)
    GROUP BY contact_id HAVING bool_or(type = 'upstairs.contact_received.v1')
    ORDER BY contact_id
"""
_EVENTS_BY_CONTACT = text(_CONTACTS)
_HOLD_CONTACTS = text(f"DECLARE past_contacts NO SCROLL CURSOR WITH HOLD FOR {_CONTACTS}")
