"""What exists before a service starts: its role and schema, and the topics."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest
import yaml
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import InvalidReplicationFactorError, MessageSizeTooLargeError
from sqlalchemy import make_url

import devstack
from common.core.ids import new_id
from common.messaging.kafka import topic_name
from common.messaging.kafka_connection import KafkaConnection
from common.service.provision import RolePasswords, TopicSpec, create_topics, provision_schema
from stage.system import TOPICS
from support.databases import EMPTY, PASSWORD, PASSWORDS, Postgres

TOPIC = yaml.safe_load(TOPICS.read_text())["topics"]["contacts"]


async def partitions(bootstrap: str, topic: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (description,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return len(description["partitions"])


async def test_topics_are_created_and_grown_and_never_shrunk(stack: devstack.Stack) -> None:
    namespace = f"test-{new_id()}"

    async def create(count: int) -> list[str]:
        topics = {"contacts": TopicSpec(partitions=count, replication=1)}
        return await create_topics(KafkaConnection(stack.kafka_bootstrap), namespace, topics)

    name = f"{namespace}.contacts.v1"
    assert await create(2) == [f"created {name} with 2 partitions"]
    assert await create(2) == []
    assert await create(3) == [f"grew {name} to 3 partitions"]
    assert await create(2) == []
    assert await partitions(stack.kafka_bootstrap, name) == 3


async def test_topic_that_is_there_gets_its_configuration(stack: devstack.Stack) -> None:
    """Else a topic made by hand would keep records that a stranger compressed."""
    namespace, connection = f"test-{new_id()}", KafkaConnection(stack.kafka_bootstrap)
    by_hand = {"compression.type": "gzip", "segment.bytes": "20000000"}

    async def create(config: dict[str, str]) -> list[str]:
        topics = {"contacts": TopicSpec(partitions=1, replication=1, config=config)}
        return await create_topics(connection, namespace, topics)

    name = topic_name(namespace, "contacts")
    await create(by_hand)
    ours = {"compression.type": "uncompressed", "retention.ms": "604800000"}
    assert await create(ours) == [f"configured {name}: compression.type=uncompressed"]
    assert await create({"retention.ms": "1000000"}) == [f"configured {name}: retention.ms=1000000"]
    # What nobody names stays as it was.
    assert await create(by_hand) == [f"configured {name}: compression.type=gzip"]


async def test_refusal_of_the_broker_is_raised(stack: devstack.Stack) -> None:
    topics = {"contacts": TopicSpec(partitions=1, replication=3)}
    with pytest.raises(InvalidReplicationFactorError):
        await create_topics(KafkaConnection(stack.kafka_bootstrap), f"test-{new_id()}", topics)


async def test_password_is_used_literally_and_can_be_changed(postgres: Postgres) -> None:
    async with postgres.clone(EMPTY) as name:
        admin = postgres.admin_of(name)
        for password in ("it's :colon and \\ and %s", "changed"):
            passwords = RolePasswords(serving=password, owner=password)
            await provision_schema(admin, "provisioned", passwords)
            connection = await asyncpg.connect(
                admin.replace("+asyncpg", ""), user="upstairs_provisioned", password=password
            )
            assert await connection.fetchval("SELECT current_schema()") == "provisioned"
            await connection.close()


async def test_concurrent_runs_succeed(postgres: Postgres, probe_url: str) -> None:
    admin = postgres.admin_of(str(make_url(probe_url).database))
    await asyncio.gather(*(provision_schema(admin, "crowded", PASSWORDS) for _ in range(3)))


async def test_administrator_who_is_no_superuser_provisions(postgres: Postgres) -> None:
    """As in managed databases; only locks stay visible to other roles."""
    admin = f"admin_{new_id().replace('-', '')}"
    service = f"managed_{new_id().replace('-', '')}"
    await postgres.execute(f"CREATE ROLE {admin} LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
    try:
        async with postgres.clone(EMPTY) as name:
            await postgres.execute(f"ALTER DATABASE {name} OWNER TO {admin}")
            url = make_url(postgres.admin_of(name)).set(username=admin, password=PASSWORD)
            for _ in range(2):
                await provision_schema(
                    url.render_as_string(hide_password=False), service, PASSWORDS
                )
            connection = await asyncpg.connect(
                postgres.owner_url(name, service).replace("+asyncpg", "")
            )
            await connection.execute("CREATE TABLE rows (id int)")
            await connection.close()
            connection = await asyncpg.connect(postgres.url(name, service).replace("+asyncpg", ""))
            assert await connection.fetch("SELECT * FROM rows") == []
            await connection.close()
    finally:
        await postgres.execute(f"DROP ROLE IF EXISTS upstairs_{service}, upstairs_{service}_owner")
        await postgres.execute(f"DROP ROLE {admin}")


@pytest.mark.parametrize("name", ["Bad", "1st", "a-b", "x; DROP SCHEMA y", ""])
async def test_invalid_schema_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="can't be the name of a schema"):
        await provision_schema("postgresql+asyncpg://unused", name, PASSWORDS)


async def test_role_is_provisioned_for_several_databases_at_once(postgres: Postgres) -> None:
    service = f"race_{new_id().replace('-', '')}"
    async with AsyncExitStack() as databases:
        names = [await databases.enter_async_context(postgres.clone(EMPTY)) for _ in range(4)]
        runs = [
            provision_schema(
                postgres.admin_of(name), service, RolePasswords(f"password {turn}", "owner's")
            )
            for turn in range(3)
            for name in names
        ]
        await asyncio.gather(*runs)
    await postgres.execute(f"DROP ROLE upstairs_{service}, upstairs_{service}_owner")


async def test_compressed_record_is_refused_by_its_full_size(stack: devstack.Stack) -> None:
    """A few kilobytes could become gigabytes in the memory of each consumer."""
    namespace, connection = f"test-{new_id()}", KafkaConnection(stack.kafka_bootstrap)
    await create_topics(connection, namespace, {"contacts": TopicSpec.model_validate(TOPIC)})
    producer = AIOKafkaProducer(
        **connection.options, compression_type="gzip", max_request_size=100_000_000
    )
    await producer.start()
    try:
        name = topic_name(namespace, "contacts")
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(name, bytes(50_000_000))
        await producer.send_and_wait(name, bytes(500_000))
    finally:
        await producer.stop()
