"""Which settings a transaction decides by that had to wait for its contacts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from common.contracts.event import ContactId, PersonId
from common.storage.database import Database, begin
from escalation.domain.visibility import Viewer
from escalation.store.unit_of_work import UnitOfWork
from integration.escalation.conftest import POLICY, EscalationHarness
from support.databases import rows
from support.waiting import until

_LOCK = text("SELECT FROM tracked_contacts FOR UPDATE")


async def fetch_waiting(database: Database[UnitOfWork]) -> list[Any]:
    return await rows(
        database,
        "SELECT query FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()",
    )


async def lock_for_messages(contact_id: ContactId, uow: UnitOfWork) -> None:
    await uow.prelock((contact_id,))


async def lock_for_an_action(contact_id: ContactId, uow: UnitOfWork) -> None:
    await uow.visible_contact(contact_id, Viewer(PersonId("sam"), "supervisor"))
    await uow.situation(contact_id)


@pytest.mark.parametrize("lock", [lock_for_messages, lock_for_an_action])
async def test_transaction_that_waited_for_a_contact_uses_the_settings_put_meanwhile(
    service: EscalationHarness,
    configured: httpx.AsyncClient,
    lock: Callable[[ContactId, UnitOfWork], Awaitable[None]],
) -> None:
    """Who had the contact may have moved it to them: to go back would break what was promised."""
    contact = await service.received()
    await service.handle_events(contact)

    async def fetch_version() -> int:
        async with service.database.transaction() as uow:
            await lock(contact.contact_id, uow)
            situation = await uow.situation(contact.contact_id)
            return situation.configuration.policies["gold"].version

    assert await fetch_version() == 1
    async with asyncio.TaskGroup() as group, begin(service.database.engine) as other:
        await other.execute(_LOCK)
        version = group.create_task(fetch_version())
        await until(lambda: fetch_waiting(service.database))
        changed = {**POLICY, "severity": "high"}
        put = await configured.put("/v1/sla-policies/gold", json=changed)
        assert put.status_code == 200, put.text
    assert version.result() == 2
