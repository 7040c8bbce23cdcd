"""The SQL of gaps in duty schedules that have been announced."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from escalation import tables
from escalation.domain.duty.shifts import Gap
from escalation.domain.duty_gaps import LOOK_AHEAD, GapAhead, GapKey


class DutyGaps:
    """Which gaps have been announced."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def hold(self, schedule_id: str) -> set[GapKey]:
        """Keep others from announcing until this transaction ends; return what has been."""
        await self._connection.execute(_HOLD)
        gaps = tables.announced_gaps.c
        rows = await self._connection.execute(
            select(gaps.starts_at, gaps.ends_at, gaps.ahead).where(gaps.schedule_id == schedule_id)
        )
        return {(row.starts_at, row.ends_at, row.ahead) for row in rows}

    async def keep(self, schedule_id: str, ahead: Sequence[Gap], at: datetime) -> None:
        """Forget all others that we would have seen, looking from `at`."""
        gaps = tables.announced_gaps
        others = tuple_(gaps.c.starts_at, gaps.c.ends_at).not_in(
            [(gap.start, gap.end) for gap in ahead]
        )
        await self._connection.execute(
            delete(gaps).where(
                gaps.c.schedule_id == schedule_id, gaps.c.starts_at < at + LOOK_AHEAD, others
            )
        )

    async def add(self, news: Sequence[GapAhead], at: datetime) -> None:
        rows = [
            {
                "schedule_id": one.schedule_id,
                "starts_at": one.gap.start,
                "ends_at": one.gap.end,
                "ahead": one.ahead,
                "announced_at": at,
            }
            for one in news
        ]
        if rows:
            await self._connection.execute(insert(tables.announced_gaps), rows)


_HOLD = text("LOCK TABLE announced_gaps IN SHARE ROW EXCLUSIVE MODE")
