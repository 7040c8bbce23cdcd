"""Makes what a service needs before it starts: its roles, its schema, and the topics."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.core.backoff import Backoff
from common.messaging.kafka import make_admin, start_client, topic_name
from common.messaging.kafka_connection import KafkaConnection
from common.storage.async_engine import make_async_engine
from common.storage.locks import LOCK_TIMEOUT_S, advisory_key, explain_timeout, set_timeout
from common.storage.roles import owner_role, serving_role

# What was set for this topic: neither the broker's nor a default. A number of Kafka's protocol.
_TOPIC_CONFIG = 1
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_INTERNAL_ERROR = "XX000"
# unique_violation in pg_authid, and duplicate_object.
_ALREADY_CREATED = ("23505", "42710")
# invalid_catalog_name (it was dropped), object_not_in_prerequisite_state and
# invalid_authorization_specification (it takes no connections, or none of ours).
_NO_CONNECTION = ("3D000", "55000", "28000")
# A session in a database that is being dropped ends in many ways; the next one learns why.
_ATTEMPTS = 5
_RETRY_S = 0.1


class TopicSpec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: int = Field(ge=1)
    replication: int = Field(ge=1)
    config: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class RolePasswords:
    """Of the role that serves, and of the owner of the tables, which migrates."""

    serving: str
    owner: str


async def provision_schema(
    admin_url: str,
    service: str,
    passwords: RolePasswords,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> None:
    """Make or repair the two roles of a service, and its schema, which no other role may use.

    `upstairs_<service>_owner` owns the schema and migrates; `upstairs_<service>` reads and writes
    rows. `admin_url` belongs to a role that may create roles and owns the database to provision.
    Raises LockHeldError if another session holds the lock of provisioning.
    """
    if not _NAME.fullmatch(service):
        message = f"{service!r} can't be the name of a schema"
        raise ValueError(message)
    engine = make_async_engine(admin_url, poolclass=pool.NullPool)
    backoff = Backoff()
    try:
        while True:
            try:
                async with engine.begin() as connection:
                    await _lock(connection, lock_timeout_s)
                    await _provision(connection, service, passwords)
                await _hide_locks(engine)
            except DBAPIError as error:
                if not _is_lost_race(error):
                    raise
                await backoff.wait(asyncio.Event())
            else:
                return
    finally:
        await engine.dispose()


async def _lock(connection: AsyncConnection, timeout_s: float) -> None:
    """Let one run at a time provision a database.

    Runs for other databases of the cluster are not held back, although roles belong to the
    cluster: see _is_lost_race.
    """
    await connection.execute(text(set_timeout(timeout_s)))
    with explain_timeout("provisioning", timeout_s):
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)"), {"key": advisory_key("roles")}
        )


async def _provision(connection: AsyncConnection, service: str, passwords: RolePasswords) -> None:
    await _set_role(connection, serving_role(service), passwords.serving)
    await _set_role(connection, owner_role(service), passwords.owner)
    database = await connection.scalar(text("SELECT quote_ident(current_database())"))
    names = {
        "schema": service,
        "serving": serving_role(service),
        "owner": owner_role(service),
        "database": database,
    }
    for statement in (*_DATABASE, *_SCHEMA):
        await connection.exec_driver_sql(statement.format(**names))


async def _hide_locks(engine: AsyncEngine) -> None:
    """Hide the keys of held advisory locks, which this view shows of the whole server.

    In each database that anybody may connect to, since the view of one shows the locks of all; a
    template must have no connection while it is copied, so none is made to it. Only a superuser
    can do so.
    """
    async with engine.connect() as connection:
        if not await connection.scalar(text(_IS_SUPERUSER)):
            return
        names = list(await connection.scalars(text(_OPEN_DATABASES)))
        for template in await connection.scalars(text(_OPEN_TEMPLATES)):
            await connection.exec_driver_sql(f"REVOKE CONNECT ON DATABASE {template} FROM PUBLIC")
        await connection.commit()
    for name in names:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await _hide_locks_in(engine, name)
                break
            except (DBAPIError, OSError) as error:
                if getattr(getattr(error, "orig", None), "sqlstate", None) in _NO_CONNECTION:
                    break
                if attempt == _ATTEMPTS:
                    raise
            await asyncio.sleep(_RETRY_S)


async def _hide_locks_in(engine: AsyncEngine, database: str) -> None:
    other = make_async_engine(engine.url.set(database=database), poolclass=pool.NullPool)
    try:
        async with other.begin() as connection:
            if await connection.scalar(text(_LOCKS_ARE_SHOWN)):
                for statement in _LOCKS:
                    await connection.execute(text(statement))
    finally:
        await other.dispose()


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


_DATABASE = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {serving}, {owner}",
)
# What the owner makes later, the serving role may use; migrations take back what it must not.
_SCHEMA = (
    "GRANT {owner} TO CURRENT_USER",
    "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}",
    "REVOKE ALL ON SCHEMA {schema} FROM PUBLIC, {serving}",
    "GRANT USAGE ON SCHEMA {schema} TO {serving}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {serving}"
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}"
        " GRANT USAGE ON SEQUENCES TO {serving}"
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}"
        " GRANT EXECUTE ON FUNCTIONS TO {serving}"
    ),
    "ALTER ROLE {owner} SET search_path = {schema}",
    "ALTER ROLE {serving} SET search_path = {schema}",
)
# Who knows the key of an advisory lock can take it, and block its users.
_IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
_OPEN_DATABASES = """
    SELECT datname FROM pg_database
    WHERE datallowconn AND NOT datistemplate
      AND (datname = current_database() OR has_database_privilege('public', oid, 'CONNECT'))
