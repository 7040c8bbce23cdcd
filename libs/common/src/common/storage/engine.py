"""The sessions of a process that serves: SQLAlchemy's pool, whose statements asyncpg sends."""

from typing import Any

from sqlalchemy import URL, PoolProxiedConnection, create_engine
from sqlalchemy import Engine as SyncEngine
from sqlalchemy.util import greenlet_spawn

from common.storage.database_url import split_tls


class Engine:
    """What a service uses of SQLAlchemy's AsyncEngine, whose package imports the ORM too: 7 MB."""

    def __init__(self, sync_engine: SyncEngine) -> None:
        self.sync_engine = sync_engine

    @property
    def url(self) -> URL:
        return self.sync_engine.url

    async def raw_connection(self) -> PoolProxiedConnection:
        """Take a session from the pool; waits while all are in use."""
        return await greenlet_spawn(self.sync_engine.raw_connection)

    async def dispose(self) -> None:
        """Close the sessions of the pool."""
        await greenlet_spawn(self.sync_engine.dispose)


def make_engine(
    url: str | URL, *, connect_args: dict[str, Any] | None = None, **options: Any
) -> Engine:
    """Make an engine for `postgresql+asyncpg://…`."""
    plain, tls = split_tls(url)
    return Engine(create_engine(plain, connect_args={**(connect_args or {}), **tls}, **options))
