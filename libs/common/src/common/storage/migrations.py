"""Alembic for a service: its own schema and version table; before and after a rollout."""

import asyncio
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Literal

from alembic import command, context, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, pool, text

from common.storage.async_engine import make_async_engine
from common.storage.locks import LOCK_TIMEOUT_S, advisory_key, explain_timeout, set_timeout
from common.storage.roles import serving_role
from common.storage.tables import LOCK_KEYS, REDUCE_STATISTICS, RELIABILITY

Phase = Literal["pre", "all"]

# A migration that waits for a table's lock makes all later users of the table wait behind it.
_SET_LOCK_TIMEOUT = "SET lock_timeout = '10s'"
# Functions keep it (SET search_path FROM CURRENT): temporary objects are never found before ours.
_SET_SEARCH_PATH = "SET search_path TO {schema}, pg_temp"


def migrate(
    service: str, url: str, phase: Phase = "all", lock_timeout_s: float = LOCK_TIMEOUT_S
) -> None:
    """Bring the service's schema up to date.

    With `pre`, stop before the first migration whose name begins with `post_`: those run after
    the old version of the service is gone. Raises LockHeldError if another session holds the lock
    of migrations.
    """
    config = Config()
    config.set_main_option("script_location", str(_folder(service)))
    config.attributes.update(url=url, schema=service, lock_timeout_s=lock_timeout_s)
    target = _target(config, _current(url, service)) if phase == "pre" else "head"
    command.upgrade(config, target)


def render_sql(service: str) -> str:
    """Return the SQL of all migrations of the service, for review and for linters."""
    sql = StringIO()
    config = Config(output_buffer=sql)
    config.set_main_option("script_location", str(_folder(service)))
    config.attributes.update(schema=service)
    command.upgrade(config, "head", sql=True)
    return sql.getvalue()


def run_environment() -> None:
    """Run the migrations; each service's `env.py` calls it."""
    attributes = context.config.attributes
    if context.is_offline_mode():
        _print_sql(attributes["schema"])
        return
    asyncio.run(_migrate(attributes["url"], attributes["schema"], attributes["lock_timeout_s"]))


def create_lock_keys() -> None:
    """Create the function `lock_key`; for the first migration of a service without events."""
    for statement in LOCK_KEYS:
        op.execute(statement)


def create_reliability_tables() -> None:
    """Create what every service with events has; for its first migration."""
    for statement in RELIABILITY:
        op.execute(statement)


def reduce_statistics() -> None:
    """Let ANALYZE take small samples of all tables so far; after those of the service."""
    op.execute(REDUCE_STATISTICS)


def make_append_only(*tables: str) -> None:
    """Take from the serving role what changes or removes a row. Not for a table with retention."""
    role = serving_role(context.config.attributes["schema"])
    for table in tables:
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")


def _folder(service: str) -> Path:
    """Find the migrations beside the installed package, or in the source tree."""
    spec = find_spec(service)
    if spec is None or spec.origin is None:
        message = f"{service} is not installed"
        raise ModuleNotFoundError(message)
    package = Path(spec.origin).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parents[1] / "migrations"


def _target(config: Config, current: str | None) -> str:
    target = current or "base"
    script = ScriptDirectory.from_config(config)
    for revision in reversed(list(script.iterate_revisions("head", current or "base"))):
        if Path(revision.path).name.startswith("post_"):
            break
        target = revision.revision
    return target


def _current(url: str, schema: str) -> str | None:
    async def read() -> str | None:
        async with make_async_engine(url, poolclass=pool.NullPool).connect() as connection:
            return await connection.run_sync(_revision, schema)

    return asyncio.run(read())


def _revision(connection: Connection, schema: str) -> str | None:
    options = {"version_table_schema": schema}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


async def _migrate(url: str, schema: str, lock_timeout_s: float) -> None:
    engine = make_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run, schema, lock_timeout_s)
    await engine.dispose()


def _print_sql(schema: str) -> None:
    context.configure(dialect_name="postgresql", version_table_schema=schema)
    for statement in (_SET_SEARCH_PATH.format(schema=schema), _SET_LOCK_TIMEOUT):
        context.execute(statement)
    context.run_migrations()


def _run(connection: Connection, schema: str, lock_timeout_s: float) -> None:
    connection.execute(text(_SET_SEARCH_PATH.format(schema=schema)))
    # If two jobs migrate at once, the second waits and finds nothing to do.
    connection.execute(text(set_timeout(lock_timeout_s)))
    with explain_timeout(f"migrations of {schema}", lock_timeout_s):
        connection.execute(
            text("SELECT pg_advisory_lock(:key)"), {"key": advisory_key(schema, "migrate")}
        )
    connection.execute(text(_SET_LOCK_TIMEOUT))
    connection.commit()
    context.configure(connection=connection, version_table_schema=schema)
    with context.begin_transaction():
        context.run_migrations()
        # A serving role that could write it could make a later migration skip or repeat.
        connection.execute(text(f"REVOKE ALL ON alembic_version FROM {serving_role(schema)}"))
