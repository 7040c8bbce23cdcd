"""Units of work on asyncpg: values, errors, and sessions that are lost or left in a statement."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg
import pytest
from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import JSONB

from common.core.errors import PermanentError, is_bad_value, is_transient
from common.storage.connection import IntegrityError, TransactionAbortedError
from common.storage.database import Database, begin
from support import probe
from support.databases import rows
from support.probe import UnitOfWork, new_contact
from support.waiting import until

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PROBES = probe.table


async def contacts(database: Database[Any]) -> set[str]:
    return {str(row[0]) for row in await rows(database, "SELECT contact_id FROM probes")}


async def backends(database: Database[Any]) -> list[int]:
    """Return the server's processes for the sessions of the pool, the asking one too."""
    statement = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'upstairs-%'"
    processes = await rows(database, f"{statement} AND datname = current_database()")
    return [row.pid for row in processes]


async def add(uow: UnitOfWork, contact_id: str) -> None:
    values = {"contact_id": contact_id, "notes": ["ä"], "touched_at": AT}
    await uow.connection.execute(insert(PROBES), values)


async def add_one(uow: UnitOfWork) -> None:
    await add(uow, new_contact())


async def fail(_uow: UnitOfWork) -> None:
    raise PermanentError


async def transact(
    database: Database[UnitOfWork], *steps: Callable[[UnitOfWork], Awaitable[None]]
) -> None:
    async with database.transaction() as uow:
        for step in steps:
            await step(uow)


async def test_values_are_those_of_the_column_types(database: Database[UnitOfWork]) -> None:
    first, second = new_contact(), new_contact()
    async with database.transaction() as uow:
        await add(uow, first)
        many = [{"contact_id": second, "notes": [], "last": {"text": "☎"}, "touched_at": AT}]
        await uow.connection.execute(insert(PROBES), many)
        query = select(PROBES).where(PROBES.c.contact_id.in_([first, second]))
        read = await uow.connection.execute(query.order_by(PROBES.c.contact_id))
        assert [row.contact_id for row in read] == [first, second]
        assert [row["notes"] for row in read] == [["ä"], []]
        assert [row.last for row in read] == [None, {"text": "☎"}]
        assert [row.touched_at for row in read] == [AT, AT]
        plain = await uow.connection.execute(
            text("SELECT contact_id, last FROM probes WHERE last = :last").bindparams(
                bindparam("last", type_=JSONB)
            ),
            {"last": {"text": "☎"}},
        )
        assert tuple(plain.single()) == (second, {"text": "☎"})


async def test_result_of_a_change_is_what_it_returns(database: Database[UnitOfWork]) -> None:
    contact_id = new_contact()
    async with database.transaction() as uow:
        await add(uow, contact_id)
        same = PROBES.c.contact_id == contact_id
        changed = update(PROBES).where(same).values(notes=["b"]).returning(PROBES.c.notes)
        assert (await uow.connection.execute(changed)).scalar_one() == ["b"]
        gone = delete(PROBES).where(same).returning(PROBES.c.contact_id)
        assert (await uow.connection.execute(gone)).scalars() == [contact_id]
        count = select(func.count()).select_from(PROBES)
        assert (await uow.connection.execute(count)).scalar_one() == 0
        assert (await uow.connection.execute(gone)).first() is None


async def test_statement_made_for_one_use_is_forgotten(database: Database[UnitOfWork]) -> None:
    query = select(PROBES).where(PROBES.c.contact_id == new_contact())
    forgotten = weakref.ref(query)
    async with database.transaction() as uow:
        for _ in range(2):
            assert not await uow.connection.execute(query)
    del query
    gc.collect()
    assert forgotten() is None


async def test_missing_value_is_refused(database: Database[UnitOfWork]) -> None:
    async with database.transaction() as uow:
        with pytest.raises(KeyError):
            await uow.connection.execute(text("SELECT :value"), {"other": 1})


async def test_error_of_a_handler_rolls_back_and_keeps_the_session(
    database: Database[UnitOfWork],
) -> None:
    before = await backends(database)
    with pytest.raises(PermanentError):
        await transact(database, add_one, fail)
    assert await contacts(database) == set()
    assert await backends(database) == before


async def test_refused_row_is_an_integrity_error_that_does_not_pass(
    database: Database[UnitOfWork],
) -> None:
    add_it = partial(add, contact_id=new_contact())
    with pytest.raises(IntegrityError) as refused:
        await transact(database, add_it, add_it)
    assert not is_transient(refused.value)
    assert await contacts(database) == set()


@pytest.mark.parametrize("value", ["\x00", "\ud800"], ids=["nul", "half a character"])
async def test_text_that_cannot_be_stored_is_a_bad_value(
    database: Database[UnitOfWork], value: str
) -> None:
    async def store(uow: UnitOfWork) -> None:
        statement = text(
            "INSERT INTO probes VALUES (:id, ARRAY[CAST(:value AS text)], NULL, now())"
        )
        await uow.connection.execute(statement, {"id": new_contact(), "value": [value]})

    with pytest.raises((asyncpg.PostgresError, UnicodeError, ValueError)) as refused:
        await transact(database, store)
    assert is_bad_value(refused.value)
    assert not is_transient(refused.value)


