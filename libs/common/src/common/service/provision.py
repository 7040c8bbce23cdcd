"""Makes what a service needs before it starts: its role, its schema, and the topics."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from common.core.backoff import Backoff
from common.messaging.kafka import make_admin, start_client, topic_name
from common.messaging.kafka_connection import KafkaConnection
from common.storage.engine import make_engine

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_INTERNAL_ERROR = "XX000"
# unique_violation in pg_authid, and duplicate_object.
_ALREADY_CREATED = ("23505", "42710")


class TopicSpec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: int = Field(ge=1)
    replication: int = Field(ge=1)
    config: Mapping[str, str] = {}


async def provision_schema(admin_url: str, service: str, password: str) -> None:
    """Make or repair the role `upstairs_<service>` and its schema, which no other role may use.

    `admin_url` belongs to a role that may create roles, in the database to provision.
    """
    if not _NAME.fullmatch(service):
        message = f"{service!r} can't be the name of a schema"
        raise ValueError(message)
    engine = make_engine(admin_url, poolclass=pool.NullPool)
    backoff = Backoff()
    try:
        while True:
            try:
                async with engine.begin() as connection:
                    await _provision(connection, service, password)
            except DBAPIError as error:
                if not _is_lost_race(error):
                    raise
                await backoff.wait(asyncio.Event())
            else:
                return
    finally:
        await engine.dispose()


async def _provision(connection: AsyncConnection, service: str, password: str) -> None:
    # One run at a time in a database. Runs for other databases of the cluster are not held back,
    # although roles belong to the cluster: see _is_lost_race.
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('upstairs roles'))"))
    await _set_role(connection, f"upstairs_{service}", password)
    for statement in _SCHEMA:
        await connection.execute(text(statement.format(schema=service)))


def _is_lost_race(error: DBAPIError) -> bool:
    """Return whether a run for another database changed the same role at the same time."""
    code = getattr(error.orig, "sqlstate", None)
    changed = code == _INTERNAL_ERROR and "tuple concurrently updated" in str(error.orig)
    return changed or code in _ALREADY_CREATED


async def _set_role(connection: AsyncConnection, role: str, password: str) -> None:
    exists = await connection.scalar(
        text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}
    )
    verb = "ALTER" if exists else "CREATE"
    literal = await connection.scalar(
        text("SELECT quote_literal(CAST(:password AS text))"), {"password": password}
    )
    # By the driver: SQLAlchemy would take a colon in the password for a parameter.
    await connection.exec_driver_sql(f"{verb} ROLE {role} LOGIN PASSWORD {literal}")


_SCHEMA = (
    "GRANT upstairs_{schema} TO CURRENT_USER",
    "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION upstairs_{schema}",
    "REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "ALTER ROLE upstairs_{schema} SET search_path = {schema}",
)


async def create_topics(
    connection: KafkaConnection, namespace: str, topics: Mapping[str, TopicSpec]
) -> list[str]:
    """Create missing topics and add missing partitions; return a line for each change."""
    admin = make_admin(connection)
    await start_client(admin, connection)
    changes: list[str] = []
    try:
        for short, spec in topics.items():
            name = topic_name(namespace, short)
            if await _create_topic(admin, name, spec):
                changes.append(f"created {name} with {spec.partitions} partitions")
            elif await _add_partitions(admin, name, spec):
                changes.append(f"grew {name} to {spec.partitions} partitions")
    finally:
        await admin.close()
    return changes


async def _create_topic(admin: Any, name: str, spec: TopicSpec) -> bool:
    answer = await admin.create_topics(
        [NewTopic(name, spec.partitions, spec.replication, topic_configs=dict(spec.config))]
    )
    return _succeeded(answer, unless=TopicAlreadyExistsError)


async def _add_partitions(admin: Any, name: str, spec: TopicSpec) -> bool:
    (description,) = await admin.describe_topics([name])
    if len(description["partitions"]) >= spec.partitions:
        return False
    return _succeeded(await admin.create_partitions({name: NewPartitions(spec.partitions)}))


def _succeeded(answer: Any, *, unless: type[Exception] | None = None) -> bool:
    """Return whether the broker did it; raises the broker's error unless it is `unless`."""
    ok = True
    for name, code, *rest in getattr(answer, "topic_errors", None) or answer.results:
        error = for_code(code)
        if unless is not None and error is unless:
            ok = False
        elif code:
            detail = f"{name}: {rest[0] if rest and rest[0] else error.__name__}"
            raise error(detail)
    return ok
