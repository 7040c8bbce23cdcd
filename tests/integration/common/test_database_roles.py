"""What a service's role may do: read and write rows of its own schema, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import permutations

import asyncpg
import pytest

from common.contracts.services import EVENT_SERVICES
from common.service.provision import provision_schema
from common.storage.roles import serving_role
from support.databases import PASSWORD, PASSWORDS, SERVICES, Postgres

FOREIGN = (
    "SELECT * FROM {other}.sessions",
    "SELECT * FROM {other}.outbox",
    "INSERT INTO {other}.outbox (event_ids) VALUES ('{{}}')",
    "DELETE FROM {other}.timers",
    "SELECT * FROM {other}.api_keys",
    "SELECT * FROM {other}.lock_salt",
    "SELECT {other}.lock_key('relay')",
    "SELECT {other}.lock_inbox()",
    "SELECT {other}.drop_inbox_partition('2026-01-01')",
    "CREATE TABLE {other}.mine (id int)",
    "DROP TABLE {other}.published_events",
    "SET ROLE upstairs_{other}",
    "SET ROLE upstairs_{other}_owner",
    "CREATE TABLE public.mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE TEMPORARY TABLE mine (id int)",
    "SELECT * FROM pg_locks",
    "SELECT pg_lock_status()",
)
OWN = (
    "CREATE TABLE mine (id int)",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE timers ADD COLUMN mine int",
    "ALTER TABLE timers OWNER TO {role}",
    "ALTER TABLE timers DISABLE TRIGGER ALL",
    "CREATE TRIGGER mine AFTER INSERT ON timers EXECUTE FUNCTION lock_inbox()",
    "CREATE INDEX mine ON timers (due_at)",
    "DROP TABLE timers",
    "TRUNCATE timers",
    "ALTER SCHEMA {schema} RENAME TO mine",
    "CREATE OR REPLACE FUNCTION lock_key(purpose text) RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
    "UPDATE alembic_version SET version_num = '0000'",
    "DROP TABLE inbox_default",
    "SET session_replication_role = replica",
    "SET ROLE {role}_owner",
    "ALTER ROLE {role}_owner PASSWORD 'mine'",
)
APPEND_ONLY = ("audit_trail", "setting_versions")


@asynccontextmanager
async def session(
    postgres: Postgres, database_name: str, service: str
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    url = postgres.url(database_name, service).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def refuse(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with connection.transaction():
            await connection.execute(statement)


@pytest.mark.parametrize("service", EVENT_SERVICES)
async def test_role_of_a_service_changes_rows_and_no_tables(
    postgres: Postgres, database_name: str, service: str
) -> None:
    async with session(postgres, database_name, service) as own:
        await own.execute("INSERT INTO outbox (event_ids) VALUES ('{}')")
        await own.execute("UPDATE outbox SET event_ids = ARRAY[gen_random_uuid()]")
        assert len(await own.fetchval(f"DELETE FROM {service}.outbox RETURNING event_ids")) == 1
        for statement in OWN:
            await refuse(own, statement.format(schema=service, role=serving_role(service)))


async def test_role_of_the_console_changes_rows_and_no_tables(
    postgres: Postgres, database_name: str
) -> None:
    async with session(postgres, database_name, "console") as own:
        await own.execute(
            "INSERT INTO submissions (person_id, submission, sent_at) VALUES ('sara', '1', now())"
        )
        assert await own.fetchval("DELETE FROM submissions RETURNING person_id") == "sara"
        for statement in (
            "CREATE TABLE mine (id int)",
            "ALTER TABLE sessions ADD COLUMN mine int",
            "DROP TABLE sessions",
            "TRUNCATE sessions",
            "UPDATE alembic_version SET version_num = '0000'",
            "SET ROLE upstairs_console_owner",
        ):
            await refuse(own, statement)


@pytest.mark.parametrize(("service", "other"), [*permutations(SERVICES, 2)])
async def test_role_of_a_service_is_refused_in_other_schemas(
    postgres: Postgres, database_name: str, service: str, other: str
) -> None:
    # A clone has the privileges of a new database.
    await provision_schema(postgres.admin_of(database_name), service, PASSWORDS)
    async with session(postgres, database_name, service) as connection:
        for statement in FOREIGN:
            await refuse(connection, statement.format(other=other))


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_role_of_escalation_appends_to_records_and_changes_none(
    postgres: Postgres, database_name: str, table: str
) -> None:
    async with session(postgres, database_name, "escalation") as own:
        assert await own.fetch(f"SELECT * FROM {table}") == []
        column = "reason" if table == "audit_trail" else "by"
        for statement in (
            f"UPDATE {table} SET {column} = 'mine'",
            f"DELETE FROM {table}",
            f"TRUNCATE {table} CASCADE",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TABLE {table} CASCADE",
            f"SELECT * FROM {table} FOR UPDATE",
            f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
            f"CREATE RULE mine AS ON INSERT TO {table} DO INSTEAD NOTHING",
        ):
            await refuse(own, statement)


async def test_role_of_escalation_drops_no_guard_of_the_trail(
    postgres: Postgres, database_name: str
) -> None:
    async with session(postgres, database_name, "escalation") as own:
        for guard in ("audit_trail_is_append_only", "audit_trail_is_kept_for_a_year"):
            await refuse(own, f"DROP TRIGGER {guard} ON audit_trail")


async def test_only_roles_of_the_services_connect(postgres: Postgres, database_name: str) -> None:
    await provision_schema(postgres.admin_of(database_name), "intake", PASSWORDS)
    stranger = f"stranger_{database_name}"
    await postgres.execute(f"CREATE ROLE {stranger} LOGIN PASSWORD '{PASSWORD}'")
    try:
        url = postgres.admin_of(database_name).replace("+asyncpg", "")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await asyncpg.connect(url, user=stranger, password=PASSWORD)
    finally:
        await postgres.execute(f"DROP ROLE {stranger}")


async def test_keys_of_held_locks_are_shown_in_no_database_of_the_server(
    postgres: Postgres, database_name: str
) -> None:
    """The view of each shows the locks of all: a role could take another's lock in its own."""
    await postgres.execute("GRANT SELECT ON pg_locks TO PUBLIC", "postgres")
    await provision_schema(postgres.admin_of(database_name), "intake", PASSWORDS)
    async with session(postgres, "postgres", "router") as router:
        for statement in ("SELECT * FROM pg_locks", "SELECT pg_lock_status()"):
            await refuse(router, statement)


