"""The SQL of keys under which requests are sent again."""

from collections.abc import Sequence

from sqlalchemy import select, text, tuple_, update

from common.storage.bulk import to_arrays
from common.storage.connection import Connection
from common.storage.tables import idempotency_keys
from intake.domain.model import AcceptedRequest, IdempotencyKey

KeyId = tuple[str, str]


class IdempotencyKeys:
    """Accepted requests, by the key under which their senders may send them again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._accepted: dict[KeyId, AcceptedRequest] = {}
        self._new: set[KeyId] = set()

    async def claim(self, requests: Sequence[AcceptedRequest]) -> None:
        """Claim all with one statement, for `take`; under one key the first request wins."""
        by_key: dict[KeyId, AcceptedRequest] = {}
        for request in requests:
            by_key.setdefault((request.scope, request.key), request)
        if not by_key:
            return
        rows = to_arrays(list(by_key.values()))
        new = {(scope, key) for scope, key in await self._connection.execute(_INSERT_KEYS, rows)}
        self._new |= new
        self._accepted.update(by_key)
        if repeated := by_key.keys() - new:
            keys = idempotency_keys.c
            earlier = await self._connection.execute(
                select(keys.scope, keys.key, keys.fingerprint, keys.result, keys.at).where(
                    tuple_(keys.scope, keys.key).in_(repeated)
                )
            )
            self._accepted.update({(row.scope, row.key): AcceptedRequest(*row) for row in earlier})

    def take(self, key: IdempotencyKey) -> AcceptedRequest | None:
        """Return None for the first request under a claimed key, else that first request."""
        key_id = (key.scope, key.key)
        if key_id in self._new:
            self._new.remove(key_id)
            return None
        return self._accepted[key_id]

    def may_be_first(self, key: IdempotencyKey | None) -> bool:
        """Return whether the request is no repeat of one that was accepted before."""
        return key is None or (key.scope, key.key) in self._new

    async def replace_result(self, key: IdempotencyKey, result: str) -> None:
        """Write another result than the one with which this transaction claimed the key."""
        key_id = (key.scope, key.key)
        self._accepted[key_id] = self._accepted[key_id]._replace(result=result)
        table = idempotency_keys
        await self._connection.execute(
            update(table)
            .where(table.c.scope == key.scope, table.c.key == key.key)
            .values(result=result)
        )


_INSERT_KEYS = text("""
    INSERT INTO idempotency_keys (scope, key, fingerprint, result, at)
    SELECT * FROM unnest(
        CAST(:scope AS text[]), CAST(:key AS text[]), CAST(:fingerprint AS text[]),
        CAST(:result AS text[]), CAST(:at AS timestamptz[])
    ) AS accepted(scope, key, fingerprint, result, at)
    ORDER BY scope, key ON CONFLICT DO NOTHING RETURNING scope, key
""")
