"""Dead letters as they are kept: all SQL of listing them and of dealing with them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.storage.dead_letters import Readable, error_fields

State = Literal["waiting", "replayed", "discarded"]

# Longer than Kafka keeps the record: until then it may be delivered again, and meets its letter.
RETENTION = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class DeadLetterSummary:
    """What may be listed: nothing of what the message says."""

    id: int
    state: State
    at: datetime
    origin: str
    type: str | None
    event_id: str | None
    key: str | None
    reason: str
    attempts: int
    dealt_at: datetime | None
    dealt_by: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class StoredDeadLetter(DeadLetterSummary):
    claimed: bool
    traceparent: str | None
    trace: str | None
    headers: Mapping[str, Readable]
    payload: bytes | None


class DeadLetterStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def newest(
        self,
        states: Collection[State],
        kind: str | None = None,
        *,
        before: int | None = None,
        limit: int,
    ) -> list[DeadLetterSummary]:
        """Return letters, newest first; `before` is the id where the page before ended."""
        given = {"states": list(states), "type": kind, "before": before, "limit": limit}
        rows = await self._connection.execute(_NEWEST, given)
        return [DeadLetterSummary(**row) for row in rows.mappings()]

    async def waiting(self) -> list[int]:
        """Return the ids of all that wait, oldest first: as they came."""
        return list((await self._connection.execute(_WAITING)).scalars())

    async def get(self, letter_id: int) -> StoredDeadLetter | None:
        return await self._one(_LOOK, letter_id)

    async def lock(self, letter_id: int) -> StoredDeadLetter | None:
        return await self._one(_LOCK, letter_id)

    async def _one(self, statement: Any, letter_id: int) -> StoredDeadLetter | None:
        row = (await self._connection.execute(statement, {"id": letter_id})).mappings().first()
        return StoredDeadLetter(**row) if row else None

    async def settle(
        self, letter_id: int, state: State, by: str, why: str | None = None
    ) -> DeadLetterSummary:
        """Close the letter; it was locked before."""
        given = {"id": letter_id, "state": state, "by": by, "why": why}
        return DeadLetterSummary(**(await self._connection.execute(_DEAL, given)).mappings().one())

    async def failed(self, letter_id: int, error: BaseException) -> DeadLetterSummary:
        """Count one more attempt, with its reason; it was locked before."""
        given = {"id": letter_id, **error_fields(error)}
        return DeadLetterSummary(
            **(await self._connection.execute(_FAILED, given)).mappings().one()
        )

    async def forget(self, now: datetime) -> None:
        """Delete what was dealt with long ago."""
        await self._connection.execute(_FORGET, {"before": now - RETENTION})


_SUMMARY = """
    id, state, at, origin, type, event_id, key, reason, attempts, dealt_at, dealt_by, why
"""
_WHOLE = f"{_SUMMARY}, claimed, traceparent, trace, headers, payload"
_NEWEST = text(f"""
    SELECT {_SUMMARY} FROM dead_letters
    WHERE state = ANY(CAST(:states AS text[]))
      AND (CAST(:type AS text) IS NULL OR type = :type)
      AND (CAST(:before AS bigint) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
""")
_WAITING = text("SELECT id FROM dead_letters WHERE state = 'waiting' ORDER BY id")
_LOOK = text(f"SELECT {_WHOLE} FROM dead_letters WHERE id = :id")
_LOCK = text(f"SELECT {_WHOLE} FROM dead_letters WHERE id = :id FOR UPDATE")
_DEAL = text(f"""
    UPDATE dead_letters
    SET state = :state, dealt_at = clock_timestamp(), dealt_by = :by, why = :why
    WHERE id = :id RETURNING {_SUMMARY}
""")
_FAILED = text(f"""
    UPDATE dead_letters SET reason = :reason, trace = :trace, attempts = attempts + 1
    WHERE id = :id RETURNING {_SUMMARY}
""")
_FORGET = text("DELETE FROM dead_letters WHERE state <> 'waiting' AND dealt_at < :before")