async def test_swallowed_error_does_not_look_committed(database: Database[UnitOfWork]) -> None:
    async def swallow(uow: UnitOfWork) -> None:
        with suppress(IntegrityError):
            await add_it(uow)

    add_it = partial(add, contact_id=new_contact())
    with pytest.raises(TransactionAbortedError):
        await transact(database, add_it, swallow)
    assert await contacts(database) == set()


async def test_sessions_that_the_server_ended_are_replaced(
    database: Database[UnitOfWork], postgres: Any
) -> None:
    async def hold(together: asyncio.Barrier) -> None:
        async with database.transaction():
            await together.wait()

    together = asyncio.Barrier(4)
    await asyncio.gather(*(hold(together) for _ in range(4)))
    await end_backends(postgres, database)
    contact_id = new_contact()
    async with database.transaction() as uow:
        await add(uow, contact_id)
    assert await contacts(database) == {contact_id}


async def end_backends(postgres: Any, database: Database[Any]) -> None:
    name = database.engine.url.database
    condition = (
        f"FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    await postgres.execute(f"SELECT pg_terminate_backend(pid) {condition}")
    connection = await asyncpg.connect(postgres.admin_of("template1").replace("+asyncpg", ""))
    try:
        await until(
            lambda: connection.fetchval(f"SELECT count(*) {condition}"), lambda count: count == 0
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("rest", [[add_one], []], ids=["before a statement", "before COMMIT"])
async def test_session_lost_in_a_transaction_is_transient_and_not_used_again(
    database: Database[UnitOfWork],
    postgres: Any,
    rest: Sequence[Callable[[UnitOfWork], Awaitable[None]]],
) -> None:
    async def lose(_uow: UnitOfWork) -> None:
        await end_backends(postgres, database)

    contact_id = new_contact()
    add_it = partial(add, contact_id=contact_id)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as lost:
        await transact(database, add_it, lose, *rest)
    assert is_transient(lost.value)
    async with database.transaction() as uow:
        await add(uow, contact_id)
    assert await contacts(database) == {contact_id}


async def test_statement_that_a_migration_made_outdated_is_transient_in_each_session(
    database: Database[UnitOfWork], postgres: Any
) -> None:
    async def use(together: asyncio.Barrier) -> None:
        async with database.transaction() as uow:
            await uow.connection.execute(select(PROBES))
            await together.wait()

    sessions = 4
    together = asyncio.Barrier(sessions)
    await asyncio.gather(*(use(together) for _ in range(sessions)))
    (schema,) = await database.fetch_row("SELECT current_schema()")
    name = str(database.engine.url.database)
    owner = await asyncpg.connect(postgres.admin_of(name).replace("+asyncpg", ""))
    await owner.execute(f"ALTER TABLE {schema}.probes ALTER COLUMN notes TYPE varchar[]")
    await owner.close()
    alone = asyncio.Barrier(1)
    for _ in range(sessions):
        with pytest.raises(asyncpg.InvalidCachedStatementError) as outdated:
            await use(alone)
        assert is_transient(outdated.value)
    await use(alone)


async def test_cancelled_transaction_frees_its_locks_and_its_place_in_the_pool(
    database: Database[UnitOfWork],
) -> None:
    contact_id = new_contact()
    sleeping = asyncio.Event()

    async def hold() -> None:
        async with database.transaction() as uow:
            await add(uow, contact_id)
            sleeping.set()
            await uow.connection.execute(text("SELECT pg_sleep(60)"))

    for _ in range(12):
        sleeping.clear()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(hold())
            await sleeping.wait()
            task.cancel()
    async with asyncio.timeout(30), database.transaction() as uow:
        await add(uow, contact_id)
    assert await contacts(database) == {contact_id}


async def test_parts_of_a_shared_transaction_fail_alone_and_end_together(
    database: Database[UnitOfWork],
) -> None:
    kept, refused, unshared = new_contact(), new_contact(), new_contact()
    async with database.share_transaction() as shared:
        async with database.transaction() as uow:
            await add(uow, kept)
        steps = [partial(add, contact_id=contact_id) for contact_id in (refused, kept)]
        with pytest.raises(IntegrityError):
            await transact(database, *steps)
        assert await contacts(database) == set()
        await shared.commit()
    async with database.share_transaction(), database.transaction() as uow:
        await add(uow, unshared)
    assert await contacts(database) == {kept}


async def test_first_part_of_a_shared_transaction_that_fails_leaves_room_for_others(
    database: Database[UnitOfWork],
) -> None:
    refused, kept = new_contact(), new_contact()
    async with database.share_transaction() as shared:
        with pytest.raises(IntegrityError):
            await transact(database, *[partial(add, contact_id=refused)] * 2)
        await transact(database, partial(add, contact_id=kept))
        await shared.commit()
    assert await contacts(database) == {kept}


async def test_rows_are_streamed_in_chunks(database: Database[UnitOfWork]) -> None:
    async with begin(database.engine) as connection:
        query = text("SELECT number FROM generate_series(1, :last) AS number")
        chunks = [chunk.scalars() async for chunk in connection.stream(query, {"last": 5}, 2)]
    assert chunks == [[1, 2], [3, 4], [5]]
