"""The SQL of maintenance windows."""

from datetime import datetime

import msgspec
from sqlalchemy import bindparam, delete, select

from common.storage.connection import Connection
from common.storage.rows import LockedTable
from notifier import tables
from notifier.domain.maintenance import MaintenanceWindow

_W = tables.maintenance_windows
_N = tables.notifications


class MaintenanceWindows(LockedTable[str, MaintenanceWindow]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _W, MaintenanceWindow)

    async def unfinished(self, now: datetime) -> tuple[MaintenanceWindow, ...]:
        """Return those that have not ended, the first to end first."""
        rows = await self.connection.execute(_UNFINISHED, {"now": now})
        return tuple(msgspec.convert(dict(row), MaintenanceWindow) for row in rows)

    async def remove(self, key: str) -> None:
        await self.connection.execute(delete(_W).where(_W.c.key == key))

    async def release(self, delay_reason: str, due_at: datetime) -> None:
        """Let what waits for the end of a window be due then."""
        values = {"reason": delay_reason, "due": due_at}
        await self.connection.execute(_RELEASE, values)


_UNFINISHED = select(_W).where(_W.c.ends_at > bindparam("now")).order_by(_W.c.ends_at, _W.c.key)
_RELEASE = (
    _N.update()
    .where(
        _N.c.state == "pending",
        _N.c.delay_reason == bindparam("reason"),
        _N.c.due_at > bindparam("due"),
    )
    .values(due_at=bindparam("due"))
)
