"""The SQL of maintenance windows."""

from datetime import datetime

import msgspec
from sqlalchemy import and_, bindparam, func, literal_column, or_, select

from common.storage.connection import Connection
from common.storage.rows import LockedTable
from notifier import tables
from notifier.domain.maintenance import MaintenanceWindow, WaitingPages

_W = tables.maintenance_windows
_N = tables.notifications


class MaintenanceWindows(LockedTable[str, MaintenanceWindow]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _W, MaintenanceWindow)

    async def unfinished(self, now: datetime) -> tuple[MaintenanceWindow, ...]:
        """Return those that have not ended, the first to end first."""
        rows = await self.connection.execute(_UNFINISHED, {"now": now})
        return tuple(msgspec.convert(dict(row), MaintenanceWindow) for row in rows)

    async def lock_unannounced(self, now: datetime) -> tuple[MaintenanceWindow, ...]:
        """Lock those of which nobody knows yet that they have begun or ended."""
        return tuple(self.adopt(await self.connection.execute(_UNANNOUNCED, {"now": now})))

    async def waiting_pages(self, delay_reason: str) -> tuple[WaitingPages, ...]:
        """Return the people whose pages wait for the end of a window."""
        rows = await self.connection.execute(_WAITING, {"reason": delay_reason})
        return tuple(msgspec.convert(dict(row), WaitingPages) for row in rows)

    async def release(self, delay_reason: str, due_at: datetime) -> None:
        """Let what waits for the end of a window be due then."""
        values = {"reason": delay_reason, "due": due_at}
        await self.connection.execute(_RELEASE, values)


_UNFINISHED = select(_W).where(_W.c.ends_at > bindparam("now")).order_by(_W.c.ends_at, _W.c.key)
_UNANNOUNCED = (
    select(_W)
    .where(
        _W.c.starts_at <= bindparam("now"),
        or_(
            and_(_W.c.ends_at > bindparam("now"), _W.c.begin_announced_at.is_(None)),
            and_(_W.c.ends_at <= bindparam("now"), _W.c.end_announced_at.is_(None)),
        ),
    )
    .order_by(_W.c.key)
    .with_for_update(skip_locked=True)
)
_WAITING = (
    select(_N.c.person_id, func.count(_N.c.page_id.distinct()).label("count"))
    .where(
        _N.c.state == literal_column("'pending'"),
        _N.c.kind == "page",
        _N.c.delay_reason == bindparam("reason"),
    )
    .group_by(_N.c.person_id)
    .order_by(_N.c.person_id)
)
_RELEASE = (
    _N.update()
    .where(
        _N.c.state == "pending",
        _N.c.delay_reason == bindparam("reason"),
        _N.c.due_at > bindparam("due"),
    )
    .values(due_at=bindparam("due"))
)
