"""The one place that begins and commits transactions."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from common.core.clock import TimeSource
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)


def connect(
    url: str,
    *,
    schema: str,
    pool_size: int = 10,
    patience_s: float | None = 30,
    connect_timeout_s: float = 5,
) -> AsyncEngine:
    """Make an engine whose every session sees the schema and gives up when it hangs.

    `patience_s` bounds each statement, and each fetch of one that is streamed.

    A process that is stopped in mid-transaction must not hold its locks for long: the server
    ends its session after ten seconds of idling, and the work is done by another.
    """
    return create_async_engine(
        url,
        # What a statement carries is customers' words: not for logs and dead letters' reasons.
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            "timeout": connect_timeout_s,
            # A server that vanished without a word must not hold us for ever.
            "command_timeout": patience_s,
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
async def driver(engine: AsyncEngine) -> AsyncIterator[Any]:
    """Give an asyncpg connection to oneself: no transaction, no SQLAlchemy, closed afterwards.

    For what is asked many times a second, and costs a fraction so.
    """
    async with engine.connect() as pooled:
        try:
            yield (await pooled.get_raw_connection()).driver_connection
        finally:
            # What it was set to, or the locks that it took, must not come back to the pool.
            await pooled.invalidate()


class Database(Generic[U]):
    """Units of work of one service."""

    def __init__(self, engine: AsyncEngine, unit_of_work: type[U], clock: TimeSource) -> None:
        self.engine = engine
        self.clock = clock
        self._unit_of_work = unit_of_work
        self._listeners: list[Callable[[U], None]] = []

    def after_commit(self, listener: Callable[[U], None]) -> None:
        """Call `listener` after each commit, to wake what the transaction left work for."""
        self._listeners.append(listener)

    async def fetch_value(self, query: str, *values: object) -> Any:
        """Return one value, read outside any transaction: for what is asked many times a second."""
        async with self.engine.connect() as pooled:
            raw: Any = (await pooled.get_raw_connection()).driver_connection
            try:
                return await raw.fetchval(query, *values)
            except BaseException:
                await pooled.invalidate()
                raise

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[U]:
        """Begin; on leaving write what the unit of work collected and commit, or roll back."""
        async with self.engine.begin() as connection:
            uow = self._unit_of_work(connection, await self.clock.read(connection))
            yield uow
            await uow.flush()
        for listener in self._listeners:
            listener(uow)
