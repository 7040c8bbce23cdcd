from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from common.contracts.contacts import ContactReceived, Customer
from common.contracts.event import ContactId, CustomerId, PersonId, TeamId
from common.database import Database
from common.ids import new_id
from router import handlers
from router.domain.assignments import Assignment
from router.domain.representatives import Profile, Representative
from router.main import parts
from router.settings import Settings
from router.store import UnitOfWork
from support.databases import Postgres, opened
from support.service_harness import Inside, Keys, client, dispatcher

key = Keys(
    channel="channel:zendesk:channel-key",
    rita="representative:rita:rita-key",
    sam="representative:sam:sam-key",
    mia="supervisor:mia:mia-key",
)


class Floor(Inside[UnitOfWork]):
    async def hire(self, name: str, **changes: Any) -> None:
        """Have a representative at work who takes billing in English, one contact at a time."""
        shown: dict[str, Any] = {
            "name": name,
            "team_id": TeamId("front"),
            "skills": ("billing",),
            "languages": ("en",),
            "capacity": 1,
            **changes,
        }
        async with self.database.transaction() as uow:
            await uow.hold(())
            await handlers.describe(PersonId(name), Profile(**shown), uow)
            await handlers.appear(PersonId(name), "available", uow)

    async def assignment(self, contact_id: ContactId) -> Assignment:
        async with self.database.transaction() as uow:
            found = await uow.assignments.look(contact_id)
        assert found
        return found

    async def person(self, name: str) -> Representative:
        async with self.database.transaction() as uow:
            found = await uow.representatives.look(PersonId(name))
        assert found
        return found

    async def published(self, contact_id: ContactId) -> list[str]:
        async with self.database.transaction() as uow:
            return [type(one).__name__ for one in await uow.assignments.history(contact_id)]


def received(**changes: Any) -> ContactReceived:
    return ContactReceived.model_validate(
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
        }
    )


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with opened(postgres, database_name, "router", UnitOfWork) as database:
        yield database


@pytest.fixture
def floor(database: Database[UnitOfWork]) -> Floor:
    return Floor(database, dispatcher(database, handlers.SUBSCRIPTIONS, "router"))


@pytest.fixture
async def api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """Router's HTTP API, called by mia, a supervisor."""
    async with client(parts, Settings, database, key) as api:
        api.headers.update(key("mia"))
        yield api
