"""What this service has handled, so that a redelivered event has no second effect."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.core.ids import EventId, day_of

# Kafka keeps the topics for 7 days (deploy/topics.yaml); the inbox must remember for longer.
RETENTION = timedelta(days=10)
_AHEAD = timedelta(days=7)


class Inbox:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, consumer: str, ids: Sequence[EventId]) -> set[EventId]:
        """Return those that nobody has handled; they are handled if this transaction commits.

        Waits for a transaction that holds one of them: if that one commits, it is not returned.
        """
        rows = await self._connection.execute(
            _CLAIM, {"consumer": consumer, "ids": ids, "days": [day_of(one) for one in ids]}
        )
        return {EventId(str(row.event_id)) for row in rows}

    async def keep_partitions(self, today: date) -> None:
        """Make the partitions of the days to come and drop those past retention."""
        names = {row.name for row in await self._connection.execute(_PARTITIONS)}
        days = [today + timedelta(days=n) for n in range(-1, _AHEAD.days)]
        oldest = _partition(today - RETENTION)
        statements = [
            *(one for day in days if _partition(day) not in names for one in _create(day)),
            *(f"DROP TABLE {name}" for name in sorted(names - {"inbox_default"}) if name < oldest),
        ]
        if statements:
            # All at once, or a claim that holds one partition and waits for the next is a deadlock.
            await self._connection.execute(text("LOCK TABLE inbox"))
        for statement in statements:
            await self._connection.execute(text(statement))


def _partition(day: date) -> str:
    return f"inbox_{day:%Y%m%d}"


def _create(day: date) -> tuple[str, ...]:
    """Make the partition with what the default one took of its day: events that came before it."""
    name = _partition(day)
    early = f"DELETE FROM inbox_default WHERE day = '{day}' RETURNING *"
    bounds = f"FROM ('{day}') TO ('{day + timedelta(days=1)}')"
    return (
        f"CREATE TABLE {name} (LIKE inbox INCLUDING ALL)",
        f"WITH early AS ({early}) INSERT INTO {name} SELECT * FROM early",
        f"ALTER TABLE inbox ATTACH PARTITION {name} FOR VALUES {bounds}",
    )


# Claimed in one order, so that two consumers that meet the same events do not deadlock.
_CLAIM = text("""
    INSERT INTO inbox (consumer, event_id, day)
    SELECT :consumer, id, day
    FROM unnest(CAST(:ids AS uuid[]), CAST(:days AS date[])) AS claimed(id, day) ORDER BY id
    ON CONFLICT DO NOTHING RETURNING event_id
""")
_PARTITIONS = text("""
    SELECT child.relname AS name FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'inbox'::regclass
""")
