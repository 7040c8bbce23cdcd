"""Commands that come at once share a transaction, and neither a failure nor each other's answer."""

import asyncio
from collections.abc import Sequence

import pytest

from common.contracts.event import ContactId
from common.core import trace
from common.core.errors import TransientError
from common.http.group_commit import CommandBatcher
from common.storage.database import Database
from support.databases import rows
from support.probe import UnitOfWork, add_note, customer_wrote, new_contact, record_statements

Command = tuple[ContactId, str]


async def hold(commands: Sequence[Command], uow: UnitOfWork) -> None:
    await uow.probes.lock_all(contact_id for contact_id, _ in commands)


async def take(command: Command, uow: UnitOfWork) -> str:
    contact_id, text = command
    if text == "away":
        raise TransientError
    if text.startswith("bad"):
        raise ValueError(text)
    await add_note(contact_id, text, uow)
    uow.outbox.add([customer_wrote(contact_id, text)])
    return f"took {text}"


@pytest.fixture
def together(database: Database[UnitOfWork]) -> CommandBatcher[UnitOfWork, Command, str]:
    return CommandBatcher(database, take, hold)


async def test_simultaneous_commands_share_transactions(
    database: Database[UnitOfWork], together: CommandBatcher[UnitOfWork, Command, str]
) -> None:
    contact_id = new_contact()
    texts = [str(n) for n in range(250)]
    async with record_statements(database) as sent:
        answers = await asyncio.gather(*(together.submit((contact_id, text)) for text in texts))
    assert answers == [f"took {text}" for text in texts]
    # A hundred at a time.
    assert sum("INSERT INTO outbox" in statement for statement in sent) == 3
    (row,) = await rows(database, "SELECT notes FROM probes")
    assert row.notes == texts


async def test_failing_command_spares_its_batch(
    database: Database[UnitOfWork], together: CommandBatcher[UnitOfWork, Command, str]
) -> None:
    contact_id = new_contact()
    texts = ["a", "b", "bad 1", "c", "bad 2", "d"]
    answers = await asyncio.gather(
        *(together.submit((contact_id, text)) for text in texts), return_exceptions=True
    )
    assert [str(answer) for answer in answers] == [
        *("took a", "took b", "bad 1", "took c", "bad 2", "took d")
    ]
    (row,) = await rows(database, "SELECT notes FROM probes")
    assert row.notes == ["a", "b", "c", "d"]


async def test_unavailable_database_fails_the_whole_batch_without_effect(
    database: Database[UnitOfWork], together: CommandBatcher[UnitOfWork, Command, str]
) -> None:
    contact_id = new_contact()
    assert await together.submit((contact_id, "alone")) == "took alone"
    answers = await asyncio.gather(
        *(together.submit((contact_id, text)) for text in ("with", "away", "them")),
        return_exceptions=True,
    )
    assert all(isinstance(answer, TransientError) for answer in answers)
    (row,) = await rows(database, "SELECT notes FROM probes")
    assert row.notes == ["alone"]


async def test_cancelled_caller_does_not_affect_the_batch(
    database: Database[UnitOfWork], together: CommandBatcher[UnitOfWork, Command, str]
) -> None:
    """What it asked for is done all the same; a client that sends it again sends its key."""
    contact_id = new_contact()
    async with asyncio.TaskGroup() as group, database.transaction() as uow:
        await add_note(contact_id, "before", uow)
        await uow.flush()
        leaving = group.create_task(together.submit((contact_id, "leaving")))
        await asyncio.sleep(0)
        staying = group.create_task(together.submit((contact_id, "staying")))
        await asyncio.sleep(0)
        leaving.cancel()
    assert staying.result() == "took staying"
    (row,) = await rows(database, "SELECT notes FROM probes")
    assert row.notes == ["before", "leaving", "staying"]


async def test_command_keeps_its_own_trace(
    database: Database[UnitOfWork], together: CommandBatcher[UnitOfWork, Command, str]
) -> None:
    async def call(n: int) -> str:
        parent = trace.start(f"00-{n:032x}-{n:016x}-01")
        await together.submit((new_contact(), str(n)))
        assert trace.current() == parent
        return parent

    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(call(n)) for n in range(1, 6)]
    parents = [call.result() for call in calls]
    events = await rows(database, "SELECT trace FROM published_events ORDER BY id")
    assert [trace.from_bytes(row.trace) for row in events] == parents


async def test_commands_that_wait_let_others_join_them(database: Database[UnitOfWork]) -> None:
    together = CommandBatcher(database, take, hold, interval_s=2)
    contact_id = new_contact()
    async with record_statements(database) as sent, asyncio.TaskGroup() as group:
        first = group.create_task(together.submit((contact_id, "first")))
        await asyncio.sleep(0)
        group.create_task(together.submit((contact_id, "waits")))
        await first
        group.create_task(together.submit((contact_id, "joins")))
    assert sum("INSERT INTO outbox" in statement for statement in sent) == 2


async def test_command_after_command_does_not_wait(database: Database[UnitOfWork]) -> None:
    together = CommandBatcher(database, take, hold, interval_s=3600)
    for text in ("1", "2", "3"):
        assert await together.submit((new_contact(), text)) == f"took {text}"
