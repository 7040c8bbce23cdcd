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

    async def add(self, key: RequestKey, answer: str | None = None) -> bool:
        """Store the request with its answer, a JSON object; False if there is one under its key.

        Waits for another transaction that has added the key, until it ends.
        """
        mentions = sorted({match[0] for match in _ID.finditer(answer)}) if answer else None
        values = {
            "scope": key.scope,
            "key": key.key,
            "fingerprint": key.fingerprint,
            "answer": answer,
            "mentions": mentions,
        }
        return bool(await self._connection.execute(_ADD, values))

    async def find(self, key: RequestKey) -> AcceptedRequest | None:
        """Return the request that was accepted under the key, once those under way have ended.

        The transaction must be rolled back.
        """
        if await self.add(key):
            return None
        values = {"scope": key.scope, "key": key.key}
        row = (await self._connection.execute(_EARLIER, values)).single()
        return AcceptedRequest(row.fingerprint, row.answer)

    async def erase_answers(self, contact_ids: Sequence[ContactId]) -> None:
        """Erase the answers that name one of the contacts; their keys stay.

        What an API shows about a contact names it.
        """
        await self._connection.execute(_ERASE, {"contact_ids": list(contact_ids)})


_ID: Final = re.compile(UUID_PATTERN)
_ERASE = text("""
    UPDATE idempotency_keys SET answer = NULL, mentions = NULL
    WHERE mentions && CAST(:contact_ids AS uuid[])
""")
_ADD = text("""
    INSERT INTO idempotency_keys (scope, key, fingerprint, answer, mentions, at)
    VALUES (
        :scope, :key, :fingerprint, CAST(CAST(:answer AS text) AS jsonb),
        CAST(:mentions AS uuid[]), now()
    ) ON CONFLICT DO NOTHING
    RETURNING key
""")
_EARLIER = text("""
    SELECT fingerprint, answer FROM idempotency_keys WHERE scope = :scope AND key = :key
""")
