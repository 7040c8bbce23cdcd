"""Autovacuum leaves payloads out when it samples tables: that was most of its work."""

import pytest

from common.contracts.services import EVENT_SERVICES
from common.storage.uow import UnitOfWork
from support.databases import Postgres, open_database, rows

COMMON = {"outbox.event_ids", "published_events.data", "timers.data"}
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


@pytest.mark.parametrize("service", EVENT_SERVICES)
async def test_payloads_have_no_statistics(
    service: str, postgres: Postgres, database_name: str
) -> None:
    async with open_database(postgres, database_name, service, UnitOfWork) as database:
        columns = await rows(database, QUERY.replace(":schema", f"'{service}'"))
    assert {row.name for row in columns} == COMMON | OWN.get(service, set())
