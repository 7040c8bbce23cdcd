"""What PostgreSQL and Kafka take while one of the systems works."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

import asyncpg

import devstack

POLL_S = 1


class RemoteServersError(Exception):
    """The CPU time of PostgreSQL and Kafka is unknown: let this machine start them."""


class Reading(NamedTuple):
    """Since the start of the servers."""

    postgres_cpu_seconds: float
    kafka_cpu_seconds: float
    wal_bytes: int


@dataclass(frozen=True)
class Servers:
    postgres: devstack.Process
    kafka: devstack.Process
    connection: asyncpg.Connection
    autovacuum_naptime_s: float

    async def read(self) -> Reading:
        wal = await self.connection.fetchval("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
        return Reading(self.postgres.cpu_seconds(), self.kafka.cpu_seconds(), int(wal))

    async def wait_for_autovacuum(self) -> None:
        """Let autovacuum visit every database once and finish: it belongs to the load before."""
        await asyncio.sleep(self.autovacuum_naptime_s)
        while True:
            await asyncio.sleep(POLL_S)
            if not await self.connection.fetchval(_AUTOVACUUM_WORKERS):
                return


_AUTOVACUUM_WORKERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
)
_NAPTIME = "SELECT extract(epoch FROM current_setting('autovacuum_naptime')::interval)"


@asynccontextmanager
async def open_servers(stack: devstack.Stack) -> AsyncIterator[Servers]:
    postgres, kafka = stack.postgres, stack.kafka
    if not isinstance(postgres, devstack.LocalServer) or not isinstance(
        kafka, devstack.LocalServer
    ):
        raise RemoteServersError
    connection = await asyncpg.connect(stack.postgres_admin_url)
    try:
        naptime_s = float(await connection.fetchval(_NAPTIME))
        yield Servers(postgres.process, kafka.process, connection, naptime_s)
    finally:
        await connection.close()
