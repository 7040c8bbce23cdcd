"""What comes by connections: kept in memory, and written at most once in some seconds.

A row that each delivery changed would make the deliveries of a connection wait for each other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from common.core.backoff import pause
from common.core.clock import monotonic
from common.core.errors import is_transient
from common.core.metrics import Metrics
from common.storage.database import Database
from intake.connections.silence_watch import record_activity
from intake.domain.silence import Listener
from intake.metrics import ConnectionMetrics
from intake.store import UnitOfWork
from intake.store.connections import ActivityRow, ConnectionKey

_WRITE_INTERVAL: Final = timedelta(seconds=5)
# Several of these fit into the gap after which nobody counts as listening.
_LISTENING_INTERVAL: Final = timedelta(seconds=30)
_DETAIL_CHARACTERS: Final = 300

log = structlog.get_logger()


class NoticedActivity:
    """What this process has noticed since it wrote last: a row for each existing connection."""

    def __init__(self) -> None:
        self._rows: dict[ConnectionKey, ActivityRow] = {}

    def note_delivery(self, kind: str, connection: str, at: datetime) -> None:
        self._add(ActivityRow(kind, connection, last_delivery_at=at))

    def note_failure(
        self, kind: str, connection: str, at: datetime, code: str, detail: str
    ) -> None:
        """`detail` holds no words of customers and no secrets."""
        detail = detail[:_DETAIL_CHARACTERS]
        failure = ActivityRow(
            kind, connection, failed_at=at, failure_code=code, failure_detail=detail
        )
        self._add(failure)

    def take(self) -> list[ActivityRow]:
        rows, self._rows = list(self._rows.values()), {}
        return rows

    def put_back(self, rows: list[ActivityRow]) -> None:
        """Keep what could not be written, unless something newer has come."""
        newer = self.take()
        for row in [*rows, *newer]:
            self._add(row)

    def _add(self, row: ActivityRow) -> None:
        earlier = self._rows.get((row.kind, row.connection))
        changes = {name: value for name, value in row._asdict().items() if value is not None}
        self._rows[row.kind, row.connection] = earlier._replace(**changes) if earlier else row


class ActivityWriter:
    """Writes what was noticed, and says what listens in this process."""

    name = "connection activity"

    def __init__(
        self,
        noticed: NoticedActivity,
        database: Database[UnitOfWork],
        metrics: Metrics,
        listeners: tuple[Listener, ...],
        *,
        write_interval: timedelta = _WRITE_INTERVAL,
    ) -> None:
        self._noticed = noticed
        self._database = database
        self._metrics = ConnectionMetrics(metrics.registry)
        self._listeners = listeners
        self._write_interval = write_interval

    async def run(self, stopping: asyncio.Event) -> None:
        listens_until = monotonic()
        while not stopping.is_set():
            if monotonic() >= listens_until:
                listens_until = monotonic() + _LISTENING_INTERVAL.total_seconds()
                await self._try(self.keep_listening)
            await self._try(self.write)
            await pause(self._write_interval.total_seconds(), stopping)
        await self._try(self.write)

    async def write(self) -> None:
        if not (rows := self._noticed.take()):
            return
        try:
            async with self._database.transaction() as uow:
                await record_activity(rows, uow)
        except Exception:
            self._noticed.put_back(rows)
            raise

    async def keep_listening(self) -> None:
        async with self._database.transaction() as uow:
            await uow.channel_activity.keep_listening(self._listeners, uow.now)
            self._metrics.silent.set(await uow.channel_activity.count_silent())

    async def _try(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except Exception as error:
            # A failure must not stop the service: deliveries do not depend on it.
            if is_transient(error):
                log.warning("connection_activity_backing_off", error=repr(error))
            else:
                log.exception("connection_activity_failed")
