"""Signed webhooks in, contacts out: once for each ticket, whatever the order and the repeats."""

from datetime import timedelta

import httpx
import pytest

from common.database import Database
from intake.store import UnitOfWork
from integration.intake.examples import deliver, nothing_happened, published, signed, told
from support.databases import rows


async def test_a_ticket_becomes_a_contact_by_its_tags(
    webhook: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    answer = await deliver(webhook, told())
    assert answer.status_code == 200
    (contact,) = await rows(database, "SELECT * FROM contacts")
    assert (contact.topic, contact.language, contact.external_ref) == ("billing", "es", "5158")
    assert contact.campaign == "invoices-of-march"
    assert await published(database) == ["contact_received", "customer_wrote"]


async def test_a_repeated_delivery_is_answered_alike_and_does_nothing(
    webhook: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = (await deliver(webhook, told())).json()
    again = await deliver(webhook, told())
    assert again.status_code == 200
    assert again.json() == {"contact_id": first["contact_id"], "repeated": True}
    assert await published(database) == ["contact_received", "customer_wrote"]


async def test_news_that_comes_before_the_ticket_makes_the_contact(
    webhook: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    comment = {"body": "Let me talk to your manager", "author": {"id": 1, "is_staff": False}}
    early = await deliver(webhook, told("ticket.comment_added", "d-2", comment=comment))
    late = await deliver(webhook, told())
    assert early.json()["contact_id"] == late.json()["contact_id"]
    assert await published(database) == [
        "contact_received",
        "customer_wrote",
        "customer_wrote",
        "supervisor_requested",
    ]


async def test_solved_in_zendesk_is_resolved_here_once(
    webhook: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await deliver(webhook, told())
    for delivery in ("d-2", "d-3"):
        body = told("ticket.status_changed", delivery, current="SOLVED", previous="OPEN")
        assert (await deliver(webhook, body)).status_code == 200
    assert (await published(database))[2:] == ["contact_resolved"]


async def test_what_is_not_signed_well_is_refused(
    webhook: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path, body = "/v1/channels/zendesk/acme", told()
    refused = [
        await webhook.post(path, content=body),
        await deliver(webhook, body, secret="a-guess"),
        await deliver(webhook, body, age=timedelta(minutes=6)),
        await webhook.post(path, content=body + b" ", headers=signed(body)),
    ]
    assert [answer.status_code for answer in refused] == [401] * 4
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    assert await nothing_happened(database)


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 422), (b'{"id": "d", "type": "t"}', 422)]
)
async def test_what_is_signed_but_broken_is_refused(
    webhook: httpx.AsyncClient, database: Database[UnitOfWork], body: bytes, status: int
) -> None:
    answer = await deliver(webhook, body)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert await nothing_happened(database)


async def test_a_connection_that_is_not_set_up_is_not_found(webhook: httpx.AsyncClient) -> None:
    body = told()
    answer = await webhook.post("/v1/channels/zendesk/other", content=body, headers=signed(body))
    assert answer.status_code == 404
