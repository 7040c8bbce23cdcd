"""The four services on a durable stack of their own, and all that measures them."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import mkdtemp

import asyncpg

import devstack
from bench import floor
from bench.load import Generator, Post, Target
from bench.topics import Topics, reading
from common.contracts.assignments import ContactAssigned
from common.contracts.clocks import ClocksStarted
from stage.cast import Cast
from stage.system import SERVICES, System, outside

CONTACTS = "/v1/contacts"


class DirtyError(Exception):
    """Something was given up: a bench that loses messages has measured nothing."""


@dataclass
class Ground:
    stack: devstack.Stack
    system: System
    cast: Cast
    topics: Topics
    generator: Generator
    random: Random = field(default_factory=lambda: Random(1999))

    @property
    def intake(self) -> Target:
        return Target(self.system.ports["intake"], self.cast.key("shop"))

    async def safe(self, contact_ids: Sequence[str]) -> float:
        """Wait until each is assigned and on the clock; return when the last of it was said."""
        assigned = await self.topics.all(ContactAssigned, contact_ids)
        started = await self.topics.all(ClocksStarted, contact_ids)
        return max(seen.arrived_at for seen in (*assigned, *started))

    def processes(self) -> dict[str, devstack.Process]:
        """Those of the services, and of the servers if they run here."""
        servers = {"postgres": self.stack.postgres, "kafka": self.stack.kafka}
        local = {
            name: server.process
            for name, server in servers.items()
            if isinstance(server, devstack.LocalServer)
        }
        return {**self.system.processes, **local}

    def cpu_seconds(self) -> dict[str, float]:
        return {name: process.cpu_seconds() for name, process in self.processes().items()}

    def rss_mb(self) -> dict[str, float]:
        return {name: process.rss_mb() for name, process in self.processes().items()}

    async def fetch(self, query: str) -> int:
        """Ask one number of the database, which holds all four schemas here."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            number: int = await connection.fetchval(query)
            return number
        finally:
            await connection.close()

    async def fetch_each(self, query: str) -> dict[str, int]:
        return {name: await self.fetch(query.format(schema=name)) for name in SERVICES}

    async def check_clean(self) -> None:
        """Raise DirtyError if any service has put a message aside."""
        dead = await self.fetch_each("SELECT count(*) FROM {schema}.dead_letters")
        if any(dead.values()):
            message = f"dead letters: {dead}; logs in {self.system.logs}"
            raise DirtyError(message)

    @property
    def admin_url(self) -> str:
        return self.system.admin_url.replace("+asyncpg", "")


@asynccontextmanager
async def prepared(
    stack: devstack.Stack, generator: Generator, *, brisk_s: float
) -> AsyncIterator[Ground]:
    cast = Cast()
    logs = Path(mkdtemp(prefix="upstairs-bench-"))
    async with outside() as receivers:
        quiet = {"UPSTAIRS_LOG_LEVEL": "warning"}
        system = System(stack, receivers, cast.api_keys, logs, changes=quiet)
        await system.set_up()
        try:
            system.launch()
            await system.wait_ready()
            cast.enter(system)
            await floor.fill(cast, brisk_s=brisk_s)
            async with reading(stack.kafka_bootstrap, system.namespace) as topics:
                yield Ground(stack, system, cast, topics, generator)
        finally:
            await cast.leave()
            system.stop()


def posts(bodies: Iterable[bytes]) -> list[Post]:
    return [Post(CONTACTS, body) for body in bodies]
