"""The SQL of links that sign in once, for development."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert

from common.contracts.event import PersonRole
from common.storage.connection import Connection
from console import tables

_TABLE = tables.sign_in_links


class SignInLink(NamedTuple):
    person: str
    role: PersonRole
    expires_at: datetime


class SignInLinks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, digest: bytes, link: SignInLink) -> None:
        values = {
            "digest": digest,
            "person_id": link.person,
            "role": link.role,
            "expires_at": link.expires_at,
        }
        await self._connection.execute(insert(_TABLE), values)

    async def take(self, digest: bytes) -> SignInLink | None:
        """Return the link and delete it: it counts once."""
        row = (
            await self._connection.execute(
                delete(_TABLE)
                .where(_TABLE.c.digest == digest)
                .returning(_TABLE.c.person_id, _TABLE.c.role, _TABLE.c.expires_at)
            )
        ).first()
        return None if row is None else SignInLink(row.person_id, row.role, row.expires_at)
