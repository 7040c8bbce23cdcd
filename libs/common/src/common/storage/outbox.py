"""Events to publish, written in the transaction that causes them."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from common.contracts.event import MAX_EVENT_BYTES, Event
from common.core import trace
from common.core.errors import ContentError, PermanentError
from common.core.ids import new_id
from common.storage.bulk import to_arrays
from common.storage.connection import Connection
from common.storage.dead_letter_store import StoredDeadLetter
from common.storage.dead_letters import from_readable
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

    event_id: str
    key: str
    topic: str
    number: int
    type: str
    at: datetime
    cause: str | None
    traceparent: str | None
    data: str


class Outbox:
    """The events of one transaction.

    Each gets the next sequence number of its topic and key, and a row in `published_events`, whose
    `id` orders the events of one key over all topics; the relay reads the event there. So
    transactions with events of one key must take turns: each locks the keys, unless it has locked
    the rows that its events are about anyhow (`lock_keys` is False). `cause` is the id of the
    message being handled. `events` are for those who look at what was committed.
    """

    def __init__(self, connection: Connection, *, lock_keys: bool = True) -> None:
        self.connection = connection
        self._lock_keys = lock_keys
        self._rows: list[_NewRow] = []
        self._numbers: Counter[tuple[str, str]] = Counter()
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
            self._numbers[event.key, event.topic] += 1
            self._rows.append(
                _NewRow(
                    event_id=new_id(),
                    key=event.key,
                    topic=event.topic,
                    number=self._numbers[event.key, event.topic],
                    type=event.type,
                    at=event.occurred_at,
                    cause=self.cause,
                    traceparent=trace.current(),
                    data=data,
                )
            )

    async def restore(self, letter: StoredDeadLetter) -> None:
        """Put an event that Kafka refused into the outbox again, under its old number.

        Raises MissingEventError if it is a dead letter because there is no event.
        """
        if not letter.payload:
            raise MissingEventError
        values = {name: from_readable(value) for name, value in letter.headers.items()}
        await self.connection.execute(
            _RESTORE,
            {
                "event_id": letter.event_id,
                "key": letter.key,
                "type": letter.type,
                "traceparent": letter.traceparent,
                "data": letter.payload.decode(),
                **{name: (value or b"").decode() for name, value in values.items()},
            },
        )

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
    new AS (
        SELECT nextval('outbox_id_seq') AS id, r.*, r.number + coalesce((
            SELECT sequence FROM published_events AS earlier
            WHERE earlier.key = r.key AND earlier.topic = r.topic
            ORDER BY sequence DESC LIMIT 1
        ), 0) AS sequence
        FROM unnest(
            CAST(:event_id AS uuid[]), CAST(:key AS text[]), CAST(:topic AS text[]),
            CAST(:number AS bigint[]), CAST(:type AS text[]), CAST(:at AS timestamptz[]),
            CAST(:cause AS text[]), CAST(:traceparent AS text[]), CAST(:data AS json[])
        ) AS r(event_id, key, topic, number, type, at, cause, traceparent, data)
    ), published AS (
        INSERT INTO published_events (id, at, sequence, event_id, key, topic, type, cause, data)
        SELECT id, at, sequence, event_id, key, topic, type, cause, data FROM new
    ), append_events AS (
        INSERT INTO outbox (id, sequence, key, topic, traceparent)
        SELECT id, sequence, key, topic, traceparent FROM new RETURNING 1
    )
    """),
)
# With a new id, so that a second refusal is a dead letter of its own.
_RESTORE = text("""
    INSERT INTO outbox (event_id, key, sequence, topic, type, at, traceparent, data)
    VALUES (
        CAST(CAST(:event_id AS text) AS uuid), :key, CAST(CAST(:sequence AS text) AS bigint),
        :topic, :type, CAST(CAST(:at AS text) AS timestamptz), :traceparent,
        CAST(CAST(:data AS text) AS json)
    )
""")
