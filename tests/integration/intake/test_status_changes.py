"""Intake tells what becomes of a contact, in order, to the channels that want it alone."""

from functools import partial
from typing import Any

import httpx
import msgspec
import pytest

from common.contracts.assignments import ContactAssigned
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClosed,
    EscalationRaised,
)
from common.contracts.event import ContactId, Event, PersonId, SystemName, TeamId
from common.contracts.statuses import StatusWebhookChanged
from common.core.ids import new_id
from common.storage.database import Database
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from intake.store.statuses import StatusSources
from integration.intake.harness import accept, assign, handle, key
from support.databases import Postgres, open_database, rows
from support.probe import record_statements
from support.service_harness import open_client

SHOP = SystemName("channel:shop")


async def want(database: Database[UnitOfWork], *, is_active: bool = True) -> None:
    changed = StatusWebhookChanged(
        occurred_at=database.clock.utc_now(), source=SHOP, is_active=is_active
    )
    await handle(database, changed)


async def published_statuses(
    database: Database[UnitOfWork], contact_id: str
) -> list[dict[str, Any]]:
    published = await rows(
        database,
        "SELECT key, data FROM published_events WHERE topic = 'statuses' ORDER BY sequence, id",
    )
    return [row.data for row in published if str(row.key) == contact_id]


async def statuses(database: Database[UnitOfWork], contact_id: str) -> list[str]:
    return [each["status"] for each in await published_statuses(database, contact_id)]


def escalation(
    database: Database[UnitOfWork], kind: type[Event], contact_id: str, **fields: Any
) -> Event:
    defaults = {
        "contact_id": contact_id,
        "occurred_at": database.clock.utc_now(),
        "escalation_id": new_id(),
    }
    return msgspec.convert({**defaults, **fields}, kind)


def raised(database: Database[UnitOfWork], contact_id: str, cause: str = "breach") -> Event:
    return escalation(
        database,
        EscalationRaised,
        contact_id,
        cause=cause,
        severity="high",
        level_name="supervisor",
        reason="No reply within 10 min",
        ladder_id="default",
        ladder_version=1,
        level=0,
    )


async def test_channel_is_told_the_life_of_its_contact(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await want(database)
    contact_id = await accept(api, external_ref="chat-7")
    await assign(database, contact_id)
    await handle(database, raised(database, contact_id))
    acknowledged = escalation(
        database,
        EscalationAcknowledged,
        contact_id,
        by="sara",
        lease_expires_at=database.clock.utc_now(),
    )
    await handle(database, acknowledged)
    path = f"/v1/contacts/{contact_id}"
    for action, body in (
        ("wait-for-customer", None),
        ("stop-waiting", None),
        ("resolve", {"person_id": "rita"}),
        ("reopen", {"reason": "not solved"}),
        ("abandon", {}),
    ):
        answer = await api.post(f"{path}/{action}", json=body)
        assert answer.status_code == 202, answer.text
    assert await statuses(database, contact_id) == [
        "received",
        "assigned",
        "escalated",
        "acknowledged",
        "waiting_on_customer",
        "waiting_ended",
        "resolved",
        "reopened",
        "abandoned",
    ]
    by_status = {each["status"]: each for each in await published_statuses(database, contact_id)}
    assert by_status["assigned"]["person_id"] == "rita"
    assert by_status["escalated"]["level"] == "supervisor"
    assert by_status["acknowledged"]["person_id"] == "sara"
    assert by_status["resolved"]["person_id"] == "rita"
    assert {each["external_ref"] for each in by_status.values()} == {"chat-7"}
    assert "Ada" not in str(by_status)
    assert "Charged" not in str(by_status)


async def test_channel_without_webhook_is_told_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api)
    await assign(database, contact_id)
    assert await published_statuses(database, contact_id) == []
    await want(database)
    await want(database, is_active=False)
    await handle(database, raised(database, contact_id))
    assert await published_statuses(database, contact_id) == []


async def test_older_news_of_a_webhook_change_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    late = StatusWebhookChanged(occurred_at=database.clock.utc_now(), source=SHOP, is_active=False)
    await want(database)
    await handle(database, late)
    contact_id = await accept(api)
    assert await statuses(database, contact_id) == ["received"]


async def test_assignment_that_is_heard_again_has_the_same_id(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await want(database)
    contact_id = await accept(api)
    assigned = ContactAssigned(
        contact_id=ContactId(contact_id),
        occurred_at=database.clock.utc_now(),
        representative_id=PersonId("rita"),
        team_id=TeamId("madrid"),
        reason="free",
    )
    await handle(database, assigned)
    await handle(database, assigned)
    _, first, again = await published_statuses(database, contact_id)
    assert first["change_id"] == again["change_id"]


async def test_assignment_that_is_heard_after_the_end_is_not_told(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await want(database)
    contact_id = await accept(api)
    await api.post(f"/v1/contacts/{contact_id}/resolve", json={})
    await assign(database, contact_id)
    assert await statuses(database, contact_id) == ["received", "resolved"]


@pytest.mark.parametrize("cause", ["complaint", "feedback"])
async def test_complaint_is_not_told_while_it_is_confidential(
    api: httpx.AsyncClient, database: Database[UnitOfWork], cause: str
) -> None:
    await want(database)
    contact_id = await accept(api)
    await handle(database, raised(database, contact_id, cause))
    closed = escalation(database, EscalationClosed, contact_id, reason="withdrawn")
    await handle(database, closed)
    assert await statuses(database, contact_id) == ["received"]


async def test_contact_of_channel_without_webhook_costs_no_query_for_statuses(
    postgres: Postgres, database_name: str
) -> None:
    make_unit_of_work = partial(UnitOfWork, status_sources=StatusSources(max_age_s=1000))
    async with (
        open_database(postgres, database_name, "intake", make_unit_of_work) as database,
        open_client(build, Settings, database, key) as api,
    ):
        api.headers.update(key("channel"))
        async with record_statements(database) as first:
            await accept(api)
        async with record_statements(database) as sent:
            contact_id = await accept(api)
            await assign(database, contact_id)
    assert sum("status_sources" in each for each in first) == 1
    assert not [each for each in sent if "status" in each], sent
