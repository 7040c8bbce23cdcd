"""Rows: locked once, written once, nothing overwritten unseen, however many there are."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from common.contracts.event import ContactId
from common.core.errors import is_transient
from common.storage.connection import IntegrityError
from common.storage.database import Database
from support.databases import rows
from support.probe import Note, Probe, UnitOfWork, customer_wrote, new_contact, record_statements

AT = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)


def made(contact_id: str | None = None, **changes: Any) -> Probe:
    plain = Probe(new_contact(), (), None, AT)
    changes = changes if contact_id is None else {"contact_id": contact_id, **changes}
    return replace(plain, **changes)


async def stored(database: Database[UnitOfWork], *probes: Probe) -> None:
    async with database.transaction() as uow:
        await uow.probes.lock_all([probe.contact_id for probe in probes])
        for probe in probes:
            uow.probes.put(probe)


async def read(database: Database[UnitOfWork], contact_id: ContactId) -> Probe | None:
    async with database.transaction() as uow:
        return await uow.probes.lock(contact_id)


@pytest.mark.parametrize(
    "probe",
    [
        made(),
        made(notes=("a", "", 'quote " and \\ and {,}', "ä ☎")),
        made(last=Note("nested", AT, before=("x", "y"))),
        made(touched_at=datetime(2026, 3, 2, 1, 30, tzinfo=timezone(timedelta(hours=-8)))),
        made(touched_at=datetime(1, 1, 1, tzinfo=UTC)),
    ],
    ids=["plain", "texts", "nested", "another zone", "long ago"],
)
async def test_written_row_is_read_back(database: Database[UnitOfWork], probe: Probe) -> None:
    await stored(database, probe)
    stored_probe = await read(database, probe.contact_id)
    assert stored_probe == probe
    assert stored_probe is not None
    assert stored_probe.touched_at.tzinfo is not None


async def test_new_and_existing_rows_are_written_in_one_batch(
    database: Database[UnitOfWork],
) -> None:
    existing, untouched = made(notes=("known",)), made(notes=("untouched",))
    await stored(database, existing, untouched)
    new = made(notes=("new",))
    async with database.transaction() as uow:
        await uow.probes.lock_all([new.contact_id, existing.contact_id, untouched.contact_id])
        assert await uow.probes.lock(new.contact_id) is None
        uow.probes.put(new)
        uow.probes.put(replace(existing, notes=("changed",)))
        uow.probes.put(replace(new, notes=("new", "again")))
        assert {probe.notes for probe in uow.probes.loaded()} == {
            ("untouched",),
            ("changed",),
            ("new", "again"),
        }
    for contact_id, notes in (
        (existing.contact_id, ("changed",)),
        (untouched.contact_id, ("untouched",)),
        (new.contact_id, ("new", "again")),
    ):
        stored_row = await read(database, contact_id)
        assert stored_row is not None
        assert stored_row.notes == notes


async def test_row_marked_absent_is_not_queried(database: Database[UnitOfWork]) -> None:
    new = made()
    async with record_statements(database) as sent, database.transaction() as uow:
        uow.probes.mark_absent(new.contact_id)
        uow.probes.put(new)
    assert not [statement for statement in sent if "FOR UPDATE" in statement]
    assert await read(database, new.contact_id) == new


async def test_row_flushed_early_can_be_changed_again(
    database: Database[UnitOfWork],
) -> None:
    new = made(notes=("one",))
    async with database.transaction() as uow:
        await uow.probes.lock(new.contact_id)
        uow.probes.put(new)
        await uow.probes.flush()
        uow.probes.put(replace(new, notes=("one", "two")))
    stored_probe = await read(database, new.contact_id)
    assert stored_probe is not None
    assert stored_probe.notes == ("one", "two")


async def test_two_inserts_of_a_row_do_not_overwrite_each_other(
    database: Database[UnitOfWork],
) -> None:
    contact_id = new_contact()
    both_looked = asyncio.Barrier(2)

    async def make(note: str) -> None:
        async with database.transaction() as uow:
            await uow.probes.lock(contact_id)
            await both_looked.wait()
            uow.probes.put(made(contact_id, notes=(note,)))

    results = await asyncio.gather(make("a"), make("b"), return_exceptions=True)
    (refused,) = [result for result in results if result is not None]
    assert isinstance(refused, IntegrityError)
    assert not is_transient(refused)
    stored_probe = await read(database, contact_id)
    assert stored_probe is not None
    assert stored_probe.notes == (("b",) if results[0] is refused else ("a",))


async def test_lock_waits_and_returns_the_changed_row(
    database: Database[UnitOfWork],
) -> None:
    probe = made(notes=("0",))
    await stored(database, probe)

    async def append(note: str) -> None:
        async with database.transaction() as uow:
            locked = await uow.probes.lock(probe.contact_id)
            assert locked is not None
            uow.probes.put(replace(locked, notes=(*locked.notes, note)))

    await asyncio.gather(*(append(str(n)) for n in range(1, 9)))
    stored_probe = await read(database, probe.contact_id)
    assert stored_probe is not None
    assert sorted(stored_probe.notes) == [str(n) for n in range(9)]


async def test_batches_in_opposite_orders_do_not_deadlock(
    database: Database[UnitOfWork],
) -> None:
    probes = [made() for _ in range(20)]
    await stored(database, *probes)
    ids = [probe.contact_id for probe in probes]

    async def touch(order: list[ContactId]) -> None:
        async with database.transaction() as uow:
            await uow.probes.lock_all(order)
            for locked in list(uow.probes.loaded()):
                uow.probes.put(replace(locked, notes=(*locked.notes, "x")))

    await asyncio.gather(*(touch(order) for _ in range(4) for order in (ids, ids[::-1])))
    counts = await rows(database, "SELECT DISTINCT cardinality(notes) FROM probes")
    assert [tuple(count) for count in counts] == [(8,)]


async def test_number_of_statements_does_not_grow_with_the_batch(
    database: Database[UnitOfWork],
) -> None:
    async def batch(size: int) -> int:
        existing = [made() for _ in range(size)]
        await stored(database, *existing)
        async with record_statements(database) as sent, database.transaction() as uow:
            new = [made() for _ in range(size)]
            await uow.prelock([probe.contact_id for probe in existing + new])
            for probe in existing + new:
                await uow.probes.lock(probe.contact_id)
                uow.probes.put(replace(probe, notes=("n",)))
                uow.outbox.add([customer_wrote(probe.contact_id)])
        return len(sent)

    assert await batch(1) == await batch(50)
    # BEGIN, time, lock, lock of keys, all writes, COMMIT.
    assert await batch(50) == 6


async def test_get_returns_the_committed_row_without_a_lock(
    database: Database[UnitOfWork],
) -> None:
    stored_probe, absent = made(notes=("stored",)), made()
    await stored(database, stored_probe)
    async with database.transaction() as locking, database.transaction() as reading:
        await locking.probes.lock(stored_probe.contact_id)
        assert await reading.probes.get(stored_probe.contact_id) == stored_probe
        assert await reading.probes.get(absent.contact_id) is None
        with pytest.raises(KeyError):  # it was read, and must be locked before it is written
            reading.probes.put(stored_probe)


async def test_get_returns_the_row_as_this_transaction_has_it(
    database: Database[UnitOfWork],
) -> None:
    probe = made(notes=("stored",))
    await stored(database, probe)
    async with database.transaction() as uow:
        await uow.probes.lock(probe.contact_id)
        uow.probes.put(replace(probe, notes=("changed",)))
        assert await uow.probes.get(probe.contact_id) == replace(probe, notes=("changed",))


async def test_get_all_leaves_out_absent_rows(database: Database[UnitOfWork]) -> None:
    first, other, absent = made(), made(), made()
    await stored(database, first, other)
    async with database.transaction() as uow:
        probes = await uow.probes.get_all([other.contact_id, absent.contact_id, first.contact_id])
    assert probes == {first.contact_id: first, other.contact_id: other}
