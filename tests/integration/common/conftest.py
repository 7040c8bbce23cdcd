"""A database of the probe's own for each test, and topics of its own where it asks for Kafka."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from sqlalchemy import make_url

import devstack
from common.core.ids import new_id
from common.service.provision import TopicSpec, create_topics, provision_schema
from common.storage.database import Database
from support import probe
from support.databases import PASSWORD, Postgres
from support.gate import Gate, gate_before
from support.probe import Broker, Replica, UnitOfWork

TEMPLATE = "probe_template"


@pytest.fixture(scope="session")
def server(stack: devstack.Stack) -> Postgres:
    """The server with the probe's template on it; no service's migrations are needed for it."""
    postgres = Postgres(stack.postgres_admin_url)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, make_template(postgres)).result()
    return postgres


async def make_template(postgres: Postgres) -> None:
    await postgres.execute(f"CREATE DATABASE {TEMPLATE}")
    await provision_schema(postgres.admin_of(TEMPLATE), probe.NAME, PASSWORD)
    url = postgres.url(TEMPLATE, probe.NAME).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    for statement in probe.STATEMENTS:
        await connection.execute(statement)
    await connection.close()


@pytest.fixture
async def probe_url(server: Postgres) -> AsyncIterator[str]:
    name = f"probe_{new_id().replace('-', '')}"
    await server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield server.url(name, probe.NAME)
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(probe_url: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with probe.opened(probe_url) as opened:
        yield opened


@pytest.fixture
async def gate(probe_url: str) -> AsyncIterator[Gate]:
    """A gate before PostgreSQL: what connects by `gate.before(url)` can be cut off."""
    url = make_url(probe_url)
    async with gate_before(str(url.host), int(url.port or 5432)) as made:
        yield made


@pytest.fixture
async def broker(stack: devstack.Stack) -> Broker:
    namespace = f"test-{new_id()}"
    topics = {"contacts": TopicSpec(partitions=4, replication=1)}
    await create_topics(stack.kafka_bootstrap, namespace, topics)
    return Broker(stack.kafka_bootstrap, namespace)


@pytest.fixture
def replica(database: Database[UnitOfWork], broker: Broker) -> Replica:
    return Replica(database, broker)
