from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from common.contracts.assignments import ContactAssigned
from common.contracts.contacts import ContactReceived, Customer
from common.contracts.event import ContactId, CustomerId, PersonId, TeamId
from common.core.ids import new_id
from common.storage.database import Database
from escalation import handlers
from escalation.main import build
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from integration.escalation.duty_examples import DUTY_OF_TWO, PLACE
from support.databases import Postgres, open_database
from support.people import described
from support.service_harness import Keys, ServiceHarness, make_dispatcher, open_client

key = Keys(
    zendesk="channel:zendesk:zendesk-key",
    rita="representative:rita:rita-key",
    bruno="representative:bruno:bruno-key",
    sam="supervisor:sam:sam-key",
    kim="supervisor:kim:kim-key",
    mia="manager:mia:mia-key",
    ops="admin:ops:ops-key",
    # Admins with names of people.
    admin_sam="admin:sam:admin-sam-key",
    admin_rita="admin:rita:admin-rita-key",
)
POLICY: dict[str, Any] = {
    "targets": [
        {"clock": "assignment", "target_s": 60},
        {
            "clock": "first_response",
            "target_s": 100,
            "thresholds": [{"action": "warn_representative", "at_percent": 80}],
        },
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
    "rotations": [
        {
            "zone": "UTC",
            "starts_at": "2026-01-01T00:00:00Z",
            "shift_s": 86400,
            "members": ["sam"],
        }
    ]
}


class EscalationHarness(ServiceHarness[UnitOfWork]):
    async def now(self) -> datetime:
        async with self.database.transaction() as uow:
            return uow.now

    async def received(self, **changes: Any) -> ContactReceived:
        return msgspec.convert(
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
            },
            ContactReceived,
        )


def assigned(contact: ContactReceived, person: str = "rita") -> ContactAssigned:
    return ContactAssigned(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at + timedelta(seconds=1),
        representative_id=PersonId(person),
        team_id=TeamId("front"),
        reason="only one free",
    )


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with open_database(postgres, database_name, "escalation", UnitOfWork) as database:
        yield database


@pytest.fixture
def service(database: Database[UnitOfWork]) -> EscalationHarness:
    return EscalationHarness(database, make_dispatcher(database, handlers.SUBSCRIPTIONS))


@pytest.fixture
async def api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """Escalation's HTTP API, called by mia, a manager; supervisors see all."""
    async with open_client(build, Settings, database, key, visibility="all") as api:
        api.headers.update(key("mia"))
        yield api


@pytest.fixture
async def team_api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """The API where supervisors see their teams, as it is unless a setting widens it."""
    async with open_client(build, Settings, database, key) as api:
        api.headers.update(key("mia"))
        yield api


async def describe_people(service: EscalationHarness) -> None:
    """Describe the people whom schedules, ladders and teams of the tests name."""
    await service.handle_events(
        *(described(person) for person in ("sam", "kim", "mia", "rita", "lee"))
    )


@pytest.fixture
async def configured(api: httpx.AsyncClient, service: EscalationHarness) -> httpx.AsyncClient:
    """The API of a service whose people, policy, ladder and schedule are in force."""
    await describe_people(service)
    for path, body in (
        ("duty-schedules/supervisors", DUTY),
        ("ladders/default", LADDER),
        ("sla-policies/gold", POLICY),
    ):
        response = await api.put(f"/v1/{path}", json=body)
        assert response.status_code == 200, response.text
    return api


@pytest.fixture
async def duty(api: httpx.AsyncClient, service: EscalationHarness) -> httpx.AsyncClient:
    """The API where sam and kim take turns, day by day."""
    await describe_people(service)
    put = await api.put(PLACE, json=DUTY_OF_TWO)
    assert put.status_code == 200, put.text
    return api
