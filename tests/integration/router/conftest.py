from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest

from common.contracts.event import ContactId, PersonId, TeamId
from common.contracts.people import Presence
from common.storage.database import Database
from router import handlers, use_cases
from router.domain.assignments import Assignment
from router.domain.staffing.people import PersonEntry
from router.domain.staffing.representatives import Representative, Workload
from router.main import build
from router.settings import Settings
from router.store import PoolCache, UnitOfWork
from router.use_cases import Caller
from support.databases import Postgres, open_database
from support.service_harness import Keys, ServiceHarness, make_dispatcher, open_client

key = Keys(
    channel="channel:zendesk:channel-key",
    rita="representative:rita:rita-key",
    sam="representative:sam:sam-key",
    mia="supervisor:mia:mia-key",
    ops="admin:ops:ops-key",
)
ADMIN = Caller(PersonId("admin:ops"), is_admin=True)


class RouterHarness(ServiceHarness[UnitOfWork]):
    async def hire(self, name: str, *, presence: Presence = "available", **changes: Any) -> None:
        """Add a representative for billing in English with capacity 1, or change one."""
        workload = Workload(
            changes.pop("capacity", 1),
            changes.pop("auto_accept", True),
            changes.pop("offer_s", 20),
        )
        entry: dict[str, Any] = {
            "name": name,
            "roles": ("representative",),
            "team_id": TeamId("front"),
            "skills": ("billing",),
            "languages": ("en",),
            **changes,
        }
        async with self.database.transaction() as uow:
            await uow.prelock(())
            await use_cases.put_person(ADMIN, PersonId(name), PersonEntry(**entry), None, uow)
            await use_cases.set_workload(ADMIN, PersonId(name), workload, uow)
            await handlers.set_presence(PersonId(name), presence, None, uow)

    async def assignment(self, contact_id: ContactId) -> Assignment:
        async with self.database.transaction() as uow:
            assignment = await uow.assignments.get(contact_id)
        assert assignment
        return assignment

    async def person(self, name: str) -> Representative:
        async with self.database.transaction() as uow:
            person = await uow.representatives.get(PersonId(name))
        assert person
        return person

    async def published(self, contact_id: ContactId) -> list[str]:
        async with self.database.transaction() as uow:
            history = await uow.assignments.history(contact_id, 0, 1000)
            return [type(event).__name__ for _, event in history]


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    unit_of_work = partial(UnitOfWork, pool_cache=PoolCache())
    async with open_database(postgres, database_name, "router", unit_of_work) as database:
        yield database


@pytest.fixture
def harness(database: Database[UnitOfWork]) -> RouterHarness:
    return RouterHarness(database, make_dispatcher(database, handlers.SUBSCRIPTIONS))


@pytest.fixture
async def api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """The HTTP API of router, called by the supervisor mia."""
    async with open_client(build, Settings, database, key) as api:
        api.headers.update(key("mia"))
        yield api
