"""Autovacuum takes small samples of tables, without payloads: they were most of its work."""

import pytest

from common.contracts.services import EVENT_SERVICES
from common.storage.inbox import Inbox
from common.storage.uow import UnitOfWork
from support.databases import Postgres, open_database, rows

COMMON = {
    "inbox_default.event_id",
    "outbox.event_ids",
    "published_events.data",
    "published_events.trace",
    "timers.data",
    "timers.trace",
}
OWN = {
    "escalation": {
        "consumed_events.data",
        "tracked_contacts.assigned_at",
        "tracked_contacts.clocks",
        "tracked_contacts.details",
    }
}
QUERY = """
    SELECT relname || '.' || attname AS name
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind = 'r' AND attstattarget = 0
"""
# Columns of tables, and expressions of indexes.
LARGE = """
    SELECT CAST(attrelid AS regclass) || '.' || attname AS name
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_index ON indexrelid = attrelid
    WHERE relnamespace = CAST(:schema AS regnamespace) AND attnum > 0 AND NOT attisdropped
        AND (relkind = 'r' OR relkind = 'i' AND indkey[attnum - 1] = 0)
        AND relname <> 'alembic_version' AND coalesce(attstattarget, 100) NOT BETWEEN 0 AND 10
"""


@pytest.mark.parametrize("service", EVENT_SERVICES)
async def test_payloads_have_no_statistics(
    service: str, postgres: Postgres, database_name: str
) -> None:
    async with open_database(postgres, database_name, service, UnitOfWork) as database:
        columns = await rows(database, QUERY.replace(":schema", f"'{service}'"))
    assert {row.name for row in columns} == COMMON | OWN.get(service, set())


@pytest.mark.parametrize("service", EVENT_SERVICES)
async def test_samples_of_all_tables_are_small(
    service: str, postgres: Postgres, database_name: str
) -> None:
    async with open_database(postgres, database_name, service, UnitOfWork) as database:
        async with database.transaction() as uow:
            await Inbox(uow.connection).keep_partitions(uow.now.date(), None)
        assert await rows(database, LARGE.replace(":schema", f"'{service}'")) == []
