"""Requests that come again under their key, each stored with its answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text

from common.contracts.event import UUID_PATTERN, ContactId
from common.storage.connection import Connection

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
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def claim(self, key: RequestKey) -> AcceptedRequest | None:
        """Return None for the first request under its key, else that first request.

        Waits for another transaction that has claimed the key, until it ends.
        """
        values = {"scope": key.scope, "key": key.key, "fingerprint": key.fingerprint}
        if await self._connection.execute(_CLAIM, values):
            return None
        row = (await self._connection.execute(_EARLIER, values)).single()
        return AcceptedRequest(row.fingerprint, row.answer)

    async def erase_answers(self, contact_ids: Sequence[ContactId]) -> None:
        """Erase the answers that name one of the contacts; their keys stay.

        What an API shows about a contact names it.
        """
        await self._connection.execute(_ERASE, {"contact_ids": list(contact_ids)})

    async def keep_answer(self, key: RequestKey, answer: str) -> None:
        """Store the answer, a JSON object, with the key that this transaction has claimed."""
        mentions = sorted({match[0] for match in _ID.finditer(answer)})
        values = {"scope": key.scope, "key": key.key, "answer": answer, "mentions": mentions}
        await self._connection.execute(_KEEP, values)


_ID: Final = re.compile(UUID_PATTERN)
_ERASE = text("""
    UPDATE idempotency_keys SET answer = NULL, mentions = NULL
    WHERE mentions && CAST(:contact_ids AS uuid[])
""")
_CLAIM = text("""
    INSERT INTO idempotency_keys (scope, key, fingerprint, at)
    VALUES (:scope, :key, :fingerprint, now()) ON CONFLICT DO NOTHING
    RETURNING key
""")
_EARLIER = text("""
    SELECT fingerprint, answer FROM idempotency_keys WHERE scope = :scope AND key = :key
""")
_KEEP = text("""
    UPDATE idempotency_keys
    SET answer = CAST(CAST(:answer AS text) AS jsonb), mentions = CAST(:mentions AS uuid[])
    WHERE scope = :scope AND key = :key
""")
