"""A person merges customers, and takes that back; other services hear whose a contact is."""

import asyncio
from functools import partial
from typing import Any

import httpx
import pytest

from common.contracts.event import CustomerId, SystemName
from common.storage.database import Database
from intake.customers import merges
from intake.domain.addresses import Address
from intake.domain.customers import CustomerStatement
from intake.reception import ReceiveRequest, receive
from intake.store import UnitOfWork
from intake.use_cases import ReceiveContact
from integration.intake.customer_harness import (
    contacts_of,
    email,
    link,
    path_of,
    send,
    show,
)
from integration.intake.harness import key, published_data
from support.databases import rows, waits_for_lock
from support.waiting import until

A, B, C = (f"channel:shop:{name}" for name in "abc")


async def changed(database: Database[UnitOfWork]) -> list[tuple[str, str]]:
    """Return the contacts whose customer has changed, with the customer, as published."""
    return [
        (event["contact_id"], event["customer"]["customer_id"])
        for event in await published_data(database, "contact_customer_changed")
    ]


async def test_merge_and_unmerge_are_published_and_restore_who_had_what(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await send(api, "a", email("a@example.com"), about={"name": "Ann", "tier": "vip"})
    second = await send(api, "b", email("b@example.com"), about={"name": "Ann Bee"})
    before = [await show(api, customer) for customer in (A, B)]
    merged = await link(api, A, B)
    assert (merged["merged_into"], merged["survivor_id"], merged["version"]) == (B, B, 2)
    shown = await show(api, B)
    assert [each["customer_id"] for each in shown["addresses"]] == [B, A]
    assert [each["contact_id"] for each in shown["contacts"]] == [
        second["contact_id"],
        first["contact_id"],
    ]
    (record,) = shown["merges"]
    assert (record["action"], record["reason"], record["by"]) == ("merged", "She says so.", "sara")
    # Contacts that come for the merged id are the survivor's.
    third = await send(api, "a")
    received = (await published_data(database, "contact_received"))[-1]["customer"]
    assert (received["customer_id"], received["name"], received["tier"]) == (B, "Ann Bee", "vip")
    assert third["contact_id"] in await contacts_of(api, B)

    assert (await link(api, A, None))["merged_into"] is None
    own = [third["contact_id"], first["contact_id"]]
    assert (await contacts_of(api, A), await contacts_of(api, B)) == (own, [second["contact_id"]])
    for customer, earlier in zip((A, B), before, strict=True):
        now = await show(api, customer)
        assert (now["addresses"], now["members"]) == (earlier["addresses"], earlier["members"])
    assert await changed(database) == [
        (first["contact_id"], B),
        (first["contact_id"], A),
        (third["contact_id"], A),
    ]


async def test_chain_is_followed_and_may_be_cut_anywhere(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    a, b, c = [(await send(api, name))["contact_id"] for name in "abc"]
    await link(api, A, B)
    await link(api, B, C)
    for customer in (A, B, C):
        assert await contacts_of(api, customer) == [c, b, a]
    await link(api, A, None)
    assert (await contacts_of(api, A), await contacts_of(api, B)) == ([a], [c, b])
    await link(api, B, None)
    assert (await contacts_of(api, B), await contacts_of(api, C)) == ([b], [c])
    assert await changed(database) == [(a, B), (a, C), (b, C), (a, A), (b, B)]


async def test_same_merge_again_changes_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await send(api, "a")
    await send(api, "b")
    for action in (B, None):
        once = await link(api, A, action)
        assert await link(api, A, action, if_match='"1"') == once
    assert len(await changed(database)) == 2
    assert len((await show(api, A))["merges"]) == 2


async def test_merge_of_what_has_changed_since_it_was_read_is_refused(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await send(api, "a")
    await send(api, "b")
    read = await api.get(path_of(A), headers=key("supervisor"))
    await link(api, A, B)
    await link(api, A, None)
    stale = await link(api, A, B, 412, if_match=read.headers["ETag"])
    assert stale["type"] == "urn:upstairs:problem:stale"
    now = (await api.get(path_of(A), headers=key("supervisor"))).headers["ETag"]
    assert (await link(api, A, B, if_match=now))["merged_into"] == B
    assert len(await changed(database)) == 3


@pytest.mark.parametrize(
    ("customer", "into", "status", "code"),
    [
        (C, C, 409, "customer-merge-target"),
        (B, A, 409, "customer-merge-target"),
        (A, C, 409, "customer-merged"),
        (A, "channel:shop:unknown", 409, "customer-merge-target"),
        ("channel:shop:unknown", A, 404, "customer-not-found"),
        ("channel:shop:unknown", None, 404, "customer-not-found"),
    ],
)
async def test_merge_that_leads_nowhere_is_refused(
    api: httpx.AsyncClient, customer: str, into: str | None, status: int, code: str
) -> None:
    for name in "abc":
        await send(api, name)
    await link(api, A, B)
    refused = await link(api, customer, into, status)
    assert refused["type"] == f"urn:upstairs:problem:{code}"
    assert refused.get("merged_into") == (B if code == "customer-merged" else None)


@pytest.mark.parametrize("caller", ["channel", "representative"])
async def test_merge_needs_a_supervisor(api: httpx.AsyncClient, caller: str) -> None:
    await send(api, "a")
    await send(api, "b")
    for action, body in (("merge", {"into": B, "reason": "x"}), ("unmerge", {"reason": "x"})):
        refused = await api.post(f"{path_of(A)}/{action}", json=body, headers=key(caller))
        assert refused.status_code == 403


async def test_merges_that_cross_each_other_make_no_circle(api: httpx.AsyncClient) -> None:
    for name in "abc":
        await send(api, name)

    async def attempt(customer: str, into: str) -> int:
        body = {"into": into, "reason": "both"}
        path = f"{path_of(customer)}/merge"
        return (await api.post(path, json=body, headers=key("supervisor"))).status_code

    statuses = await asyncio.gather(attempt(A, B), attempt(B, C), attempt(C, A))
    assert sorted(statuses) == [200, 200, 409]
    assert len({(await show(api, customer))["survivor_id"] for customer in (A, B, C)}) == 1


async def test_contacts_that_come_during_merges_are_published_with_their_last_customer(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await send(api, "a")
    await send(api, "b")

    async def turn() -> None:
        for into in (B, None, B):
            await link(api, A, into)

    await asyncio.gather(turn(), *(send(api, "a") for _ in range(20)))
    last: dict[str, str] = {}
    events = await rows(
        database,
        """SELECT key, data->'customer'->>'customer_id' AS customer FROM published_events
            WHERE data->'customer' IS NOT NULL ORDER BY key, sequence""",
    )
    for event in events:
        last[event.key] = event.customer
    assert set(last.values()) == {B}
    assert len(last) == 22


@pytest.mark.parametrize("customer", ["a", "new"])
async def test_merge_waits_for_a_contact_that_is_being_taken_in(
    api: httpx.AsyncClient, database: Database[UnitOfWork], customer: str
) -> None:
    """Also for one of a customer who joins the merged one at this moment."""
    ada = Address("email", "ada@example.com", verified=True)
    async with database.transaction() as uow:
        await uow.customers.describe([CustomerStatement(CustomerId(A), addresses=(ada,))])
    await send(api, "b")
    command = ReceiveContact(
        received_from=SystemName("channel:shop"),
        customer=CustomerStatement(CustomerId(f"channel:shop:{customer}"), addresses=(ada,)),
        channel="chat",
        subject="s",
        topic="billing",
        language="en",
        priority="normal",
    )
    async with asyncio.TaskGroup() as tasks, database.transaction() as uow:
        await receive(ReceiveRequest(command, None), uow)
        merging = tasks.create_task(link(api, A, B))
        await until(partial(waits_for_a_lock_or_is_done, database, merging))
        assert not merging.done()
    assert (command.contact_id, B) in await changed(database)


async def waits_for_a_lock_or_is_done(
    database: Database[UnitOfWork], task: asyncio.Task[dict[str, Any]]
) -> bool:
    return await waits_for_lock(database) or task.done()


async def test_contacts_of_merged_customers_can_be_merged_and_followed(
    api: httpx.AsyncClient,
) -> None:
    first, second = await send(api, "a"), await send(api, "b", external_ref="T-1")
    into: dict[str, Any] = {"into": second["contact_id"]}
    merge = f"/v1/contacts/{first['contact_id']}/merge"
    assert (await api.post(merge, json=into)).status_code == 422
    await link(api, A, B)
    assert (await api.post(merge, json=into)).status_code == 202
    third = await send(api, "a", follows=second["contact_id"])
    assert third["follows"] == second["contact_id"]
    # The ticket's requester is the same person under another id.
    again = {
        "channel": "chat",
        "customer": {"customer_id": "a"},
        "subject": "More",
        "topic": "billing",
        "external_ref": "T-1",
        "text": "And one more thing.",
    }
    assert (await api.post("/v1/contacts", json=again)).status_code == 200


async def test_customer_with_too_many_contacts_is_not_merged(
    api: httpx.AsyncClient, database: Database[UnitOfWork], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merges, "MAX_CONTACTS", 2)
    for name in "aaab":
        await send(api, name)
    refused = await link(api, A, B, 409)
    assert refused["type"] == "urn:upstairs:problem:too-many-contacts"
    assert (await show(api, A))["merges"] == []
    assert await changed(database) == []
