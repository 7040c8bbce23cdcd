"""The SQL of addresses that are secrets: to encrypt them again with another key."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import text

from common.contracts.event import NotificationId, PersonId
from common.storage.connection import Connection
from notifier.domain.recipients import SECRET_MEDIA, Address

_MEDIA: Final = sorted(SECRET_MEDIA)


class SecretAddresses:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def recipients(self) -> Sequence[PersonId]:
        """Return who has such an address."""
        rows = await self._connection.execute(_RECIPIENTS, {"media": _MEDIA})
        return [PersonId(row["person_id"]) for row in rows]

    async def lock_after(
        self, notification_id: NotificationId, limit: int
    ) -> Sequence[tuple[NotificationId, Address]]:
        """Lock the next notifications with such an address."""
        values = {"media": _MEDIA, "after": notification_id, "limit": limit}
        rows = await self._connection.execute(_NOTIFICATIONS, values)
        return [
            (NotificationId(str(row["id"])), msgspec.json.decode(row["address"], type=Address))
            for row in rows
        ]

    async def save(self, notification_id: NotificationId, address: Address) -> None:
        values = {"id": notification_id, "address": msgspec.json.encode(address).decode()}
        await self._connection.execute(_SAVE, values)


_RECIPIENTS = text("""
    SELECT person_id FROM recipients
    WHERE EXISTS (
        SELECT FROM jsonb_array_elements(media) AS method
        WHERE method ->> 'medium' = ANY (CAST(:media AS text[])))
    ORDER BY person_id
""")
_NOTIFICATIONS = text("""
    SELECT CAST(notification_id AS text) AS id, CAST(address AS text) AS address FROM notifications
    WHERE medium = ANY (CAST(:media AS text[])) AND notification_id > CAST(:after AS uuid)
    ORDER BY notification_id LIMIT CAST(:limit AS integer) FOR UPDATE
""")
_SAVE = text("""
    UPDATE notifications SET address = CAST(:address AS jsonb)
    WHERE notification_id = CAST(:id AS uuid)
""")
