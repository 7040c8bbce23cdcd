"""Bulk inserts: many rows in one statement, whatever is there already."""

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import TextClause

from common.contracts.event import ContactId
from common.storage.bulk import bulk_insert
from common.storage.connection import IntegrityError
from common.storage.database import Database
from support import probe
from support.databases import rows
from support.probe import UnitOfWork, new_contact

AT = "2026-03-02T09:30:00+00:00"


async def insert(
    database: Database[UnitOfWork], statement: TextClause, notes: dict[ContactId, list[str]]
) -> Any:
    content = [
        {"contact_id": contact, "notes": texts, "touched_at": AT}
        for contact, texts in notes.items()
    ]
    async with database.transaction() as uow:
        inserted = await uow.connection.execute(statement, {"rows": orjson.dumps(content).decode()})
        return list(inserted)


async def stored(database: Database[UnitOfWork]) -> dict[str, list[str]]:
    records = await rows(database, "SELECT contact_id::text AS id, notes FROM probes")
    return {row.id: row.notes for row in records}


async def test_conflict_fails_the_statement(database: Database[UnitOfWork]) -> None:
    existing, new = new_contact(), new_contact()
    await insert(database, bulk_insert(probe.table), {existing: ["a"]})
    with pytest.raises(IntegrityError):
        await insert(database, bulk_insert(probe.table), {new: [], existing: ["b"]})
    assert await stored(database) == {existing: ["a"]}


async def test_ignored_conflict_keeps_the_row_and_tells_the_new_ones(
    database: Database[UnitOfWork],
) -> None:
    existing, new = new_contact(), new_contact()
    statement = bulk_insert(probe.table, conflict="ignore", returning=["contact_id"])
    await insert(database, statement, {existing: ["a"]})
    inserted = await insert(database, statement, {new: ["ä ☎"], existing: ["b"]})
    assert [str(row.contact_id) for row in inserted] == [new]
    assert await stored(database) == {existing: ["a"], new: ["ä ☎"]}


async def test_update_writes_the_new_values(database: Database[UnitOfWork]) -> None:
    existing, new = new_contact(), new_contact()
    statement = bulk_insert(probe.table, conflict="update")
    await insert(database, statement, {existing: ["a"]})
    await insert(database, statement, {new: [], existing: ["b", "c"]})
    assert await stored(database) == {existing: ["b", "c"], new: []}


async def test_two_orders_of_the_same_rows_do_not_deadlock(database: Database[UnitOfWork]) -> None:
    contacts = [new_contact() for _ in range(200)]
    statement = bulk_insert(probe.table, conflict="update")
    orders = [contacts, contacts[::-1]] * 4
    await asyncio.gather(
        *(insert(database, statement, {key: ["x"] for key in order}) for order in orders)
    )
    assert await stored(database) == {key: ["x"] for key in contacts}
