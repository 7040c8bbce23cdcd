"""Databases and topics for the parts that run without the four services."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import yaml
from sqlalchemy import make_url

import devstack
from bench import sample
from common.contracts.clocks import ClockBreached
from common.messaging.kafka import topic_name
from common.messaging.kafka_connection import KafkaConnection
from common.service.provision import RolePasswords, TopicSpec, create_topics, provision_schema
from common.service.settings import ServiceSettings
from common.storage.roles import owner_role, serving_role
from stage.system import ROLE_PASSWORD, TOPICS

# The topic of the event that the sample publishes.
TOPIC = ClockBreached.topic


@dataclass(frozen=True)
class SampleDatabase:
    """Addresses of the sample service's database and topic; can be pickled for another process."""

    # For asyncpg: as the administrator, as the serving role, and as the owner of the tables.
    admin_dsn: str
    dsn: str
    owner_dsn: str
    kafka_bootstrap: str
    namespace: str

    @property
    def url(self) -> str:
        return self.dsn.replace("postgresql://", "postgresql+asyncpg://")

    @property
    def topic(self) -> str:
        return topic_name(self.namespace, TOPIC)

    def settings(self) -> ServiceSettings:
        return ServiceSettings.model_validate(
            {
                "database_url": self.url,
                "kafka_bootstrap": self.kafka_bootstrap,
                "namespace": self.namespace,
            }
        )


@asynccontextmanager
async def empty_database(stack: devstack.Stack) -> AsyncIterator[str]:
    """Make an empty database, yield its URL for the administrator, and drop it afterwards."""
    name = f"bench_{secrets.token_hex(4)}"
    await _execute(stack.postgres_admin_url, f"CREATE DATABASE {name}")
    url = make_url(stack.postgres_admin_url).set(database=name)
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        await _execute(stack.postgres_admin_url, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def sample_database(stack: devstack.Stack) -> AsyncIterator[SampleDatabase]:
    async with empty_database(stack) as admin_dsn:
        admin = make_url(admin_dsn)
        url = admin.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        await provision_schema(url, sample.NAME, RolePasswords(ROLE_PASSWORD, ROLE_PASSWORD))
        own = admin.set(username=serving_role(sample.NAME), password=ROLE_PASSWORD)
        owner = admin.set(username=owner_role(sample.NAME), password=ROLE_PASSWORD)
        sample_db = SampleDatabase(
            admin_dsn=admin_dsn,
            dsn=own.render_as_string(hide_password=False),
            owner_dsn=owner.render_as_string(hide_password=False),
            kafka_bootstrap=stack.kafka_bootstrap,
            namespace=str(admin.database),
        )
        await _execute(sample_db.owner_dsn, *sample.STATEMENTS)
        listed = yaml.safe_load(TOPICS.read_text())["topics"]
        spec = TopicSpec.model_validate(listed[TOPIC])
        await create_topics(
            KafkaConnection(stack.kafka_bootstrap), sample_db.namespace, {TOPIC: spec}
        )
        yield sample_db


async def _execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
