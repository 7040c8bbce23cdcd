"""The four services on a durable stack, with the load generator and the event reader."""

import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import mkdtemp

import asyncpg

import devstack
from bench import staff
from bench.load import LoadGenerator, Post, Target
from bench.topics import EventReader, read_topics
from common.contracts.assignments import ContactAssigned
from common.contracts.clocks import ClocksStarted
from common.contracts.services import EVENT_SERVICES
from stage.actors import Actors
from stage.console import WebConsole
from stage.system import System, open_receivers

CONTACTS = "/v1/contacts"


class DeadLettersError(Exception):
    """A service has dead letters, so the measurement is worthless."""


@dataclass
class Testbed:
    stack: devstack.Stack
    system: System
    actors: Actors
    topics: EventReader
    generator: LoadGenerator
    random: Random = field(default_factory=lambda: Random(1999))

    @property
    def console(self) -> WebConsole:
        assert self.system.console is not None
        return self.system.console

    @property
    def intake_target(self) -> Target:
        return Target(self.system.ports["intake"], self.actors.key("shop"))

    async def wait_until_tracked(self, contact_ids: Sequence[str]) -> float:
        """Wait until all are assigned and have clocks; return when the last event arrived."""
        assigned = await self.topics.wait_for_all(ContactAssigned, contact_ids)
        started = await self.topics.wait_for_all(ClocksStarted, contact_ids)
        return max(arrival.arrived_at for arrival in (*assigned, *started))

    def processes(self) -> dict[str, devstack.Process]:
        """Return the processes of the services, and of the servers if they run here."""
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
        """Run a query that returns one number."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            number: int = await connection.fetchval(query)
            return number
        finally:
            await connection.close()

    async def fetch_each(self, query: str) -> dict[str, int]:
        return {name: await self.fetch(query.format(schema=name)) for name in EVENT_SERVICES}

    async def check_clean(self) -> None:
        """Raise DirtyError if any service has put a message aside."""
        dead = await self.fetch_each("SELECT count(*) FROM {schema}.dead_letters")
        if any(dead.values()):
            message = f"dead letters: {dead}; logs in {self.system.logs}"
            raise DeadLettersError(message)

    @property
    def admin_url(self) -> str:
        return self.system.admin_url.replace("+asyncpg", "")


UNSIGNED = {"UPSTAIRS_EVENT_SIGNING_KEY": "", "UPSTAIRS_EVENT_VERIFICATION_KEYS": "{}"}


@asynccontextmanager
async def open_testbed(
    stack: devstack.Stack,
    generator: LoadGenerator,
    *,
    short_target_s: float,
    console: WebConsole | None = None,
) -> AsyncIterator[Testbed]:
    actors = Actors()
    logs = Path(mkdtemp(prefix="upstairs-bench-"))
    async with open_receivers() as receivers:
        settings = {"UPSTAIRS_LOG_LEVEL": "warning"}
        if os.environ.get("BENCH_SIGNATURES") == "off":
            settings |= UNSIGNED
        system = System(
            stack, receivers, actors.api_keys, logs, extra_environment=settings, console=console
        )
        await system.set_up()
        try:
            system.launch()
            await system.wait_ready()
            actors.connect(system)
            await staff.put_staff(actors, short_target_s=short_target_s)
            async with read_topics(system) as topics:
                yield Testbed(stack, system, actors, topics, generator)
        finally:
            await actors.close()
            system.stop()


def posts(bodies: Iterable[bytes]) -> list[Post]:
    return [Post(CONTACTS, body) for body in bodies]
