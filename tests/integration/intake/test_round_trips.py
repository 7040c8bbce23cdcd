"""How often a batch of an outside system's events waits for the database, however many it has."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest

from common.contracts.event import CustomerId
from common.storage.database import Database
from intake.channel_events import apply_events
from intake.channels.base import (
    ChannelEvent,
    ContactOpened,
    CustomerMessageAdded,
    ExternalContact,
    FirstMessage,
)
from intake.domain.customers import CustomerNamespaces, CustomerStatement
from intake.domain.model import ChannelConnection
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.event_preparation import prepare_events
from intake.store import UnitOfWork
from intake.store.statuses import StatusSources
from support.databases import Postgres, open_database, rows
from support.probe import record_statements


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    """As in a process that has read before who wants statuses."""
    make_unit_of_work = partial(UnitOfWork, status_sources=StatusSources(max_age_s=1000))
    async with open_database(postgres, database_name, "intake", make_unit_of_work) as database:
        yield database


CONNECTION = ChannelConnection("acme", "salesforce", "a-secret-of-a-test", {})
SIGNS = SignReader(standard_rules())


def contact(number: int) -> ExternalContact:
    return ExternalContact(
        ref=f"case-{number}",
        channel="email",
        customer=CustomerStatement(CustomerId(f"c-{number}")),
        subject="Boiler is cold",
        topic="general",
        language="en",
        priority="normal",
        first_message=FirstMessage(f"No hot water, case {number}."),
    )


async def apply(database: Database[UnitOfWork], events: Sequence[ChannelEvent]) -> int:
    """Apply the events in one transaction; return how many were repeats."""
    prepared = prepare_events(CONNECTION, events, CustomerNamespaces({}), SIGNS)
    async with database.transaction() as uow:
        applied = await apply_events(CONNECTION, prepared, uow)
    return sum(each.repeated for each in applied)


@pytest.mark.parametrize("size", [1, 100])
async def test_batch_takes_a_handful_of_round_trips_however_long_it_is(
    database: Database[UnitOfWork], size: int
) -> None:
    opened = [ContactOpened(f"e-{n}", "case", contact(n)) for n in range(size)]
    async with record_statements(database) as sent:
        assert await apply(database, [*opened]) == 0
    # BEGIN, time, locks of references and of contacts, contacts, keys, customers or messages, all
    # writes, COMMIT.
    assert len(sent) <= 9, sent
    written = [
        CustomerMessageAdded(f"m-{n}", "comment", contact(n), "And now?", message_ref=f"m-{n}")
        for n in range(size)
    ]
    async with record_statements(database) as sent:
        assert await apply(database, [*written]) == 0
    assert len(sent) <= 9, sent
    async with record_statements(database) as sent:
        assert await apply(database, [*opened, *written]) == 2 * size
    assert len(sent) <= 9, sent
    (counted,) = await rows(
        database,
        "SELECT (SELECT count(*) FROM contacts) AS contacts,"
        " (SELECT count(*) FROM messages) AS messages",
    )
    assert (counted.contacts, counted.messages) == (size, 2 * size)


async def test_event_that_a_batch_has_twice_is_applied_once(
    database: Database[UnitOfWork],
) -> None:
    opened = ContactOpened("e-1", "case", contact(1))
    assert await apply(database, [opened, opened]) == 1
    (counted,) = await rows(database, "SELECT count(*) AS messages FROM messages")
    assert counted.messages == 1
