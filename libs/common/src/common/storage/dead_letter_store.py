"""The dead letters of a service: list them, lock them, close them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text

from common.storage.connection import Connection
from common.storage.dead_letters import Readable, error_fields

State = Literal["waiting", "replayed", "discarded"]


@dataclass(frozen=True, slots=True)
class DeadLetterSummary:
    """What a list shows: nothing of the message's content."""

    id: int
    state: State
    at: datetime
    origin: str
    type: str | None
    event_id: str | None
    key: str | None
    reason: str
    attempts: int
    trusted: bool
    closed_at: datetime | None
    closed_by: str | None
    closed_reason: str | None


@dataclass(frozen=True, slots=True)
class StoredDeadLetter(DeadLetterSummary):
    claimed: bool
    traceparent: str | None
    traceback: str | None
    headers: Mapping[str, Readable]
    payload: bytes | None


class DeadLetterStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def newest(
        self,
        states: Collection[State],
        kind: str | None = None,
        *,
        before: int | None = None,
        limit: int,
    ) -> list[DeadLetterSummary]:
        """Return dead letters, newest first; `before` is the last id of the page before."""
        values = {"states": list(states), "type": kind, "before": before, "limit": limit}
        rows = await self._connection.execute(_NEWEST, values)
        return [DeadLetterSummary(**row) for row in rows]

    async def waiting_ids(self) -> list[int]:
        """Return the ids of all that wait, oldest first."""
        return list((await self._connection.execute(_WAITING)).scalars())

    async def get(self, letter_id: int) -> StoredDeadLetter | None:
        return await self._fetch(_GET, letter_id)

    async def lock(self, letter_id: int) -> StoredDeadLetter | None:
        return await self._fetch(_LOCK, letter_id)

    async def _fetch(self, statement: Any, letter_id: int) -> StoredDeadLetter | None:
        row = (await self._connection.execute(statement, {"id": letter_id})).first()
        return StoredDeadLetter(**row) if row else None

    async def close(
        self, letter_id: int, state: State, by: str, reason: str | None = None
    ) -> DeadLetterSummary:
        """Close the dead letter; the caller has locked it."""
        values = {"id": letter_id, "state": state, "by": by, "reason": reason}
        return DeadLetterSummary(**(await self._connection.execute(_CLOSE, values)).single())

    async def record_failure(self, letter_id: int, error: BaseException) -> DeadLetterSummary:
        """Count a failed attempt, with its reason; the caller has locked it."""
        values = {"id": letter_id, **error_fields(error)}
        return DeadLetterSummary(**(await self._connection.execute(_FAILED, values)).single())


_SUMMARY = """
    id, state, at, origin, type, event_id, key, reason, attempts, trusted,
    closed_at, closed_by, closed_reason
"""
_DETAIL = f"{_SUMMARY}, claimed, traceparent, traceback, headers, payload"
_NEWEST = text(f"""
    SELECT {_SUMMARY} FROM dead_letters
    WHERE state = ANY(CAST(:states AS text[]))
      AND (CAST(:type AS text) IS NULL OR type = :type)
      AND (CAST(:before AS bigint) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
""")
_WAITING = text("SELECT id FROM dead_letters WHERE state = 'waiting' ORDER BY id")
_GET = text(f"SELECT {_DETAIL} FROM dead_letters WHERE id = :id")
_LOCK = text(f"SELECT {_DETAIL} FROM dead_letters WHERE id = :id FOR UPDATE")
_CLOSE = text(f"""
    UPDATE dead_letters
    SET state = :state, closed_at = clock_timestamp(), closed_by = :by, closed_reason = :reason
    WHERE id = :id RETURNING {_SUMMARY}
""")
_FAILED = text(f"""
    UPDATE dead_letters SET reason = :reason, traceback = :traceback, attempts = attempts + 1
    WHERE id = :id RETURNING {_SUMMARY}
""")
