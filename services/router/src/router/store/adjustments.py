"""The SQL of adjustments."""

from collections.abc import Collection

from sqlalchemy import func, select

from common.contracts.event import PersonId
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from router import tables
from router.domain.staffing.adjustments import Adjustment, AdjustmentId


class Adjustments(LockedTable[AdjustmentId, Adjustment]):
    """Who writes one holds the lock for matching, so a person has one in force at most."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.adjustments, Adjustment)

    async def lock_in_force(self, person_id: PersonId) -> Adjustment | None:
        """Lock the one that has not ended."""
        table = tables.adjustments.c
        query = select(table.adjustment_id).where(
            table.person_id == person_id, table.ended_at.is_(None)
        )
        rows = await self.connection.execute(query)
        await self.lock_all(AdjustmentId(str(row.adjustment_id)) for row in rows)
        return next(
            (each for each in self.loaded() if each.person_id == person_id and not each.ended_at),
            None,
        )

    async def last_number(self, person_id: PersonId) -> int:
        """Return the number of the person's newest adjustment; 0 without any."""
        table = tables.adjustments.c
        query = select(func.coalesce(func.max(table.number), 0)).where(table.person_id == person_id)
        return int((await self.connection.execute(query)).scalar_one())

    async def in_force(self, people: Collection[PersonId]) -> dict[PersonId, Adjustment]:
        table = tables.adjustments
        query = select(table).where(table.c.person_id.in_(people), table.c.ended_at.is_(None))
        rows = await self.connection.execute(query)
        adjustments = [self.read(dict(row)) for row in rows]
        return {adjustment.person_id: adjustment for adjustment in adjustments}

    async def list_before(
        self, person_id: PersonId, number: int | None, limit: int
    ) -> list[Adjustment]:
        """Return the next adjustments of the person, newest first."""
        table = tables.adjustments
        query = select(table).where(table.c.person_id == person_id)
        if number is not None:
            query = query.where(table.c.number < number)
        query = query.order_by(table.c.number.desc()).limit(limit)
        return [self.read(dict(row)) for row in await self.connection.execute(query)]
