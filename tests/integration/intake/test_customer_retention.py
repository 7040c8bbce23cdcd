"""A customer is deleted with the last contact of all who are merged with it."""

import asyncio
from datetime import timedelta

import httpx

from common.core.metrics import Metrics
from common.service.retention import RetentionWorker
from common.storage.database import Database
from intake.store import UnitOfWork
from intake.tables import RETENTION
from integration.intake.customer_harness import email, link, send
from support.databases import rows


async def apply_retention(database: Database[UnitOfWork], days: int) -> None:
    database.clock.offset = timedelta(days=days)
    worker = RetentionWorker(database, Metrics(), RETENTION)
    (rule,) = (rule for rule in worker.rules if rule.table == "contacts")
    await worker.apply_rule(rule, asyncio.Event())


async def customers(database: Database[UnitOfWork]) -> set[str]:
    stored = await rows(database, "SELECT customer_id FROM customers")
    held_addresses = await rows(database, "SELECT customer_id FROM customer_addresses")
    assert {row.customer_id for row in stored} == {row.customer_id for row in held_addresses}
    return {row.customer_id.removeprefix("channel:shop:") for row in stored}


async def test_merged_customers_stay_until_none_of_them_has_a_contact(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact = {}
    for name in ("a", "b", "c", "other"):
        contact[name] = (await send(api, name, email(f"{name}@example.com")))["contact_id"]
    await link(api, "channel:shop:a", "channel:shop:b")
    await link(api, "channel:shop:b", "channel:shop:c")
    for name in ("b", "c", "other"):
        await api.post(f"/v1/contacts/{contact[name]}/resolve", json={})
    await apply_retention(database, 401)
    assert await customers(database) == {"a", "b", "c"}
    await api.post(f"/v1/contacts/{contact['a']}/resolve", json={})
    await apply_retention(database, 802)
    assert await customers(database) == set()
