"""Who is the same customer: by id, by a verified address, and never by a claim alone."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.customer_harness import (
    contacts_of,
    email,
    link,
    open_api,
    phone,
    send,
    show,
)
from integration.intake.harness import CONTACT, assign, key, published_data
from support.databases import rows

PROVING = ["channel:shop", "channel:acme"]
ADA = "ada@example.com"


@pytest.fixture
async def proving(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """The API; `shop` and `acme` verify addresses, and the chat `kiosk` does not."""
    async with open_api(database, proving_systems=PROVING, default_region="GB") as api:
        yield api


async def test_new_customer_with_a_verified_address_of_another_one_joins_it(
    proving: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await send(
        proving,
        "c-1",
        email(ADA, verified=True),
        about={"name": "Ada Lovelace", "tier": "vip"},
    )
    second = await send(proving, "a-9", email("ADA@Example.com", verified=True), caller="acme")
    shown = await show(proving, "channel:acme:a-9")
    assert shown["survivor_id"] == "channel:shop:c-1"
    assert [member["customer_id"] for member in shown["members"]] == [
        "channel:acme:a-9",
        "channel:shop:c-1",
    ]
    (merge,) = shown["merges"]
    assert (merge["action"], merge["reason"], merge["by"], merge["reported_by"]) == (
        "merged",
        "the same verified address",
        None,
        None,
    )
    both = [second["contact_id"], first["contact_id"]]
    assert await contacts_of(proving, "channel:shop:c-1") == both
    assert await contacts_of(proving, "channel:acme:a-9") == both
    # Other services hear of one customer only.
    for received in await published_data(database, "contact_received"):
        assert received["customer"]["customer_id"] == "channel:shop:c-1"
        assert (received["customer"]["name"], received["customer"]["tier"]) == (
            "Ada Lovelace",
            "vip",
        )


async def test_number_in_another_form_is_the_same_number(proving: httpx.AsyncClient) -> None:
    await send(proving, "c-1", phone("+442079460018", verified=True))
    await send(proving, "a-9", phone("020 7946 0018", verified=True), caller="acme")
    assert (await show(proving, "channel:acme:a-9"))["survivor_id"] == "channel:shop:c-1"


@pytest.mark.parametrize("verified", [False, True])
async def test_visitor_who_types_the_address_of_another_customer_gets_nothing_of_it(
    proving: httpx.AsyncClient, database: Database[UnitOfWork], *, verified: bool
) -> None:
    """Whatever the chat says: it is not among the systems that verify addresses."""
    victim = await send(proving, "c-1", email(ADA, verified=True), about={"tier": "vip"})
    attacker = await send(proving, "visitor", email(ADA, verified=verified), caller="kiosk")
    assert attacker["follows"] is None
    assert await contacts_of(proving, "channel:kiosk:visitor") == [attacker["contact_id"]]
    assert await contacts_of(proving, "channel:shop:c-1") == [victim["contact_id"]]
    received = (await published_data(database, "contact_received"))[1]["customer"]
    assert (received["customer_id"], received["tier"]) == ("channel:kiosk:visitor", "standard")
    # A supervisor sees that they may be one person, and that nobody has proof.
    suggestions = (await show(proving, "channel:shop:c-1"))["suggestions"]
    assert [(each["customer_id"], each["verified"]) for each in suggestions] == [
        ("channel:kiosk:visitor", False)
    ]


async def test_claim_made_before_the_owner_comes_catches_nothing(
    proving: httpx.AsyncClient,
) -> None:
    attacker = await send(proving, "visitor", email(ADA, verified=True), caller="kiosk")
    victim = await send(proving, "c-1", email(ADA, verified=True))
    assert (await show(proving, "channel:shop:c-1"))["survivor_id"] == "channel:shop:c-1"
    assert await contacts_of(proving, "channel:kiosk:visitor") == [attacker["contact_id"]]
    assert await contacts_of(proving, "channel:shop:c-1") == [victim["contact_id"]]


async def test_customer_with_contacts_joins_nobody_without_a_person(
    proving: httpx.AsyncClient,
) -> None:
    await send(proving, "c-1", email(ADA, verified=True))
    await send(proving, "a-9", caller="acme")
    await send(proving, "a-9", email(ADA, verified=True), caller="acme")
    shown = await show(proving, "channel:acme:a-9")
    assert shown["survivor_id"] == "channel:acme:a-9"
    assert [each["customer_id"] for each in shown["suggestions"]] == ["channel:shop:c-1"]


async def test_address_of_two_customers_joins_neither(proving: httpx.AsyncClient) -> None:
    """As the number of a family."""
    home = phone("020 7946 0018", verified=True)
    await send(proving, "mother")
    await send(proving, "mother", home)
    await send(proving, "daughter")
    await send(proving, "daughter", home)
    await send(proving, "a-9", home, caller="acme")
    assert (await show(proving, "channel:acme:a-9"))["survivor_id"] == "channel:acme:a-9"


async def test_unmerged_customer_does_not_join_again(proving: httpx.AsyncClient) -> None:
    await send(proving, "c-1", email(ADA, verified=True))
    await send(proving, "a-9", email(ADA, verified=True), caller="acme")
    await link(proving, "channel:acme:a-9", None)
    await send(proving, "a-9", email(ADA, verified=True), caller="acme")
    assert (await show(proving, "channel:acme:a-9"))["survivor_id"] == "channel:acme:a-9"


async def test_new_customers_of_one_moment_and_address_lose_nothing(
    proving: httpx.AsyncClient,
) -> None:
    sent = await asyncio.gather(
        *(
            send(proving, f"x-{number}", email(ADA, verified=True), caller=caller)
            for number in range(6)
            for caller in ("channel", "acme")
        )
    )
    shown = [await show(proving, contact["customer_id"]) for contact in sent]
    for customer, contact in zip(shown, sent, strict=True):
        ids = await contacts_of(proving, customer["survivor_id"])
        assert contact["contact_id"] in ids


async def test_addresses_are_kept_and_found_by_supervisors(proving: httpx.AsyncClient) -> None:
    await send(proving, "c-1", email(ADA), phone("020 7946 0018"))
    await send(proving, "c-1", email("lovelace@example.com"))
    shown = await show(proving, "channel:shop:c-1")
    assert {(each["kind"], each["address"]) for each in shown["addresses"]} == {
        ("email", ADA),
        ("email", "lovelace@example.com"),
        ("phone", "+442079460018"),
    }
    for query in ({"email": "Ada@EXAMPLE.com"}, {"phone": "(020) 7946 0018"}):
        answer = await proving.get("/v1/customers", params=query, headers=key("supervisor"))
        items = [{"customer_id": "channel:shop:c-1", "verified": False}]
        assert answer.json() == {"items": items, "next_cursor": None}
        refused = await proving.get("/v1/customers", params=query, headers=key("representative"))
        assert refused.status_code == 403
    none = {"email": "nobody@example.com"}
    answer = await proving.get("/v1/customers", params=none, headers=key("supervisor"))
    assert answer.json()["items"] == []


async def test_customers_with_one_address_come_in_pages(proving: httpx.AsyncClient) -> None:
    for name in ("b", "c", "a"):
        await send(proving, name, email(ADA))
    listed, query = [], {"email": ADA, "limit": "2"}
    for count in (2, 1):
        answer = await proving.get("/v1/customers", params=query, headers=key("supervisor"))
        items = answer.json()["items"]
        assert len(items) == count
        listed += [item["customer_id"] for item in items]
        query["cursor"] = answer.json()["next_cursor"]
    assert listed == ["channel:shop:a", "channel:shop:b", "channel:shop:c"]


@pytest.mark.parametrize(
    "query", [{}, {"email": ADA, "phone": "+442079460018"}, {"email": "ada"}, {"phone": "12"}]
)
async def test_look_up_without_one_address_is_refused(
    proving: httpx.AsyncClient, query: dict[str, str]
) -> None:
    refused = await proving.get("/v1/customers", params=query, headers=key("supervisor"))
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:upstairs:problem:invalid")


async def test_text_that_is_no_address_is_refused_by_its_place(
    proving: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    customer = {"customer_id": "c-1", "addresses": [email(ADA), phone("none")]}
    refused = await proving.post("/v1/contacts", json={**CONTACT, "customer": customer})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].endswith("customer/addresses/1/address")
    assert await rows(database, "SELECT customer_id FROM customers") == []


async def test_addresses_without_proof_are_bounded(proving: httpx.AsyncClient) -> None:
    for batch in range(7):
        addresses = [email(f"a{batch}-{number}@example.com") for number in range(10)]
        await send(proving, "bot", *addresses, caller="kiosk")
    shown = await show(proving, "channel:kiosk:bot")
    assert len(shown["addresses"]) == 50


async def test_representative_sees_masked_addresses_of_own_customers_only(
    proving: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact = await send(proving, "c-1", email(ADA), phone("020 7946 0018"))
    await send(proving, "visitor", email(ADA), caller="kiosk")
    path = "/v1/customers/channel:shop:c-1"
    hidden = await proving.get(path, headers=key("representative"))
    assert (hidden.status_code, hidden.json()["type"]) == (
        404,
        "urn:upstairs:problem:customer-not-found",
    )
    await assign(database, contact["contact_id"])
    shown = await show(proving, "channel:shop:c-1", "representative")
    assert {each["address"] for each in shown["addresses"]} == {"a***@example.com", "***18"}
    assert (shown["suggestions"], shown["merges"]) == ([], [])
    assert [each["contact_id"] for each in shown["contacts"]] == [contact["contact_id"]]
    assert (await proving.get(path)).status_code == 403
