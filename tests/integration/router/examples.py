"""Events, commands and checks that the integration tests of router share."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from common.contracts.contacts import ContactReceived, Customer
from common.contracts.event import ContactId, CustomerId, PersonId
from common.core.ids import new_id
from integration.router.conftest import RouterHarness
from router import handlers

LATER = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def received(**changes: Any) -> ContactReceived:
    return msgspec.convert(
        {
            "contact_id": ContactId(new_id()),
            "occurred_at": datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
            "channel": "chat",
            "customer": Customer(customer_id=CustomerId("u1")),
            "subject": "Charged twice",
            "topic_of_contact": "billing",
            "language": "en",
            "priority": "normal",
            **changes,
        },
        ContactReceived,
    )


async def accept(harness: RouterHarness, contact_id: ContactId, by: str) -> None:
    async with harness.database.transaction() as uow:
        await uow.prelock([contact_id])
        await handlers.accept(contact_id, PersonId(by), uow)


async def complete(harness: RouterHarness, contact_id: ContactId) -> None:
    async with harness.database.transaction() as uow:
        await uow.prelock([contact_id])
        await handlers.complete(contact_id, None, uow)


async def decline(harness: RouterHarness, contact_id: ContactId) -> None:
    async with harness.database.transaction() as uow:
        await uow.prelock([contact_id])
        await handlers.decline(contact_id, None, "busy", uow)


async def assert_loads_are_consistent(harness: RouterHarness) -> None:
    """Each load counts the representative's contacts, and is within the capacity."""
    wrong = await harness.rows(
        "SELECT representative_id, load, capacity, count(contact_id) AS contacts"
        " FROM representatives LEFT JOIN assignments USING (representative_id)"
        " GROUP BY representative_id HAVING load <> count(contact_id) OR load > capacity"
    )
    assert wrong == []
