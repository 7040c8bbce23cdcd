"""The SQL of the kinds of mail that people have stopped."""

from collections.abc import Iterable

import msgspec
from msgspec.structs import asdict
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql

from common.contracts.event import PersonId
from common.storage.connection import Connection
from notifier import tables
from notifier.domain.mail_stops import MailStop, StoppableMail

_STOPS = tables.mail_stops


class MailStops:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, person_id: PersonId) -> list[MailStop]:
        """Return what the person has stopped, by kind."""
        query = select(_STOPS).where(_STOPS.c.person_id == person_id).order_by(_STOPS.c.kind)
        rows = await self._connection.execute(query)
        return [msgspec.convert(dict(row), MailStop) for row in rows]

    async def has(self, person_id: PersonId, kind: StoppableMail) -> bool:
        return any(stop.kind == kind for stop in await self.of(person_id))

    async def add(self, stop: MailStop) -> None:
        """Add it; one that is there stays as it is."""
        await self._connection.execute(
            postgresql.insert(_STOPS).values(asdict(stop)).on_conflict_do_nothing()
        )

    async def remove(self, person_id: PersonId, kinds: Iterable[StoppableMail]) -> None:
        await self._connection.execute(
            delete(_STOPS).where(_STOPS.c.person_id == person_id, _STOPS.c.kind.in_(list(kinds)))
        )
