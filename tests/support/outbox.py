"""The probe's outbox, the relay that holds its lock, and the published records."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import asyncpg

from common.contracts.contacts import CustomerWrote
from common.contracts.event import ContactId
from common.messaging.envelope import decode
from common.storage.database import Database
from common.storage.outbox import Outbox
from common.storage.writes import execute_writes
from support.databases import Postgres, rows
from support.probe import NAME, Broker, UnitOfWork

Arrivals = dict[ContactId, list[tuple[int, str]]]


async def append(outbox: Outbox) -> None:
    """Write the events now."""
    await execute_writes(outbox.connection, await outbox.writes())


async def add_events(database: Database[UnitOfWork], *events: CustomerWrote) -> None:
    async with database.transaction() as uow:
        uow.outbox.add(events)


async def count_pending(database: Database[UnitOfWork]) -> int:
    """Count the events; a row without any would count, too."""
    return len(await rows(database, "SELECT 1 FROM outbox LEFT JOIN unnest(event_ids) ON true"))


async def read_arrivals(broker: Broker) -> Arrivals:
    """Return each contact's sequence numbers and texts, in the order of the topic."""
    arrivals: Arrivals = defaultdict(list)
    for record in await broker.read_records():
        envelope, event = decode(record.key, record.headers, record.value)
        assert isinstance(event, CustomerWrote)
        arrivals[event.contact_id].append((envelope.sequence, event.excerpt))
    return dict(arrivals)


def texts_of(arrivals: Arrivals) -> set[str]:
    return {text for pairs in arrivals.values() for _, text in pairs}


def drop_repeats(pairs: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Drop repeated records, as a consumer's inbox does."""
    return list(dict.fromkeys(pairs))


def assert_ordered(arrivals: Arrivals) -> None:
    """Require that each contact's events first arrive in order and without a gap."""
    for contact_id, pairs in arrivals.items():
        numbers = [number for number, _ in drop_repeats(pairs)]
        assert numbers == list(range(1, len(numbers) + 1)), contact_id


async def fetch_lock_holders(postgres: Postgres, database: Database[UnitOfWork]) -> Sequence[int]:
    """Return the sessions that hold the relay's lock; only an administrator sees locks."""
    name = database.engine.url.database
    assert name
    connection = await asyncpg.connect(postgres.admin_of(name).replace("+asyncpg", ""))
    try:
        locks = await connection.fetch(_LOCK_HOLDERS)
    finally:
        await connection.close()
    return [lock["pid"] for lock in locks]


# The key of the lock in two halves; other workers take other advisory locks.
_LOCK_HOLDERS = f"""
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND CAST(CAST(classid::int8 AS bit(32)) || CAST(objid::int8 AS bit(32)) AS bit(64))
        = CAST({NAME}.lock_key('relay') AS bit(64))
"""
