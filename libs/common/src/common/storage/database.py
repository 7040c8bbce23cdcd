"""The one place that begins and commits transactions."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, TypeVar

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.core.clock import TimeSource
from common.storage.engine import make_engine
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

log = structlog.get_logger()

# Connections of one process.
POOL_SIZE: Final = 10


def connect(
    url: str,
    *,
    schema: str,
    pool_size: int = POOL_SIZE,
    statement_timeout_s: float | None = 30,
    connect_timeout_s: float = 5,
) -> AsyncEngine:
    """Make an engine whose every session sees the schema and gives up when it hangs.

    `statement_timeout_s` bounds each statement, and each fetch of one that is streamed.

    If a process is stopped in a transaction, the server ends its session after ten idle seconds,
    so that another process can take its locks.
    """
    return make_engine(
        url,
        # Parameters hold customers' words, which must not get into logs and dead letters.
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            "timeout": connect_timeout_s,
            # Ends the wait for a server that vanished without closing the connection.
            "command_timeout": statement_timeout_s,
            "server_settings": {
                "application_name": f"upstairs-{schema}",
                "search_path": schema,
                "timezone": "UTC",
                "jit": "off",
                "idle_in_transaction_session_timeout": "10s",
            },
        },
    )


@asynccontextmanager
async def driver_connection(engine: AsyncEngine) -> AsyncIterator[Any]:
    """Yield an asyncpg connection for exclusive use, without a transaction; closed afterwards.

    For queries that run many times a second: they cost a fraction of what they cost by SQLAlchemy.
    """
    async with engine.connect() as pooled:
        try:
            yield (await pooled.get_raw_connection()).driver_connection
        finally:
            # Its settings and locks must not return to the pool.
            await pooled.invalidate()


class SharedTransaction:
    """One transaction that holds all those of a request, each as a savepoint."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._after_commit: list[Callable[[], None]] = []

    async def commit(self) -> None:
        await self.connection.commit()
        for call in self._after_commit:
            call()

    def after_commit(self, call: Callable[[], None]) -> None:
        self._after_commit.append(call)


_shared: ContextVar[SharedTransaction | None] = ContextVar("shared_transaction", default=None)


class Database(Generic[U]):
    """Units of work of one service."""

    def __init__(
        self,
        engine: AsyncEngine,
        unit_of_work: Callable[[AsyncConnection, datetime], U],
        clock: TimeSource,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self._unit_of_work = unit_of_work
        self._listeners: list[Callable[[U], None]] = [lambda uow: uow.after_commit()]

    def after_commit(self, listener: Callable[[U], None]) -> None:
        """Call `listener` after each commit, to wake a worker that has something to do now."""
        self._listeners.append(listener)

    async def fetch_row(self, query: str, *values: object) -> Any:
        """Return the first row, read by asyncpg outside any transaction.

        For queries that run many times a second; parameters are `$1`, `$2` …
        """
        async with self.engine.connect() as pooled:
            raw: Any = (await pooled.get_raw_connection()).driver_connection
            try:
                return await raw.fetchrow(query, *values)
            except BaseException:
                await pooled.invalidate()
                raise

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[U]:
        """Begin; at the end flush the unit of work and commit, or roll back on an error.

        Inside `share_transaction` the commit is that of the shared transaction.
        """
        shared = _shared.get()
        async with self._begin(shared) as connection:
            uow = self._unit_of_work(connection, await self.clock.read(connection))
            yield uow
            await uow.flush()
        if shared is None:
            self._notify(uow)
        else:
            shared.after_commit(partial(self._notify, uow))

    @asynccontextmanager
    async def share_transaction(self) -> AsyncIterator[SharedTransaction]:
        """Make the transactions of this task parts of one; without its commit nothing was done."""
        async with self.engine.connect() as connection:
            await connection.begin()
            shared = SharedTransaction(connection)
            token = _shared.set(shared)
            try:
                yield shared
            finally:
                _shared.reset(token)

    @asynccontextmanager
    async def _begin(self, shared: SharedTransaction | None) -> AsyncIterator[AsyncConnection]:
        if shared is None:
            async with self.engine.begin() as connection:
                yield connection
        else:
            async with shared.connection.begin_nested():
                yield shared.connection

    def _notify(self, uow: U) -> None:
        for listener in self._listeners:
            try:
                listener(uow)
            except Exception:
                # What is committed must not look as if it had failed.
                log.exception("commit_listener_failed")
