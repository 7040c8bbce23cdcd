"""Customers belong to the system that sends them, unless a setting says that systems share them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import ValidationError

from common.storage.database import Database
from intake.channels.registry import CHANNELS
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from integration.intake.harness import (
    CONTACT,
    ZENDESK_SECRET,
    accept,
    deliver,
    key,
    published_data,
    zendesk_body,
)
from support.databases import rows
from support.service_harness import open_client

SHARED = {"channel:shop": "retail", "channel:kiosk": "retail", "zendesk:acme": "retail"}
ADA = {"customer_id": "4711", "name": "Ada Lovelace", "tier": "vip", "region": "ES"}


@pytest.fixture
async def sharing(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """The API, called by the channel `shop`, which shares its customers with two other systems."""
    async with open_client(build, Settings, database, key, customer_namespaces=SHARED) as api:
        api.headers.update(key("channel"))
        yield api


async def customers(database: Database[UnitOfWork]) -> list[tuple[str, str | None, str]]:
    stored = await rows(database, "SELECT * FROM customers ORDER BY customer_id")
    return [(row.customer_id, row.name, row.tier) for row in stored]


async def test_channel_can_not_rename_or_promote_a_customer_of_another_channel(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await accept(api, text=None, customer=ADA)
    mallory = {"customer_id": "4711", "name": "Mallory", "tier": "standard"}
    await api.post("/v1/contacts", json={**CONTACT, "customer": mallory}, headers=key("kiosk"))
    assert await customers(database) == [
        ("channel:kiosk:4711", "Mallory", "standard"),
        ("channel:shop:4711", "Ada Lovelace", "vip"),
    ]
    received = await published_data(database, "contact_received")
    assert [event["customer"]["customer_id"] for event in received] == [
        "channel:shop:4711",
        "channel:kiosk:4711",
    ]


async def test_systems_that_share_customers_know_them_by_one_id(
    sharing: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await accept(sharing, text=None, customer=ADA)
    connection = {"secret": ZENDESK_SECRET, "options": {}}
    await sharing.put("/v1/channels/zendesk/acme", json=connection, headers=key("admin"))
    await deliver(sharing, zendesk_body(ticket={"requester_id": 4711}))
    received = await published_data(database, "contact_received")
    assert [event["customer"]["customer_id"] for event in received] == ["retail:4711"] * 2


async def test_fields_that_a_system_leaves_out_of_a_shared_customer_stay(
    sharing: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await accept(sharing, text=None, customer=ADA)
    unnamed = {**CONTACT, "customer": {"customer_id": "4711", "region": "PT"}}
    await sharing.post("/v1/contacts", json=unnamed, headers=key("kiosk"))
    assert await customers(database) == [("retail:4711", "Ada Lovelace", "vip")]
    first, second = await published_data(database, "contact_received")
    assert second["customer"] == {**first["customer"], "region": "PT"}


@pytest.mark.parametrize(
    "links",
    [{"shop": "retail"}, {"channel:shop": "channel:kiosk"}, {"channel:shop": ""}],
)
def test_namespace_that_could_be_a_system_is_refused(links: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(
            {
                "database_url": "postgresql+asyncpg://unused@localhost/unused",
                "kafka_bootstrap": "unused",
                "customer_namespaces": links,
            }
        )


async def test_systems_that_share_customers_merge_only_their_own_contacts(
    sharing: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(sharing, text=None, priority="urgent")
    kiosks = {**CONTACT, "text": None, "priority": "low"}
    sent = await sharing.post("/v1/contacts", json=kiosks, headers=key("kiosk"))
    target = {"into": sent.json()["contact_id"]}
    for _ in ("open", "resolved"):
        refused = await sharing.post(f"/v1/contacts/{contact_id}/merge", json=target)
        assert (refused.status_code, refused.json()["type"]) == (
            422,
            "urn:upstairs:problem:merge-target-not-found",
        )
        # Nor does it learn how that one stands.
        resolve = f"/v1/contacts/{target['into']}/resolve"
        await sharing.post(resolve, json={}, headers=key("kiosk"))
    assert not await published_data(database, "contact_merged")
    assert not await published_data(database, "contact_prioritized")


@pytest.mark.parametrize("namespace", ["channel", "admin", *CHANNELS])
def test_namespace_with_the_name_of_a_kind_of_system_is_refused(namespace: str) -> None:
    """Its customer `shop:4711` would be the one of the channel shop."""
    with pytest.raises(ValidationError, match="kind of system"):
        Settings.model_validate(
            {
                "database_url": "postgresql+asyncpg://u@localhost/d",
                "kafka_bootstrap": "k",
                "trial": True,
                "customer_namespaces": {"channel:kiosk": namespace},
            }
        )
