from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from common.contracts.contacts import ContactReceived, Customer
from common.contracts.event import ContactId, CustomerId, Event, PersonId, TeamId
from common.database import Database
from common.deadletters import DeadLetter
from common.dispatcher import Dispatcher, Message
from common.health import Health
from common.ids import EventId, new_id
from common.metrics import Metrics
from common.service import application
from common.timerloop import TimerLoop
from router import handlers
from router.domain.assignments import Assignment
from router.domain.representatives import Profile, Representative
from router.main import parts
from router.settings import Settings
from router.store import UnitOfWork
from support.databases import Postgres, opened, rows

KEYS = {
    "channel": "channel:zendesk:channel-key",
    "rita": "representative:rita:rita-key",
    "sam": "representative:sam:sam-key",
    "mia": "supervisor:mia:mia-key",
}


@dataclass(frozen=True)
class Floor:
    """The service without its edges: messages go in at the dispatcher, timers at their loop."""

    database: Database[UnitOfWork]
    dispatcher: Dispatcher[UnitOfWork]

    async def tell(self, *events: Event) -> list[EventId]:
        """Have these events handled as one batch."""
        ids = [EventId(new_id()) for _ in events]
        await self.dispatcher.handle(
            [
                Message(body=event, letter=_letter, event_id=event_id)
                for event, event_id in zip(events, ids, strict=True)
            ]
        )
        return ids

    async def after(self, seconds: int) -> None:
        """Let time pass, and fire what is due then."""
        self.database.clock.ahead += timedelta(seconds=seconds)
        await TimerLoop(self.dispatcher, Metrics(), Health()).fire(500)

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

    async def rows(self, statement: str) -> list[Any]:
        return await rows(self.database, statement)


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


def _letter(error: BaseException) -> DeadLetter:
    raise AssertionError("a message of a test must not be buried") from error


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with opened(postgres, database_name, "router", UnitOfWork) as database:
        yield database


@pytest.fixture
def floor(database: Database[UnitOfWork]) -> Floor:
    dispatcher = Dispatcher(database, handlers.SUBSCRIPTIONS, Metrics(), consumer="router")
    return Floor(database, dispatcher)


@pytest.fixture
async def api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """Router's HTTP API, called by mia, a supervisor."""
    settings = Settings(
        database_url="postgresql+asyncpg://unused@localhost/unused",
        kafka_bootstrap="unused",
        api_keys=",".join(KEYS.values()),
    )
    app = application(parts(settings), settings, database, Metrics(), Health())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://router", headers=key("mia")
    ) as client:
        yield client


def key(caller: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[caller].rpartition(':')[2]}"}
