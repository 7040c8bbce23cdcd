"""The events that a service has handled, so that a redelivery has no second effect."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from common.core.ids import EventId
from common.storage.connection import Connection

_PARTITIONS_AHEAD = timedelta(days=7)


class Claim(NamedTuple):
    """The events not handled before, and the database's time when that was certain."""

    event_ids: set[EventId]
    time: datetime


async def claim(connection: Connection, ids: Sequence[EventId]) -> Claim:
    """As `Inbox.claim`; the time comes with it, so that a transaction needs not ask for it."""
    row = (await connection.execute(_CLAIM, {"ids": ids})).single()
    return Claim(set(row.event_ids), row.time)


class Inbox:
    """`claimed`: the events not handled before, of those that the transaction began with."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.claimed: set[EventId] = set()

    async def claim(self, ids: Sequence[EventId]) -> set[EventId]:
        """Return the events not handled before; a commit marks them as handled.

        Waits for a transaction that has claimed one of them; if it commits, that event is left out.
        """
        return (await claim(self._connection, ids)).event_ids

    async def keep_partitions(self, today: date, retention: timedelta | None) -> int:
        """Make the partitions of the days to come; drop those past retention.

        Return how many rows were dropped, by the statistics of the database.
        """
        sizes = {row.name: row.size for row in await self._connection.execute(_PARTITIONS)}
        names = sizes.keys()
        days = [today + timedelta(days=n) for n in range(-1, _PARTITIONS_AHEAD.days)]
        oldest = _partition(today - retention) if retention else ""
        expired = sorted(name for name in names - {"inbox_default"} if name < oldest)
        missing = [day for day in days if _partition(day) not in names]
        if missing or expired:
            await self._connection.execute(_LOCK)
        for day in missing:
            await self._connection.execute(_CREATE, {"day": day})
        for name in expired:
            await self._connection.execute(_DROP, {"day": _day(name)})
        if retention:
            await self._connection.execute(_DELETE_DEFAULT, {"before": today - retention})
        return int(sum(sizes[name] for name in expired))


def _partition(day: date) -> str:
    return f"inbox_{day:%Y%m%d}"


def _day(partition: str) -> date:
    return date.fromisoformat(partition.rpartition("_")[2])


_LOCK = text("SELECT lock_inbox()")
# With the events of that day from the default partition.
_CREATE = text("SELECT create_inbox_partition(:day)")
_DROP = text("SELECT drop_inbox_partition(:day)")
# In one order, so that two consumers of the same events do not deadlock.
_CLAIM = text("""
    WITH claimed AS (
        INSERT INTO inbox (event_id) SELECT id FROM unnest(CAST(:ids AS uuid[])) AS id ORDER BY id
        ON CONFLICT DO NOTHING RETURNING event_id
    )
    SELECT ARRAY(SELECT event_id FROM claimed) AS event_ids, clock_timestamp() AS time
""")
_DELETE_DEFAULT = text("DELETE FROM inbox_default WHERE event_id < first_event_id(:before)")
_PARTITIONS = text("""
    SELECT child.relname AS name, greatest(child.reltuples, 0) AS size FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'inbox'::regclass
""")
