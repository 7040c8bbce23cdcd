"""Signed webhooks of Zendesk become contacts, once, in whatever order they come."""

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import (
    deliver,
    key,
    nothing_happened,
    published,
    zendesk_body,
    zendesk_headers,
)
from support.databases import rows


async def test_ticket_becomes_a_contact_by_its_tags(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    answer = await deliver(zendesk, zendesk_body())
    assert answer.status_code == 200
    (contact,) = await rows(database, "SELECT * FROM contacts")
    assert (contact.topic, contact.language, contact.external_ref) == ("billing", "es", "5158")
    assert contact.campaign == "invoices-of-march"
    assert await published(database) == ["contact_received", "customer_wrote"]


async def test_repeated_delivery_is_answered_alike_and_changes_nothing(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = (await deliver(zendesk, zendesk_body())).json()
    again = await deliver(zendesk, zendesk_body())
    assert again.status_code == 200
    (result,) = first["results"]
    assert result["repeated"] is False
    assert again.json() == {"results": [{**result, "repeated": True}], "kept": False}
    assert await published(database) == ["contact_received", "customer_wrote"]


async def test_comment_before_its_ticket_makes_the_contact(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    comment = {"body": "Let me talk to your manager", "author": {"id": 1, "is_staff": False}}
    early = await deliver(zendesk, zendesk_body("ticket.comment_added", "d-2", comment=comment))
    late = await deliver(zendesk, zendesk_body())
    assert early.json() == late.json()
    assert await published(database) == [
        "contact_received",
        "customer_wrote",
        "customer_wrote",
        "supervisor_requested",
    ]


async def test_solved_ticket_resolves_its_contact_once(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await deliver(zendesk, zendesk_body())
    for delivery in ("d-2", "d-3"):
        body = zendesk_body("ticket.status_changed", delivery, current="SOLVED", previous="OPEN")
        assert (await deliver(zendesk, body)).status_code == 200
    assert (await published(database))[2:] == ["contact_resolved"]


async def test_wrong_signature_is_refused(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path, body = "/v1/channels/zendesk/acme", zendesk_body()
    refused = [
        await zendesk.post(path, content=body),
        await deliver(zendesk, body, secret="a-guess"),
        await deliver(zendesk, body, age=timedelta(minutes=6)),
        await zendesk.post(path, content=body + b" ", headers=zendesk_headers(body)),
    ]
    assert [answer.status_code for answer in refused] == [401] * 4
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    assert await nothing_happened(database)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"type": "zen:event-type:ticket.created"}'])
async def test_signed_but_malformed_body_is_kept(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], body: bytes
) -> None:
    answer = await deliver(zendesk, body)
    assert (answer.status_code, answer.json()["kept"]) == (202, True)
    (letter,) = await rows(database, "SELECT payload FROM dead_letters")
    assert letter.payload == body
    assert await nothing_happened(database)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "detail: is missing"),
        ({"detail": 7}, "detail: must be an object with named fields"),
        ({"detail": []}, "detail: must be an object with named fields"),
        ({"detail": {}}, "detail/id: is missing"),
        ({"detail": {"id": []}}, "detail/id: must be a text"),
        ({"detail": {"id": ""}}, "detail/id: must have at least 1 character"),
        ({"detail": {"id": "7" * 301}}, "detail/id: must have at most 300 characters"),
    ],
)
async def test_reason_of_a_malformed_body_is_said_in_words(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], fields: dict[str, Any], reason: str
) -> None:
    body = orjson.dumps({"id": "d", "type": "zen:event-type:ticket.created", **fields})
    assert (await deliver(zendesk, body)).status_code == 202
    (letter,) = await rows(database, "SELECT reason FROM dead_letters")
    assert letter.reason == f"UnreadableDeliveryError: {reason}"


async def test_unknown_connection_is_answered_as_a_wrong_signature(
    zendesk: httpx.AsyncClient,
) -> None:
    body = zendesk_body()
    signed = zendesk_headers(body)
    unknown = await zendesk.post("/v1/channels/zendesk/other", content=body, headers=signed)
    wrong = await zendesk.post(
        "/v1/channels/zendesk/acme", content=body, headers=zendesk_headers(b"another body")
    )
    assert (unknown.status_code, unknown.content) == (401, wrong.content)
    assert wrong.status_code == 401
    assert unknown.headers.keys() == wrong.headers.keys()


async def test_nul_anywhere_in_a_delivery_is_left_out(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    staff = {"body": "Hi\x00", "author": {"id": "9\x00", "is_staff": True}}
    body = zendesk_body("ticket.comment_added", "d\x00-7\x00\x00", comment=staff)
    assert b"\\u0000" in body
    assert (await deliver(zendesk, body)).status_code == 200
    ticket = zendesk_body("ticket.crea\x00ted", "d-8", {"id": "51\x0059", "requester_id": "\x007"})
    assert (await deliver(zendesk, ticket)).status_code == 200
    contacts = await rows(database, "SELECT external_ref, customer_id FROM contacts")
    assert ("5159", "zendesk:acme:7") in [tuple(contact) for contact in contacts]


async def test_backslash_before_u0000_is_kept(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    assert (await deliver(zendesk, zendesk_body(ticket={"subject": "\\u0000"}))).status_code == 200
    (contact,) = await rows(database, "SELECT subject FROM contacts")
    assert contact.subject == "\\u0000"


async def test_id_of_a_ticket_is_bounded(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    answer = await deliver(zendesk, zendesk_body(ticket={"id": "7" * 301}))
    assert answer.status_code == 202
    (letter,) = await rows(database, "SELECT reason FROM dead_letters")
    assert "detail/id" in letter.reason


async def test_null_is_a_missing_field(zendesk: httpx.AsyncClient) -> None:
    comment = {"body": "Hi", "is_public": None, "author": None}
    body = zendesk_body("ticket.comment_added", "d-9", {"tags": None}, comment=comment)
    assert (await deliver(zendesk, body)).status_code == 200


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"topic": "two words"}, "body/options/topic"),
        ({"language": "English"}, "body/options/language"),
        ({"topic_by_tag": {"a": "nul\x00"}}, "body/options/topic_by_tag/a"),
    ],
)
async def test_options_that_no_contact_may_have_are_invalid(
    api: httpx.AsyncClient, options: dict[str, Any], place: str
) -> None:
    body = {"secret": "s", "options": options}
    answer = await api.put("/v1/channels/zendesk/new", json=body, headers=key("admin"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == place