async def test_databases_that_are_dropped_meanwhile_do_not_fail_provisioning(
    postgres: Postgres, database_name: str
) -> None:
    stopping = asyncio.Event()

    async def make_and_drop() -> None:
        while not stopping.is_set():
            async with postgres.clone("template0"):
                pass

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(make_and_drop())
        for _ in range(10):
            await provision_schema(postgres.admin_of(database_name), "intake", PASSWORDS)
        stopping.set()


async def test_role_of_a_service_connects_to_no_template(
    postgres: Postgres, database_name: str
) -> None:
    await postgres.execute("GRANT CONNECT ON DATABASE template1 TO PUBLIC")
    await provision_schema(postgres.admin_of(database_name), "intake", PASSWORDS)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        async with session(postgres, "template1", "router"):
            pass


async def test_lock_keys_differ_by_purpose_schema_and_installation(
    postgres: Postgres, database_name: str
) -> None:
    """Of 32 bits some pairs of 200,000 purposes would share a key; a salt can't be guessed."""
    keys = "SELECT array_agg(lock_key('ref ' || n)) FROM generate_series(1, 200000) AS n"
    async with session(postgres, database_name, "intake") as intake:
        async with session(postgres, database_name, "router") as router:
            assert await intake.fetchval("SELECT lock_key('relay')") != await router.fetchval(
                "SELECT lock_key('relay')"
            )
        computed = await intake.fetchval(keys)
    assert len(set(computed)) == 200_000
    assert max(map(abs, computed)) > 2**62
