"""A database of the probe's own for each test, and topics of its own where it asks for Kafka."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import make_url

import devstack
from common.core.ids import new_id
from common.messaging.kafka_connection import KafkaConnection
from common.service.provision import TopicSpec, create_topics
from common.storage.database import Database
from support import probe
from support.databases import Postgres
from support.probe import Broker, Replica, UnitOfWork
from support.tcp_proxy import TcpProxy, tcp_proxy


@pytest.fixture
async def probe_url(postgres: Postgres) -> AsyncIterator[str]:
    async with postgres.clone(probe.TEMPLATE) as name:
        yield postgres.url(name, probe.NAME)


@pytest.fixture
async def database(probe_url: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with probe.open_database(probe_url) as opened:
        yield opened


@pytest.fixture
async def proxy(probe_url: str) -> AsyncIterator[TcpProxy]:
    """A proxy in front of PostgreSQL: connections to `proxy.url(url)` can be cut."""
    url = make_url(probe_url)
    async with tcp_proxy(str(url.host), int(url.port or 5432)) as proxy:
        yield proxy


@pytest.fixture
async def broker(stack: devstack.Stack) -> Broker:
    namespace = f"test-{new_id()}"
    topics = {"contacts": TopicSpec(partitions=4, replication=1)}
    await create_topics(KafkaConnection(stack.kafka_bootstrap), namespace, topics)
    return Broker(stack.kafka_bootstrap, namespace)


@pytest.fixture
def replica(database: Database[UnitOfWork], broker: Broker) -> Replica:
    return Replica(database, broker)
