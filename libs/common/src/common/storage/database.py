"""The one place that begins and commits transactions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import structlog
from sqlalchemy import PoolProxiedConnection, event

from common.core.clock import TimeSource
from common.core.ids import EventId
from common.storage.connection import Connection, Driver, set_codecs, to_json_text
from common.storage.engine import Engine, make_engine
from common.storage.inbox import claim
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)


class OnEnd(Protocol):
    """Is called when a transaction has ended."""

    def __call__(self, *, committed: bool) -> None: ...


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
) -> Engine:
    """Make an engine whose every session sees the schema and gives up when it hangs.

    `statement_timeout_s` bounds each statement, and each fetch of one that is streamed.

    If a process is stopped in a transaction, the server ends its session after ten idle seconds,
    so that another process can take its locks.
    """
    engine = make_engine(
        url,
        # Parameters hold customers' words, which must not get into logs and dead letters.
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,
        json_serializer=to_json_text,
        connect_args={
            "timeout": connect_timeout_s,
            # Ends the wait for a server that vanished without closing the connection.
            "command_timeout": statement_timeout_s,
            "server_settings": {
                "application_name": f"upstairs-{schema}",
                "search_path": schema,
                "timezone": "UTC",
                "jit": "off",
                # As on SSDs. With 4, a statement that looks up a few keys scans a small table.
                "random_page_cost": "1.1",
                "idle_in_transaction_session_timeout": "10s",
            },
        },
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.run_async(set_codecs)

    return engine


@asynccontextmanager
async def driver_connection(engine: Engine) -> AsyncIterator[Any]:
    """Yield an asyncpg connection for exclusive use, without a transaction; closed afterwards."""
    pooled = await _check_out(engine)
    try:
        yield pooled.driver_connection
    finally:
        # Its settings and locks must not return to the pool.
        pooled.invalidate()


@asynccontextmanager
async def open_session(engine: Engine) -> AsyncIterator[Connection]:
    """Yield a session of the pool without a transaction; closed after an error."""
    pooled = await _check_out(engine)
    is_usable = False
    try:
        yield Connection(cast("Driver", pooled.driver_connection))
        is_usable = True
    finally:
        (pooled.close if is_usable else pooled.invalidate)()


async def _check_out(engine: Engine) -> PoolProxiedConnection:
    while True:
        pooled = await engine.raw_connection()
        if not cast("Driver", pooled.driver_connection).is_closed():
            return pooled
        # The server has ended it since it was used.
        pooled.invalidate()


@asynccontextmanager
async def begin(engine: Engine) -> AsyncIterator[Connection]:
    """Begin a transaction; at the end commit, unless it has ended, or roll back on an error."""
    pooled = await _check_out(engine)
    connection = Connection(cast("Driver", pooled.driver_connection))
    is_usable = False
    try:
        await connection.begin()
        try:
            yield connection
        except Exception:
            is_usable = await connection.try_rollback()
            raise
        await connection.commit()
        is_usable = True
    finally:
        # Also after a cancellation: a statement may still be under way.
        (pooled.close if is_usable else pooled.invalidate)()


class SharedTransaction:
    """One transaction that holds all those of a request as its parts."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._has_parts = False
        self._after_commit: list[Callable[[], None]] = []

    @asynccontextmanager
    async def part(self) -> AsyncIterator[Connection]:
        """Do a part of it, which leaves nothing behind if it fails."""
        if self._has_parts:
            async with self.connection.begin_nested():
                yield self.connection
            return
        # The first part is all there is so far: it needs no savepoint.
        try:
            yield self.connection
        except Exception:
            await self.connection.rollback()
            await self.connection.begin()
            raise
        self._has_parts = True

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
        engine: Engine,
        unit_of_work: Callable[[Connection, datetime], U],
        clock: TimeSource,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self._unit_of_work = unit_of_work
        self._listeners: list[Callable[[U], None]] = [lambda uow: uow.after_commit()]
        self._preparations: list[Callable[[U], Awaitable[OnEnd]]] = []

    def after_commit(self, listener: Callable[[U], None]) -> None:
        """Call `listener` after each commit, to wake a worker that has something to do now."""
        self._listeners.append(listener)

    def before_commit(self, prepare: Callable[[U], Awaitable[OnEnd]]) -> None:
        """Let `prepare` add to each unit of work, but to none of a shared transaction."""
        self._preparations.append(prepare)

    async def fetch_row(self, query: str, *values: object) -> Any:
        """Return the first row, read outside any transaction; parameters are `$1`, `$2` …"""
        async with open_session(self.engine) as session:
            return await session.driver.fetchrow(query, *values)

    @asynccontextmanager
    async def transaction(self, claims: Sequence[EventId] = ()) -> AsyncIterator[U]:
        """Begin; at the end flush the unit of work and commit, or roll back on an error.

        `claims`: the events to claim in the inbox first; see `Inbox.claimed`.
        Inside `share_transaction` the commit is that of the shared transaction.
        """
        shared = _shared.get()
        preparations = self._preparations if shared is None else ()
        on_end: list[OnEnd] = []
        committed = False
        try:
            async with self._begin(shared) as connection:
                uow = await self._make_unit_of_work(connection, claims)
                yield uow
                for prepare in preparations:
                    on_end += [await prepare(uow)]
                await uow.flush()
            committed = True
        finally:
            for end in on_end:
                end(committed=committed)
        if shared is None:
            self._notify(uow)
        else:
            shared.after_commit(partial(self._notify, uow))

    async def _make_unit_of_work(self, connection: Connection, claims: Sequence[EventId]) -> U:
        if not claims:
            time = await connection.clock_timestamp()
            return self._unit_of_work(connection, self.clock.of_transaction(time))
        claimed, time = await claim(connection, claims)
        uow = self._unit_of_work(connection, self.clock.of_transaction(time))
        uow.inbox.claimed = claimed
        return uow

    @asynccontextmanager
    async def share_transaction(self) -> AsyncIterator[SharedTransaction]:
        """Make the transactions of this task parts of one; without its commit nothing was done."""
        async with begin(self.engine) as connection:
            shared = SharedTransaction(connection)
            token = _shared.set(shared)
            try:
                yield shared
            finally:
                _shared.reset(token)
            await connection.rollback()

    @asynccontextmanager
    async def _begin(self, shared: SharedTransaction | None) -> AsyncIterator[Connection]:
        if shared is None:
            async with begin(self.engine) as connection:
                yield connection
        else:
            async with shared.part() as connection:
                yield connection

    def _notify(self, uow: U) -> None:
        for listener in self._listeners:
            try:
                listener(uow)
            except Exception:
                # What is committed must not look as if it had failed.
                log.exception("commit_listener_failed")