"""
_OPEN_TEMPLATES = """
    SELECT quote_ident(datname) FROM pg_database
    WHERE datallowconn AND datistemplate AND has_database_privilege('public', oid, 'CONNECT')
"""
_LOCKS_ARE_SHOWN = """
    SELECT has_table_privilege('public', 'pg_catalog.pg_locks', 'SELECT')
        OR has_function_privilege('public', 'pg_catalog.pg_lock_status()', 'EXECUTE')
"""
_LOCKS = (
    "REVOKE ALL ON pg_catalog.pg_locks FROM PUBLIC",
    "REVOKE ALL ON FUNCTION pg_catalog.pg_lock_status() FROM PUBLIC",
    "GRANT SELECT ON pg_catalog.pg_locks TO pg_monitor",
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_lock_status() TO pg_monitor",
)


async def create_topics(
    connection: KafkaConnection, namespace: str, topics: Mapping[str, TopicSpec]
) -> list[str]:
    """Create missing topics, add missing partitions, set the configuration that a spec names.

    Return a line for each change.
    """
    admin = make_admin(connection)
    await start_client(admin, connection)
    changes: list[str] = []
    try:
        for short, spec in topics.items():
            name = topic_name(namespace, short)
            if await _create_topic(admin, name, spec):
                changes.append(f"created {name} with {spec.partitions} partitions")
                continue
            if await _add_partitions(admin, name, spec):
                changes.append(f"grew {name} to {spec.partitions} partitions")
            if changed := await _set_config(admin, name, spec.config):
                changes.append(f"configured {name}: {changed}")
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


async def _set_config(admin: Any, name: str, config: Mapping[str, str]) -> str:
    """Set what differs from `config`, and return it.

    Kafka resets what a request does not name, so it names what the topic has of its own too.
    """
    described = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    ((code, _message, _kind, _name, entries),) = [each for a in described for each in a.resources]
    if code:
        raise for_code(code)(name)
    values = {entry[0]: entry[1] for entry in entries}
    wrong = {key: value for key, value in config.items() if values.get(key) != value}
    if wrong:
        own = {entry[0]: entry[1] for entry in entries if entry[3] == _TOPIC_CONFIG}
        resource = ConfigResource(ConfigResourceType.TOPIC, name, configs={**own, **wrong})
        for answer in await admin.alter_configs([resource]):
            for code, message, *_ in answer.resources:
                if code:
                    raise for_code(code)(f"{name}: {message}")
    return ", ".join(f"{key}={value}" for key, value in sorted(wrong.items()))


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
