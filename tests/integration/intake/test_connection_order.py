"""Connections have one order, in which their rows are locked, whatever the database sorts by."""

from common.storage.database import Database
from intake.domain.connections import ConnectionSetup
from intake.store import UnitOfWork
from intake.store.connections import ActivityRow
from support.databases import rows

_NAMES = ("acme1", "Zoo", "acme_2", "acme")


async def test_activity_and_pages_have_the_order_in_which_files_are_applied(
    database: Database[UnitOfWork],
) -> None:
    async with database.transaction() as uow:
        now = uow.now
        for name in _NAMES:
            setup = ConnectionSetup("zendesk", name, "active", 1, [], {}, None, now, "admin:a")
            await uow.channel_connections.save(setup)
        await uow.channel_activity.record([ActivityRow("zendesk", name, now) for name in _NAMES])
    written = await rows(database, "SELECT connection FROM channel_activity ORDER BY ctid")
    assert [row.connection for row in written] == sorted(_NAMES)
    async with database.transaction() as uow:
        listed = await uow.channel_connections.page(None, ["active"], None, 10)
    assert [setup.connection for setup in listed] == sorted(_NAMES)


async def test_order_is_that_of_characters_and_not_of_a_language(
    database: Database[UnitOfWork],
) -> None:
    columns = await rows(
        database,
        """
        SELECT DISTINCT table_name, collation_name FROM information_schema.columns
        WHERE table_name IN ('channel_connections', 'channel_activity')
            AND column_name IN ('kind', 'connection')
        """,
    )
    assert {(row.table_name, row.collation_name) for row in columns} == {
        ("channel_activity", "C"),
        ("channel_connections", "C"),
    }
