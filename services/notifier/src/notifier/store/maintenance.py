"""The SQL of maintenance windows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy import and_, bindparam, func, literal_column, or_, select

from common.storage.connection import Connection
from common.storage.rows import LockedTable
from notifier import tables
from notifier.domain.maintenance import MaintenanceWindow, WaitingPages, unreadable

_W = tables.maintenance_windows
_N = tables.notifications

log = structlog.get_logger()


class MaintenanceWindows(LockedTable[str, MaintenanceWindow]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _W, MaintenanceWindow)

    async def unfinished(self, now: datetime) -> tuple[MaintenanceWindow, ...]:
        """Return those that have not ended, the first to end first."""
        rows = await self.connection.execute(_UNFINISHED, {"now": now})
        windows = [self.read(dict(row)) for row in rows]
        if keys := [window.key for window in windows if window.ends_at <= now]:
            log.warning("maintenance_windows_unreadable", keys=keys)
        return tuple(window for window in windows if window.ends_at > now)

    def read(self, row: Mapping[str, Any]) -> MaintenanceWindow:
        """Return it; one that can't be read delays no page, and can be put again."""
        try:
            return super().read(row)
        except msgspec.ValidationError:
            return unreadable(row["key"])

    async def lock_unannounced(self, now: datetime) -> tuple[MaintenanceWindow, ...]:
        """Lock those of which nobody knows yet that they have begun or ended."""
        return tuple(self.adopt(await self.connection.execute(_UNANNOUNCED, {"now": now})))

    async def lock_unreleased(self, now: datetime) -> tuple[MaintenanceWindow, ...]:
        """Lock those that were changed so long ago that each process knows of it."""
        windows = self.adopt(await self.connection.execute(_UNRELEASED, {"now": now}))
        return tuple(window for window in windows if window.release_at is not None)

    async def waiting_pages(self, delay_reason: str) -> tuple[WaitingPages, ...]:
        """Return the people whose pages wait for the end of a window."""
        rows = await self.connection.execute(_WAITING, {"reason": delay_reason})
        return tuple(msgspec.convert(dict(row), WaitingPages) for row in rows)

    async def release(self, window: MaintenanceWindow, due_at: datetime) -> None:
        """Let what waits for its end be due then, also by the reason that it had before."""
        values = {"prefix": window.delay_prefix, "due": due_at}
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
_UNRELEASED = (
    select(_W)
    .where(_W.c.release_at <= bindparam("now"))
    .order_by(_W.c.key)
    .with_for_update(skip_locked=True)
)
# In the order in which all transactions lock notifications.
_WAITING_IDS = (
    select(_N.c.notification_id)
    .where(
        _N.c.state == literal_column("'pending'"),
        func.starts_with(_N.c.delay_reason, bindparam("prefix")),
        _N.c.due_at > bindparam("due"),
    )
    .order_by(_N.c.notification_id)
    .with_for_update()
)
_RELEASE = _N.update().where(_N.c.notification_id.in_(_WAITING_IDS)).values(due_at=bindparam("due"))
