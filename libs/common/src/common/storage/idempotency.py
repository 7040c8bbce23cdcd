"""Requests that come again under their key, each stored with its answer."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Longer than any client repeats a request.
KEPT_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class RequestKey:
    """`scope` is who chose the key; another request has another `fingerprint`."""

    scope: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """The first request under a key; without `answer` it was erased with a customer's words."""

    fingerprint: str
    answer: dict[str, Any] | None


class IdempotencyKeyStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, key: RequestKey) -> AcceptedRequest | None:
        """Return None for the first request under its key, else that first request.

        Waits for another transaction that has claimed the key, until it ends.
        """
        values = {"scope": key.scope, "key": key.key, "fingerprint": key.fingerprint}
        if (await self._connection.execute(_CLAIM, values)).rowcount:
            return None
        row = (await self._connection.execute(_EARLIER, values)).one()
        return AcceptedRequest(row.fingerprint, row.answer)

    async def keep_answer(self, key: RequestKey, answer: str) -> None:
        """Store the answer, a JSON object, with the key that this transaction has claimed."""
        values = {"scope": key.scope, "key": key.key, "answer": answer}
        await self._connection.execute(_KEEP, values)


_CLAIM = text("""
    INSERT INTO idempotency_keys (scope, key, fingerprint, at)
    VALUES (:scope, :key, :fingerprint, now()) ON CONFLICT DO NOTHING
""")
_EARLIER = text("""
    SELECT fingerprint, answer FROM idempotency_keys WHERE scope = :scope AND key = :key
""")
_KEEP = text("""
    UPDATE idempotency_keys SET answer = CAST(CAST(:answer AS text) AS jsonb)
    WHERE scope = :scope AND key = :key
""")
