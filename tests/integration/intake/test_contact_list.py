"""The list of contacts: filters, pages, and who sees which."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from common.contracts.event import CustomerId
from common.storage.database import Database
from intake.domain.actors import Actor
from intake.domain.model import ContactFilters
from intake.store import UnitOfWork
from integration.intake.harness import accept, assign, deliver, key, zendesk_body
from support.table_reads import record_reads


async def listed(api: httpx.AsyncClient, caller: str = "channel", **filters: Any) -> list[str]:
    answer = await api.get("/v1/contacts", params=filters, headers=key(caller))
    assert answer.status_code == 200, answer.text
    return [item["contact_id"] for item in answer.json()["items"]]


async def test_list_shows_what_the_contact_shows_but_its_messages(api: httpx.AsyncClient) -> None:
    contact_id = await accept(api, external_ref="T-7")
    (item,) = (await api.get("/v1/contacts")).json()["items"]
    whole = (await api.get(f"/v1/contacts/{contact_id}")).json()
    assert item == {n: v for n, v in whole.items() if n not in ("messages", "next_cursor")}


async def test_filter_leaves_matching_contacts_only(api: httpx.AsyncClient) -> None:
    other = await accept(api, customer={"customer_id": "c-1"})
    wanted = await accept(api, external_ref="T-7", customer={"customer_id": "c-2"})
    await api.post(f"/v1/contacts/{wanted}/wait-for-customer")
    assert await listed(api) == [wanted, other]
    assert await listed(api, state="waiting_on_customer") == [wanted]
    assert await listed(api, state=["waiting_on_customer", "open"]) == [wanted, other]
    assert await listed(api, customer="channel:shop:c-2") == [wanted]
    assert await listed(api, external_ref="T-7") == [wanted]
    assert await listed(api, external_ref="T-7", state="open") == []
    assert await listed(api, received_from="channel:shop") == [wanted, other]
    assert await listed(api, received_from="zendesk:acme") == []


async def test_changed_since_shows_what_was_written_or_changed(api: httpx.AsyncClient) -> None:
    changed = await accept(api)
    await accept(api)
    since = (await api.get(f"/v1/contacts/{changed}")).json()["changed_at"]
    newer = await accept(api)
    body = {"author": "customer", "text": "More."}
    await api.post(f"/v1/contacts/{changed}/messages", json=body)
    moved = (await api.get(f"/v1/contacts/{changed}")).json()["changed_at"]
    assert moved > since
    assert await listed(api, changed_since=moved) == [changed]
    assert newer in await listed(api, changed_since=since)


async def test_pages_follow_each_other_and_a_cursor_fits_its_filters(
    api: httpx.AsyncClient,
) -> None:
    made = [await accept(api) for _ in range(5)]
    collected, cursor = [], None
    while True:
        params = {"limit": "2", "state": "open"} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/v1/contacts", params=params)).json()
        collected += [item["contact_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        other = await api.get("/v1/contacts", params={"cursor": cursor, "state": "resolved"})
        assert other.status_code == 422
    assert collected == made[::-1]


@pytest.mark.parametrize(
    "filters",
    [
        {"state": "asleep"},
        {"changed_since": "yesterday"},
        {"changed_since": "2026-03-02T10:00:00"},
        {"limit": 0},
        {"colour": "red"},
        {"cursor": "x"},
    ],
)
async def test_invalid_filter_is_refused(api: httpx.AsyncClient, filters: dict[str, Any]) -> None:
    answer = await api.get("/v1/contacts", params=filters)
    assert answer.status_code == 422
    assert "query/" in answer.json()["detail"]


async def test_caller_sees_the_contacts_that_they_may_read(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await deliver(zendesk, zendesk_body())
    zendesk.headers.update(key("channel"))
    mine = await accept(zendesk, external_ref="5158")
    had = await accept(zendesk)
    zendesk.headers.update(key("kiosk"))
    other = await accept(zendesk, external_ref="5158")
    await assign(database, had)
    await assign(database, had, "bruno")
    await assign(database, other)

    assert await listed(zendesk, "channel") == [had, mine]
    assert await listed(zendesk, "channel", external_ref="5158") == [mine]
    assert await listed(zendesk, "kiosk") == [other]
    assert await listed(zendesk, "kiosk", received_from="channel:shop") == []
    assert await listed(zendesk, "representative") == [other, had]
    assert len(await listed(zendesk, "supervisor")) == 4
    assert len(await listed(zendesk, "admin", external_ref="5158")) == 3


async def test_list_of_a_customer_reads_the_contacts_of_that_customer_only(
    database: Database[UnitOfWork],
) -> None:
    contact_id = "CAST(lpad(to_hex(n), 32, '0') AS uuid)"
    async with database.transaction() as uow:
        await uow.connection.execute(
            text("INSERT INTO customers (customer_id) VALUES ('shop:often'), ('shop:seldom')")
        )
        await uow.connection.execute(
            text(f"""
            INSERT INTO contacts (contact_id, state, channel, received_from, customer_id, subject,
                topic, language, priority, received_at, changed_at, resolution_no)
            SELECT {contact_id}, 'open', 'chat', 'channel:shop',
                CASE n % 100 WHEN 0 THEN 'shop:seldom' ELSE 'shop:often' END, '?', 'billing', 'en',
                'normal', now(), now(), 0
            FROM generate_series(1, 3000) AS n
            """)
        )
    async with (
        database.transaction() as uow,
        record_reads(uow.connection, "contacts") as reads,
    ):
        page = await uow.contacts.page(
            ContactFilters(customer_id=CustomerId("shop:seldom")), Actor("all"), None, 6
        )
    assert [contact.customer_id for contact in page] == ["shop:seldom"] * 6
    (read,) = reads
    assert read.scans == 0
    assert read.rows <= 10
