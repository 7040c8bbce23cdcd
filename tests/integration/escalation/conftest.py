from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from common.contracts.assignments import ContactAssigned
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
from escalation import handlers
from escalation.main import parts
from escalation.settings import Settings
from escalation.store import UnitOfWork
from support.databases import Postgres, opened, rows

KEYS = {
    "zendesk": "channel:zendesk:zendesk-key",
    "rita": "representative:rita:rita-key",
    "sam": "supervisor:sam:sam-key",
    "kim": "supervisor:kim:kim-key",
    "mia": "manager:mia:mia-key",
}
POLICY: dict[str, Any] = {
    "targets": [
        {"clock": "assignment", "target_s": 60},
        {"clock": "first_response", "target_s": 100, "warn_at_percent": 80},
        {"clock": "resolution", "target_s": 1000},
    ],
    "ladder_id": "default",
    "severity": "medium",
}
LADDER: dict[str, Any] = {
    "levels": [
        {
            "name": "supervisors",
            "acknowledge_within_s": 50,
            "who": [{"kind": "duty", "schedule_id": "supervisors"}],
        },
        {
            "name": "managers",
            "acknowledge_within_s": 70,
            "who": [{"kind": "person", "person_id": "mia"}],
        },
    ],
    "lease_s": 200,
    "working_lease_s": 600,
}
DUTY: dict[str, Any] = {
    "rotation": {
        "zone": "UTC",
        "starts_at": "2026-01-01T00:00:00Z",
        "shift_s": 86400,
        "members": ["sam"],
    }
}


@dataclass(frozen=True)
class Desk:
    """The service without its edges: messages go in at the dispatcher, timers at their loop."""

    database: Database[UnitOfWork]
    dispatcher: Dispatcher[UnitOfWork]

    async def now(self) -> datetime:
        async with self.database.transaction() as uow:
            return uow.now

    async def tell(self, *events: Event) -> None:
        """Have these events handled as one batch."""
        await self.dispatcher.handle(
            [Message(body=one, letter=_letter, event_id=EventId(new_id())) for one in events]
        )

    async def after(self, seconds: float) -> None:
        """Let time pass, and fire what is due then."""
        self.database.clock.ahead += timedelta(seconds=seconds)
        await TimerLoop(self.dispatcher, Metrics(), Health()).fire(500)

    async def published(self, contact_id: ContactId) -> list[str]:
        found = await rows(
            self.database,
            f"SELECT type FROM journal WHERE contact_id = '{contact_id}' ORDER BY sequence",
        )
        return [row.type.removeprefix("upstairs.").removesuffix(".v1") for row in found]

    async def rows(self, statement: str) -> list[Any]:
        return await rows(self.database, statement)

    async def received(self, **changes: Any) -> ContactReceived:
        return ContactReceived.model_validate(
            {
                "contact_id": ContactId(new_id()),
                "occurred_at": await self.now(),
                "channel": "ticket",
                "customer": Customer(customer_id=CustomerId("c-81"), name="Ada Lovelace"),
                "subject": "Charged twice",
                "topic_of_contact": "billing",
                "language": "en",
                "priority": "high",
                **changes,
            }
        )


def assigned(contact: ContactReceived) -> ContactAssigned:
    return ContactAssigned(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at + timedelta(seconds=1),
        representative_id=PersonId("rita"),
        team_id=TeamId("front"),
        because="only one free",
    )


def _letter(error: BaseException) -> DeadLetter:
    raise AssertionError("a message of a test must not be buried") from error


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with opened(postgres, database_name, "escalation", UnitOfWork) as database:
        yield database


@pytest.fixture
def desk(database: Database[UnitOfWork]) -> Desk:
    dispatcher = Dispatcher(database, handlers.SUBSCRIPTIONS, Metrics(), consumer="escalation")
    return Desk(database, dispatcher)


@pytest.fixture
async def api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """Escalation's HTTP API, called by mia, a manager."""
    settings = Settings(
        database_url="postgresql+asyncpg://unused@localhost/unused",
        kafka_bootstrap="unused",
        api_keys=",".join(KEYS.values()),
    )
    app = application(parts(settings), settings, database, Metrics(), Health())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://escalation", headers=key("mia")
    ) as client:
        yield client


@pytest.fixture
async def configured(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The API of a service whose policy, ladder and schedule are in force."""
    for path, body in (
        ("duty-schedules/supervisors", DUTY),
        ("ladders/default", LADDER),
        ("sla-policies/gold", POLICY),
    ):
        response = await api.put(f"/v1/{path}", json=body)
        assert response.status_code == 200, response.text
    return api


def key(caller: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[caller].rpartition(':')[2]}"}
