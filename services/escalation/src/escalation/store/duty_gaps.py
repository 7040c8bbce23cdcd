"""The SQL of announced gaps in duty schedules."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, text, tuple_

from common.storage.connection import Connection
from escalation import tables
from escalation.domain.duty.shifts import Gap
from escalation.domain.duty_gaps import FORECAST_PERIOD, GapKey, UpcomingGap


class AnnouncedGaps:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock_for_update(self, schedule_id: str) -> set[GapKey]:
        """Block other announcements until this transaction ends; return the schedule's so far."""
        await self._connection.execute(_LOCK)
        gaps = tables.announced_gaps.c
        rows = await self._connection.execute(
            select(gaps.starts_at, gaps.ends_at, gaps.ahead).where(gaps.schedule_id == schedule_id)
        )
        return {(row.starts_at, row.ends_at, row.ahead) for row in rows}

    async def delete_filled(self, schedule_id: str, gaps: Sequence[Gap], at: datetime) -> None:
        """Delete the announcements of the week from `at` whose gap is none of `gaps`."""
        announced = tables.announced_gaps
        is_filled = tuple_(announced.c.starts_at, announced.c.ends_at).not_in(
            [(gap.start, gap.end) for gap in gaps]
        )
        await self._connection.execute(
            delete(announced).where(
                announced.c.schedule_id == schedule_id,
                announced.c.starts_at < at + FORECAST_PERIOD,
                is_filled,
            )
        )

    async def add(self, gaps: Sequence[UpcomingGap], at: datetime) -> None:
        rows = [
            {
                "schedule_id": gap_ahead.schedule_id,
                "starts_at": gap_ahead.gap.start,
                "ends_at": gap_ahead.gap.end,
                "ahead": gap_ahead.ahead,
                "announced_at": at,
            }
            for gap_ahead in gaps
        ]
        if rows:
            await self._connection.execute(insert(tables.announced_gaps), rows)


_LOCK = text("LOCK TABLE announced_gaps IN SHARE ROW EXCLUSIVE MODE")
