"""A contact whose reference is known: the request adds to it, and the answer says what."""

import asyncio
from typing import Any

import httpx
import pytest

from common.contracts.event import CustomerId, SystemName
from common.storage.database import Database
from intake.domain.customers import CustomerStatement
from intake.domain.receipts import Receipt
from intake.reception import ReceiveRequest, prepare, receive_request
from intake.store import UnitOfWork
from intake.use_cases import ReceiveContact
from integration.intake.harness import CONTACT, key, published, published_data
from support.databases import rows, waits_for_lock
from support.waiting import until

CUSTOMER = CustomerId("channel:shop:c-81")
KNOWN = {**CONTACT, "external_ref": "T-7"}


async def send(api: httpx.AsyncClient, status: int = 200, **changes: Any) -> dict[str, Any]:
    answer = await api.post("/v1/contacts", json={**KNOWN, **changes})
    assert answer.status_code == status, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


async def test_text_priority_and_request_are_added_to_the_known_contact(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await send(api, 201)
    assert first["outcome"] == "created"
    added = await send(api, text="Get me your manager now!", priority="urgent")
    assert added == {
        "contact_id": first["contact_id"],
        "outcome": "added",
        "message_id": added["message_id"],
        "supervisor_requested": True,
        "priority": "urgent",
    }
    assert (await published(database))[2:] == [
        "customer_wrote",
        "supervisor_requested",
        "contact_prioritized",
    ]
    shown = (await api.get(f"/v1/contacts/{first['contact_id']}")).json()
    assert [message["text"] for message in shown["messages"]][1:] == ["Get me your manager now!"]
    assert shown["messages"][1]["message_id"] == added["message_id"]
    assert shown["priority"] == "urgent"


async def test_repeated_text_is_not_added_and_does_not_undo_a_raised_priority(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await send(api, 201, priority="normal")
    path = f"/v1/contacts/{first['contact_id']}"
    await api.post(f"{path}/prioritize", json={"priority": "urgent", "reason": "A child."})
    await api.post(f"{path}/messages", json={"author": "customer", "text": "More."})
    done = await published(database)
    for text in (CONTACT["text"], "More."):
        again = await send(api, text=text, priority="normal")
        assert (again["outcome"], again["message_id"]) == ("unchanged", None)
        assert again["priority"] == "urgent"
    assert await published(database) == done


@pytest.mark.parametrize(
    ("changes", "priority", "outcome"),
    [
        ({"text": None, "priority": "low"}, "low", "added"),
        ({"text": "New.", "priority": "low"}, "low", "added"),
        ({"priority": "urgent"}, "urgent", "added"),
        ({"priority": "low"}, "high", "unchanged"),
        ({"text": None}, "high", "unchanged"),
    ],
)
async def test_priority_is_taken_up_unless_the_request_is_a_repeat(
    api: httpx.AsyncClient, changes: dict[str, Any], priority: str, outcome: str
) -> None:
    await send(api, 201)
    receipt = await send(api, **changes)
    assert (receipt["priority"], receipt["outcome"]) == (priority, outcome)


async def test_priority_that_is_not_stated_changes_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await send(api, 201)
    unstated = {name: value for name, value in KNOWN.items() if name != "priority"}
    answer = await api.post("/v1/contacts", json={**unstated, "text": "Still there?"})
    assert answer.json()["priority"] == "high"
    assert "contact_prioritized" not in await published(database)


async def test_text_reopens_the_known_contact(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await send(api, 201)
    await api.post(f"/v1/contacts/{first['contact_id']}/resolve", json={})
    assert (await send(api))["outcome"] == "unchanged"
    assert (await send(api, text="It is back."))["outcome"] == "added"
    assert (await published(database))[-2:] == ["contact_reopened", "customer_wrote"]


async def test_known_contact_of_another_customer_is_refused_and_nothing_is_added(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await send(api, 201)
    done = await published(database)
    body = {**KNOWN, "customer": {"customer_id": "c-82"}, "text": "Other."}
    answer = await api.post("/v1/contacts", json=body)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:upstairs:problem:contact-of-another-customer"
    assert await published(database) == done
    assert len(await rows(database, "SELECT customer_id FROM customers")) == 1


async def test_keyed_request_about_a_known_contact_is_added_once_and_answered_alike(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await send(api, 201)
    body, headers = {**KNOWN, "text": "Hello?"}, {"Idempotency-Key": "k1"}
    added = await api.post("/v1/contacts", json=body, headers=headers)
    await send(api, text="In between.")
    again = await api.post("/v1/contacts", json=body, headers=headers)
    assert (again.status_code, again.json()) == (200, added.json())
    assert "Idempotency-Replayed" not in added.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert added.json()["contact_id"] == first["contact_id"]
    assert (await published(database)).count("customer_wrote") == 3


async def test_requests_at_the_same_time_make_one_contact_with_all_texts(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    answers = await asyncio.gather(
        *(api.post("/v1/contacts", json={**KNOWN, "text": f"Text {n}."}) for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["contact_id"] for answer in answers}) == 1
    texts = await rows(database, "SELECT text FROM messages")
    assert sorted(row.text for row in texts) == [f"Text {n}." for n in range(6)]


async def test_customer_keeps_unstated_fields(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    vip = {"customer_id": "c-1", "name": "Ada", "tier": "vip", "region": "Kent"}
    await api.post("/v1/contacts", json={**CONTACT, "customer": vip})
    said = [
        {"customer_id": "c-1"},
        {"customer_id": "c-1", "name": None, "region": None},
        {"customer_id": "c-1", "region": "Surrey"},
        {"customer_id": "c-1", "tier": "standard"},
    ]
    for customer in said:
        answer = await api.post("/v1/contacts", json={**CONTACT, "customer": customer})
        assert answer.status_code == 201
    received = [event["customer"] for event in await published_data(database, "contact_received")]
    assert [(each["name"], each["tier"], each["region"]) for each in received] == [
        ("Ada", "vip", "Kent"),
        ("Ada", "vip", "Kent"),
        ("Ada", "vip", "Kent"),
        ("Ada", "vip", "Surrey"),
        ("Ada", "standard", "Surrey"),
    ]


async def test_customer_of_whom_nothing_is_said_is_standard(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await api.post("/v1/contacts", json={**CONTACT, "customer": {"customer_id": "c-2"}})
    (received,) = await published_data(database, "contact_received")
    assert received["customer"] == {
        "customer_id": "channel:shop:c-2",
        "name": None,
        "tier": "standard",
        "region": None,
    }


async def test_customer_keeps_fields_of_simultaneous_requests(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    said = [{"name": "Ada"}, {"tier": "vip"}, {"region": "Kent"}]
    await asyncio.gather(
        *(
            api.post(
                "/v1/contacts",
                json={**CONTACT, "customer": {"customer_id": "c-3", **each}},
                headers=key("channel"),
            )
            for each in said
        )
    )
    (customer,) = await rows(database, "SELECT name, tier, region FROM customers")
    assert tuple(customer) == ("Ada", "vip", "Kent")


async def test_batch_locks_contacts_and_customers_in_the_order_of_all(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    """A merge locks contacts by id, then customers; in another order a batch would deadlock."""
    first, second = [(await send(api, 201, external_ref=ref))["contact_id"] for ref in ("A", "B")]
    batch = [ReceiveRequest(more_about("B"), None), ReceiveRequest(more_about("A"), None)]

    async def receive_all() -> list[Receipt]:
        async with database.transaction() as uow:
            await prepare(batch, uow)
            return [await receive_request(request, uow) for request in batch]

    async with asyncio.TaskGroup() as tasks, database.transaction() as uow:
        await uow.contacts.lock_all([first])
        receiving = tasks.create_task(receive_all())
        await until(lambda: waits_for_lock(database))
        await uow.contacts.lock_all([second])
    assert [receipt.contact_id for receipt in receiving.result()] == [second, first]


def more_about(external_ref: str) -> ReceiveContact:
    return ReceiveContact(
        received_from=SystemName("channel:shop"),
        customer=CustomerStatement(CUSTOMER),
        channel="chat",
        subject="s",
        topic="billing",
        language="en",
        priority="normal",
        text="More.",
        external_ref=external_ref,
    )
