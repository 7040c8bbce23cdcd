"""Who has a contact follows the router's events, in whatever order and however often they come."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import pytest

from common.contracts.assignments import AssignmentReleased, ContactAssigned
from common.contracts.event import ContactId, PersonId, TeamId
from common.core.ids import EventId, new_id
from common.messaging.dispatcher import Message
from common.storage.database import Database
from common.storage.dead_letters import DeadLetter
from intake.domain.assignments import SAME_NUMBERS, AssignmentChange
from intake.domain.errors import ContactNotFoundError
from intake.handlers import SUBSCRIPTIONS
from intake.store import UnitOfWork
from integration.intake.harness import UNKNOWN_CONTACT, accept, key
from support.databases import rows
from support.service_harness import make_dispatcher

# What happened, in the order of its numbers: `+rita` got the contact, `-rita` has it no longer.
Story = Sequence[str]


def message(contact_id: str, step: str, sequence: int, at: datetime) -> Message:
    person = PersonId(step[1:])
    event: ContactAssigned | AssignmentReleased
    if step.startswith("+"):
        event = ContactAssigned(
            contact_id=ContactId(contact_id),
            occurred_at=at,
            representative_id=person,
            team_id=TeamId("madrid"),
            reason="free",
        )
    else:
        event = AssignmentReleased(
            contact_id=ContactId(contact_id),
            occurred_at=at,
            representative_id=person,
            kind="returned",
            reason="no time",
        )
    return Message(
        body=event,
        to_dead_letter=lambda error: DeadLetter(
            origin=new_id(), error=error, payload=b"", key=contact_id
        ),
        event_id=EventId(new_id()),
        sequence=sequence,
    )


async def handle(database: Database[UnitOfWork], *messages: Message) -> None:
    await make_dispatcher(database, SUBSCRIPTIONS).handle(messages)


async def holders(database: Database[UnitOfWork], contact_id: str) -> set[str]:
    """Return who may change the contact."""
    people = {
        row.person_id
        for row in await rows(database, "SELECT DISTINCT person_id FROM contact_representatives")
    }
    async with database.transaction() as uow:
        representatives = [
            await uow.contact_representatives.get(ContactId(contact_id), PersonId(person))
            for person in people
        ]
    return {each.person_id for each in representatives if each is not None and each.is_current}


@pytest.mark.parametrize(
    ("story", "holder"),
    [
        (("+rita",), "rita"),
        (("+rita", "-rita"), None),
        (("+rita", "+omar"), "omar"),
        (("+rita", "-rita", "+omar"), "omar"),
        (("+rita", "+omar", "-rita"), "omar"),
        (("+rita", "-rita", "+omar", "-omar", "+rita"), "rita"),
        (("-rita", "+omar"), "omar"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_repeated_and_older_events_change_nothing(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    story: Story,
    holder: str | None,
    at_once: bool,
) -> None:
    """A copy of a record would otherwise give a contact back to who had it before."""
    contact_id, at = await accept(api, text=None), database.clock.utc_now()
    messages = [message(contact_id, step, n, at) for n, step in enumerate(story, 1)]
    repeats = random.Random(7).choices(messages, k=20)
    for batch in [[*messages, *repeats]] if at_once else [[each] for each in (*messages, *repeats)]:
        await handle(database, *batch)
    assert await holders(database, contact_id) == ({holder} if holder else set())


async def test_numbers_that_begin_again_count_after_days(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    """The router deletes its events some day, and numbers later ones from 1."""
    contact_id, at = await accept(api, text=None), database.clock.utc_now()
    later = at + timedelta(days=9)
    await handle(database, message(contact_id, "+rita", 8, at))
    await handle(database, message(contact_id, "+omar", 1, later))
    await handle(database, message(contact_id, "+rita", 8, at))
    assert await holders(database, contact_id) == {"omar"}
    await handle(database, message(contact_id, "+rita", 2, later))
    assert await holders(database, contact_id) == {"rita"}


async def test_database_and_domain_agree_which_change_follows(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    start = database.clock.utc_now()
    steps = [timedelta(0), SAME_NUMBERS, SAME_NUMBERS + timedelta(seconds=1)]
    for earlier, later in [(a, b) for a in steps for b in steps]:
        for numbers in ((1, 2), (2, 2), (2, 1)):
            contact_id = await accept(api, text=None)
            changes = [
                AssignmentChange(ContactId(contact_id), PersonId("rita"), number, start + step)
                for number, step in zip(numbers, (earlier, later), strict=True)
            ]
            for change in changes:
                await handle(database, message(contact_id, "+rita", change.sequence, change.at))
            (kept,) = await rows(
                database,
                "SELECT sequence, at FROM contact_representatives"
                f" WHERE contact_id = '{contact_id}'",
            )
            newest = changes[1] if changes[1].follows(changes[0]) else changes[0]
            assert (kept.sequence, kept.at) == (newest.sequence, newest.at)


async def test_assignment_of_unknown_contact_is_a_dead_letter_and_spares_its_batch(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id, at = await accept(api, text=None), database.clock.utc_now()
    for step in ("+rita", "-rita"):
        await handle(
            database,
            message(contact_id, "+omar", 1, at),
            message(UNKNOWN_CONTACT, step, 1, at),
        )
    letters = await rows(database, "SELECT reason FROM dead_letters")
    assert [letter.reason for letter in letters] == [
        f"{ContactNotFoundError.__name__}: {ContactNotFoundError()}"
    ] * 2
    assert await holders(database, contact_id) == {"omar"}


async def test_assignment_writes_one_row_and_locks_no_contact(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id, at = await accept(api, text=None), database.clock.utc_now()
    async with database.transaction() as uow:
        await uow.contacts.lock(ContactId(contact_id))
        await handle(database, message(contact_id, "+rita", 1, at))
    assert await holders(database, contact_id) == {"rita"}
    assert await rows(database, "SELECT event_id FROM inbox") == []
    read = await api.get(f"/v1/contacts/{contact_id}", headers=key("representative"))
    assert read.status_code == 200
