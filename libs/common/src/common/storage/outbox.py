"""Events to publish, written in the transaction that causes them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text

from common.contracts.event import MAX_EVENT_BYTES, Event
from common.core import trace
from common.core.errors import ContentError, PermanentError
from common.core.ids import EventId, new_id
from common.storage.bulk import to_arrays
from common.storage.connection import Connection
from common.storage.dead_letter_store import StoredDeadLetter
from common.storage.json_text import to_json
from common.storage.writes import Write, WriteQuery


class EventTooLargeError(ContentError):
    """An event is larger than Kafka is sure to take."""

    def __init__(self, event: Event, size: int) -> None:
        super().__init__(f"{event.type} has {size} bytes; at most {MAX_EVENT_BYTES} are allowed.")


class MissingEventError(PermanentError):
    """The table of published events has no such event."""


class _NewRow(NamedTuple):
    """An event to append; the fields are the parameters of `_APPEND`, each an array.

    `number` counts those of its key and topic in this transaction.
    """

    event_id: EventId
    key: str
    topic: str
    number: int
    type: str
    at: datetime
    cause: str | None
    trace: bytes | None
    data: str


class Outbox:
    """The events of one transaction.

    Each gets the next sequence number of its topic and key, and a row in `published_events`, whose
    `id` orders the events of one key over all topics. So transactions with events of one key must
    take turns: each locks the keys, unless it has locked the rows that its events are about anyhow
    (`lock_keys` is False). The outbox has the ids for the relay, up to a hundred in a row: more
    would be compressed and stored elsewhere. `cause` is the id of the message being handled.
    `events` are for those who look at what was committed.
    """

    def __init__(self, connection: Connection, *, lock_keys: bool = True) -> None:
        self.connection = connection
        self._lock_keys = lock_keys
        self._rows: list[_NewRow] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self.events: list[Event] = []
        self.cause: str | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, events: Iterable[Event]) -> None:
        """Add the events, in their order; raises EventTooLargeError or NulCharacterError."""
        for event in events:
            data = to_json(event)
            if (size := len(data.encode())) > MAX_EVENT_BYTES:
                raise EventTooLargeError(event, size)
            self.events.append(event)
            key, topic = event.key, event.topic
            self._numbers[key, topic] = number = self._numbers.get((key, topic), 0) + 1
            self._rows.append(
                _NewRow(
                    event_id=EventId(new_id()),
                    key=key,
                    topic=topic,
                    number=number,
                    type=event.type,
                    at=event.occurred_at,
                    cause=self.cause,
                    trace=trace.current_bytes(),
                    data=data,
                )
            )

    def rewrite(self, key: str, change: Callable[[str, Any], Any]) -> None:
        """Let `change` replace the data of the key's events so far, by their type and data."""
        for number, row in enumerate(self._rows):
            if row.key == key:
                data = to_json(change(row.type, orjson.loads(row.data)))
                self._rows[number] = row._replace(data=data)

    async def restore(self, letter: StoredDeadLetter) -> None:
        """Put an event that Kafka refused into the outbox again, under its old number.

        Raises MissingEventError if there is no such event, or no longer.
        """
        if not await self.connection.execute(_RESTORE, {"event_id": letter.event_id}):
            raise MissingEventError

    async def writes(self) -> list[Write]:
        """Return the write of the events, once their keys are locked."""
        if not self._rows:
            return []
        if self._lock_keys:
            keys = sorted({row.key for row in self._rows})
            await self.connection.execute(_LOCK_KEYS, {"keys": keys})
        return [Write(_APPEND, to_arrays(self._rows))]


_LOCK_KEYS = text("""
    SELECT pg_advisory_xact_lock(hashtextextended(key, seed))
    FROM lock_key('events') AS seed, unnest(CAST(:keys AS text[])) AS key
""")
# The key is locked: this statement sees all earlier events of it, and its ids come after theirs.
_APPEND = WriteQuery(
    "append_events",
    text("""
    published AS (
        INSERT INTO published_events (
            at, sequence, event_id, key, topic, type, cause, trace, data)
        SELECT at, number + coalesce((
                SELECT sequence FROM published_events AS earlier
                WHERE earlier.key = new.key AND earlier.topic = new.topic
                ORDER BY sequence DESC LIMIT 1
            ), 0), event_id, key, topic, type, cause, trace, data
        FROM unnest(
            CAST(:event_id AS uuid[]), CAST(:key AS text[]), CAST(:topic AS text[]),
            CAST(:number AS bigint[]), CAST(:type AS text[]), CAST(:at AS timestamptz[]),
            CAST(:cause AS text[]), CAST(:trace AS bytea[]), CAST(:data AS json[])
        ) AS new(event_id, key, topic, number, type, at, cause, trace, data)
    ), append_events AS (
        INSERT INTO outbox (event_ids)
        SELECT array_agg(event_id ORDER BY number)
        FROM unnest(CAST(:event_id AS uuid[])) WITH ORDINALITY AS listed(event_id, number)
        GROUP BY (number - 1) / 100 ORDER BY min(number)
        RETURNING 1
    )
    """),
)
# With a new id of its row, so that a second refusal is a dead letter of its own.
_RESTORE = text("""
    INSERT INTO outbox (event_ids) SELECT ARRAY[event_id] FROM published_events
    WHERE event_id = CAST(CAST(:event_id AS text) AS uuid)
    RETURNING id
""")
