"""Intake's promise: accepted means safe, refused means nothing was written or published."""

import asyncio
from typing import Any

import httpx
import pytest

from common.database import Database
from common.http import MAX_BODY_BYTES
from intake.store import UnitOfWork
from integration.intake.conftest import key
from integration.intake.examples import CONTACT, accepted, nothing_happened, published
from support.databases import rows


async def test_an_accepted_contact_is_kept_and_published(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accepted(api)
    shown = (await api.get(f"/v1/contacts/{contact_id}")).json()
    assert (shown["state"], shown["topic"], shown["escalation"]) == ("open", "billing", None)
    assert [message["text"] for message in shown["messages"]] == [CONTACT["text"]]
    assert await published(database) == ["contact_received", "customer_wrote"]
    (sequences,) = await rows(database, "SELECT array_agg(sequence ORDER BY id) s FROM outbox")
    assert sequences.s == [1, 2]


async def test_a_campaign_is_kept_and_published(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accepted(api, text=None, campaign="spring-sale")
    await accepted(api, text=None)
    assert (await api.get(f"/v1/contacts/{contact_id}")).json()["campaign"] == "spring-sale"
    told = await rows(database, "SELECT data FROM outbox ORDER BY id")
    assert [row.data["campaign"] for row in told] == ["spring-sale", None]


async def test_the_same_key_gives_the_same_contact_once(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    answers = await asyncio.gather(
        *(api.post("/v1/contacts", json=CONTACT, headers={"Idempotency-Key": "k1"}) for _ in "abc")
    )
    assert len({answer.json()["contact_id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert await published(database) == ["contact_received", "customer_wrote"]


async def test_the_same_key_with_another_body_is_refused(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    key = {"Idempotency-Key": "k1"}
    await api.post("/v1/contacts", json=CONTACT, headers=key)
    other = await api.post("/v1/contacts", json={**CONTACT, "subject": "Else"}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:upstairs:problem:idempotency-key-reused"
    assert await published(database) == ["contact_received", "customer_wrote"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"colour": "red"}, "body/colour"),
        ({"priority": 7}, "body/priority"),
        ({"channel": "fax"}, "body/channel"),
        ({"subject": "nul \x00"}, "body/subject"),
        ({"campaign": ""}, "body/campaign"),
        ({"customer": {"customer_id": "c", "age": 3}}, "body/customer/age"),
    ],
)
async def test_what_does_not_fit_is_refused_by_its_place(
    api: httpx.AsyncClient, database: Database[UnitOfWork], change: dict[str, Any], place: str
) -> None:
    response = await api.post("/v1/contacts", json={**CONTACT, **change})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in response.json()["errors"]] == [place]
    assert await nothing_happened(database)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{not json", 400), (b'{"text": "' + b"x" * MAX_BODY_BYTES + b'"}', 413)],
)
async def test_broken_and_huge_bodies_are_refused(
    api: httpx.AsyncClient, database: Database[UnitOfWork], content: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    response = await api.post("/v1/contacts", content=content, headers=headers)
    assert response.status_code == status
    assert response.json()["status"] == status
    assert await nothing_happened(database)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer guess"}, 401),
        (key("representative"), 403),
    ],
)
async def test_only_a_channel_brings_contacts(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    headers: dict[str, str],
    status: int,
) -> None:
    response = await api.post("/v1/contacts", json=CONTACT, headers=headers)
    assert response.status_code == status
    assert await nothing_happened(database)


async def test_an_unknown_contact_is_not_found(api: httpx.AsyncClient) -> None:
    unknown = "01a200f7-13bd-749f-a0af-38154619ae68"
    assert (await api.get(f"/v1/contacts/{unknown}")).status_code == 404
    message = {"author": "customer", "text": "Hello?"}
    answer = await api.post(f"/v1/contacts/{unknown}/messages", json=message)
    assert answer.status_code == 404


async def test_words_that_ask_for_a_supervisor_are_a_request(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accepted(api, text=None)
    message = {"author": "customer", "text": "Let me talk to your supervisor!"}
    await api.post(f"/v1/contacts/{contact_id}/messages", json=message)
    assert await published(database) == [
        "contact_received",
        "customer_wrote",
        "supervisor_requested",
    ]


async def test_a_resolved_contact_takes_no_second_resolution_but_may_be_reopened_and_rated(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accepted(api, text=None)
    path = f"/v1/contacts/{contact_id}"
    early = await api.post(f"{path}/feedback", json={"score": 5})
    assert (early.status_code, early.json()["state"]) == (409, "open")
    assert (await api.post(f"{path}/reopening", json={"reason": "?"})).status_code == 409
    assert (await api.post(f"{path}/resolution", json={})).status_code == 202
    assert (await api.post(f"{path}/resolution", json={})).status_code == 409
    assert (await api.post(f"{path}/feedback", json={"score": 1})).status_code == 202
    assert (await api.post(f"{path}/reopening", json={"reason": "no refund"})).status_code == 202
    assert await published(database) == [
        "contact_received",
        "contact_resolved",
        "feedback_received",
        "contact_reopened",
    ]
