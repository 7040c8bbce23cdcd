"""A new contact of the same customer and topic names the one that it follows."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.customer_harness import link, open_api, send
from integration.intake.harness import CONTACT, accept, deliver, key, published_data, zendesk_body


async def act(api: httpx.AsyncClient, contact_id: str, action: str, **body: Any) -> None:
    answer = await api.post(f"/v1/contacts/{contact_id}/{action}", json=body)
    assert answer.is_success, answer.text


async def test_contact_follows_the_latest_of_the_same_customer_and_topic(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await send(api, "a")
    assert first["follows"] is None
    assert (await send(api, "a", topic="returns"))["follows"] is None
    assert (await send(api, "b"))["follows"] is None
    second = await send(api, "a")
    assert second["follows"] == first["contact_id"]
    assert (await send(api, "a"))["follows"] == second["contact_id"]
    published = [event["follows"] for event in await published_data(database, "contact_received")]
    assert published == [None, None, None, first["contact_id"], second["contact_id"]]


async def test_contact_that_the_channel_names_wins(api: httpx.AsyncClient) -> None:
    first = await send(api, "a")
    await send(api, "a")
    assert (await send(api, "a", follows=first["contact_id"]))["follows"] == first["contact_id"]


@pytest.mark.parametrize(("days", "follows"), [(6, True), (8, False)])
async def test_contact_follows_one_that_ended_within_the_days(
    api: httpx.AsyncClient, database: Database[UnitOfWork], days: int, *, follows: bool
) -> None:
    first = await send(api, "a")
    await act(api, first["contact_id"], "resolve")
    database.clock.offset = timedelta(days=days)
    assert ((await send(api, "a"))["follows"] == first["contact_id"]) is follows


async def test_contact_that_is_still_open_is_followed_however_old(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await send(api, "a")
    database.clock.offset = timedelta(days=100)
    assert (await send(api, "a"))["follows"] == first["contact_id"]


async def test_setting_of_no_days_finds_nothing(database: Database[UnitOfWork]) -> None:
    async with open_api(database, follows_within_days=0) as api:
        await send(api, "a")
        assert (await send(api, "a"))["follows"] is None


async def test_discarded_and_merged_contacts_are_not_followed(api: httpx.AsyncClient) -> None:
    first, second, third = [(await send(api, "a"))["contact_id"] for _ in range(3)]
    await act(api, third, "discard", cause="spam")
    await act(api, second, "merge", into=first)
    assert (await send(api, "a"))["follows"] == first


async def test_erased_contact_is_not_followed(api: httpx.AsyncClient) -> None:
    await send(api, "a")
    erased = await api.post("/v1/customers/channel:shop:a/erase", headers=key("admin"))
    assert erased.status_code == 202
    assert (await send(api, "a"))["follows"] is None


async def test_contact_follows_one_of_a_merged_customer(api: httpx.AsyncClient) -> None:
    first = await send(api, "a")
    await send(api, "b", topic="returns")
    await link(api, "channel:shop:a", "channel:shop:b")
    second = await send(api, "b")
    assert second["follows"] == first["contact_id"]
    assert (await send(api, "a"))["follows"] == second["contact_id"]
    await link(api, "channel:shop:a", None)
    assert (await send(api, "b"))["follows"] == second["contact_id"]


async def test_ticket_follows_an_earlier_one_and_is_one_contact(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    for number, ticket in enumerate((1, 2, 1)):
        body = zendesk_body(delivery=f"d-{number}", ticket={"id": ticket, "requester_id": 7})
        assert (await deliver(zendesk, body)).status_code == 200
    first, second = await published_data(database, "contact_received")
    assert (first["follows"], second["follows"]) == (None, first["contact_id"])


async def test_repeated_request_and_known_reference_make_no_second_contact(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, external_ref="T-1")
    again = await api.post("/v1/contacts", json={**CONTACT, "external_ref": "T-1"})
    assert (again.status_code, again.json()["contact_id"]) == (200, contact_id)
    assert len(await published_data(database, "contact_received")) == 1
