"""The SQL of rate limits: what each system has taken lately, and until when it counts."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, text

from common.contracts.event import SystemName
from common.storage.connection import Connection
from intake import tables
from intake.domain.rate_limits import LimitWindow, Usage

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class RateLimitWindows:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, system: SystemName) -> LimitWindow:
        """Return what the system has taken, locked until the transaction ends."""
        rows = await self._connection.execute(_LOCK, {"system": system})
        row = rows.single()
        return LimitWindow(
            row.at, [Usage(_EPOCH + until * _MICROSECOND, count) for until, count in row.taken]
        )

    async def save(self, system: SystemName, window: LimitWindow) -> None:
        # Short, so that the row stays on its page.
        taken = [((each.until - _EPOCH) // _MICROSECOND, each.deliveries) for each in window.taken]
        values = {"system": system, "at": window.at, "taken": taken}
        await self._connection.execute(_SAVE, values)


# One that is there already is only locked, with the statement that would make it.
_LOCK = text("""
    INSERT INTO rate_limit_windows AS known (system, at, taken) VALUES (:system, 'epoch', '[]')
    ON CONFLICT (system) DO UPDATE SET system = known.system
    RETURNING at, taken
""")
_SAVE = text("""
    UPDATE rate_limit_windows SET at = :at, taken = :taken WHERE system = :system
""").bindparams(bindparam("taken", type_=tables.rate_limit_windows.c.taken.type))
