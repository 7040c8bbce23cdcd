"""The embedded stack is real, survives faults and leaves nothing behind."""

from collections.abc import Iterator

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

import devstack
from devstack import Backend, LocalServer, Server, Stack, StackError, free_port
from support.tcp_proxy import tcp_proxy

# Its stack starts once.
pytestmark = pytest.mark.xdist_group("devstack")

PROXY_PORT = free_port()


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with devstack.start(Backend.EMBEDDED, durable=False, kafka_proxy_port=PROXY_PORT) as started:
        yield started


@pytest.fixture
async def topic(stack: Stack, request: pytest.FixtureRequest) -> str:
    name = str(request.node.name)
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    return name


async def produce(stack: Stack, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=stack.kafka_bootstrap,
        enable_idempotence=True,
    ) as producer:
        await producer.send_and_wait(topic, value)


async def first_record(stack: Stack, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=stack.kafka_bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        value: bytes | None = (await consumer.getone()).value
        return value


async def ask(stack: Stack, query: str) -> object:
    connection = await asyncpg.connect(stack.postgres_admin_url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_kafka_sends_clients_of_the_proxy_back_to_it(stack: Stack) -> None:
    assert stack.kafka_proxy_target is not None
    async with tcp_proxy("127.0.0.1", stack.kafka_proxy_target, listen_on=PROXY_PORT):
        admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{stack.kafka_proxy_target}")
        await admin.start()
        try:
            cluster = await admin.describe_cluster()
        finally:
            await admin.close()
    assert {broker["port"] for broker in cluster["brokers"]} == {PROXY_PORT}


def test_external_kafka_cannot_be_behind_a_proxy() -> None:
    with (
        pytest.raises(StackError, match="external"),
        devstack.start(Backend.EXTERNAL, kafka_proxy_port=PROXY_PORT),
    ):
        pass


async def test_postgres_has_the_settings_of_devstack(stack: Stack) -> None:
    assert "PostgreSQL 18" in str(await ask(stack, "SELECT version()"))
    assert await ask(stack, "SHOW max_connections") == "400"
    assert await ask(stack, "SHOW fsync") == "off"
    assert await ask(stack, "SHOW listen_addresses") == "127.0.0.1"


async def test_idempotent_record_is_read_back(stack: Stack, topic: str) -> None:
    await produce(stack, topic, b"upstairs")

    assert await first_record(stack, topic) == b"upstairs"


async def test_killed_servers_start_again_with_their_data(stack: Stack, topic: str) -> None:
    assert stack.postgres is not None
    assert stack.kafka is not None
    await ask(stack, "CREATE TABLE survivor AS SELECT 42 AS answer")
    # This stack is not durable: a commit survives a power cut only after a checkpoint.
    await ask(stack, "CHECKPOINT")
    await produce(stack, topic, b"survivor")

    for server in (stack.postgres, stack.kafka):
        server.kill()
        server.start()

    assert await ask(stack, "SELECT answer FROM survivor") == 42
    assert await first_record(stack, topic) == b"survivor"


def test_two_stacks_run_side_by_side(stack: Stack) -> None:
    with devstack.start(Backend.EMBEDDED, durable=False) as other:
        assert other.postgres_admin_url != stack.postgres_admin_url
        assert other.kafka_bootstrap != stack.kafka_bootstrap


def test_stack_stops_and_removes_its_data_after_an_error() -> None:
    servers: list[Server | None] = []

    def fail_inside() -> None:
        with devstack.start(Backend.EMBEDDED, durable=False) as stack:
            servers.extend([stack.postgres, stack.kafka])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()

    for server in servers:
        assert isinstance(server, LocalServer)
        assert not server.process.running
        assert not server.process.log_path.parent.exists()
