"""Times and commands that the router's tests share."""

from datetime import UTC, datetime

from common.contracts.event import ContactId
from integration.router.conftest import Floor
from router import handlers

LATER = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


async def complete(floor: Floor, contact_id: ContactId) -> None:
    async with floor.database.transaction() as uow:
        await uow.hold([contact_id])
        await handlers.complete(contact_id, None, uow)
