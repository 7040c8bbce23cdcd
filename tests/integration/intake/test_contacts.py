"""Intake's promise: accepted means safe, refused means nothing was written or published."""

import asyncio
from typing import Any

import httpx
import pytest

from common.http.limits import MAX_BODY_BYTES
from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import (
    CONTACT,
    UNKNOWN_CONTACT,
    accept,
    assign,
    key,
    nothing_happened,
    published,
    published_data,
)
from support.databases import rows


async def test_accepted_contact_is_stored_and_published(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api)
    shown = (await api.get(f"/v1/contacts/{contact_id}")).json()
    assert (shown["state"], shown["topic"], shown["escalation"]) == ("open", "billing", None)
    assert [message["text"] for message in shown["messages"]] == [CONTACT["text"]]
    assert await published(database) == ["contact_received", "customer_wrote"]
    events = await rows(database, "SELECT sequence FROM published_events ORDER BY id")
    assert [event.sequence for event in events] == [1, 2]


async def test_campaign_is_stored_and_published(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None, campaign="spring-sale")
    await accept(api, text=None)
    assert (await api.get(f"/v1/contacts/{contact_id}")).json()["campaign"] == "spring-sale"
    received = await published_data(database, "contact_received")
    assert [event["campaign"] for event in received] == ["spring-sale", None]


async def test_same_idempotency_key_makes_one_contact(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    answers = await asyncio.gather(
        *(api.post("/v1/contacts", json=CONTACT, headers={"Idempotency-Key": "k1"}) for _ in "abc")
    )
    assert len({answer.json()["contact_id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert await published(database) == ["contact_received", "customer_wrote"]


async def test_repeated_message_is_added_once_and_answered_200(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path = f"/v1/contacts/{await accept(api, text=None)}/messages"
    message = {"author": "customer", "text": "Hello?"}
    answers = [
        await api.post(path, json=message, headers={"Idempotency-Key": "m1"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    assert await published(database) == ["contact_received", "customer_wrote"]


async def test_same_idempotency_key_with_another_body_is_refused(
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
        ({"follows": "the last contact"}, "body/follows"),
    ],
)
async def test_invalid_field_is_refused_by_its_place(
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
async def test_contact_from_other_roles_than_channel_is_refused(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    headers: dict[str, str],
    status: int,
) -> None:
    response = await api.post("/v1/contacts", json=CONTACT, headers=headers)
    assert response.status_code == status
    assert await nothing_happened(database)


async def test_unknown_contact_is_not_found(api: httpx.AsyncClient) -> None:
    path = f"/v1/contacts/{UNKNOWN_CONTACT}"
    message = {"author": "customer", "text": "Hello?"}
    answers = [
        await api.get(path),
        await api.post(f"{path}/messages", json=message),
        await api.post(f"{path}/resolve", json={}),
        await api.post(f"{path}/abandon", json={}),
        await api.post(f"{path}/wait-for-customer"),
        await api.post(f"{path}/surveys", json={"survey_id": "s", "kind": "nps"}),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert {answer.json()["type"] for answer in answers} == {
        "urn:upstairs:problem:contact-not-found"
    }


async def test_customer_who_asks_for_a_supervisor_makes_a_supervisor_request(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    message = {"author": "customer", "text": "Let me talk to your supervisor!"}
    await api.post(f"/v1/contacts/{contact_id}/messages", json=message)
    assert await published(database) == [
        "contact_received",
        "customer_wrote",
        "supervisor_requested",
    ]


async def test_resolved_contact_may_be_rated_and_reopened_but_not_resolved_again(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    path = f"/v1/contacts/{contact_id}"
    early = await api.post(f"{path}/feedback", json={"score": 5})
    assert (early.status_code, early.json()["state"]) == (409, "open")
    assert (await api.post(f"{path}/reopen", json={"reason": "?"})).status_code == 409
    assert (await api.post(f"{path}/resolve", json={})).status_code == 202
    assert (await api.post(f"{path}/resolve", json={})).status_code == 409
    assert (await api.post(f"{path}/feedback", json={"score": 1})).status_code == 202
    assert (await api.post(f"{path}/reopen", json={"reason": "no refund"})).status_code == 202
    assert await published(database) == [
        "contact_received",
        "contact_resolved",
        "feedback_received",
        "contact_reopened",
    ]


async def test_earlier_contact_about_the_same_issue_is_stored_and_published(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await accept(api, text=None)
    second = await accept(api, text=None, follows=first)
    assert (await api.get(f"/v1/contacts/{second}")).json()["follows"] == first
    received = await published_data(database, "contact_received")
    assert [event["follows"] for event in received] == [None, first]


async def test_unknown_earlier_contact_is_refused_and_spares_its_batch(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    wrong = {**CONTACT, "follows": UNKNOWN_CONTACT}
    answers = await asyncio.gather(
        *(api.post("/v1/contacts", json=body) for body in (CONTACT, wrong, CONTACT))
    )
    assert [answer.status_code for answer in answers] == [201, 422, 201]
    assert answers[1].json()["type"] == "urn:upstairs:problem:earlier-contact-not-found"
    assert (await published(database)).count("contact_received") == 2


async def test_automatic_reply_is_marked(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    await assign(database, contact_id)
    path = f"/v1/contacts/{contact_id}/messages"
    reply = {"author": "representative", "text": "We got your message."}
    await api.post(path, json={**reply, "automatic": True})
    await api.post(path, json=reply, headers=key("representative"))
    replied = await published_data(database, "representative_replied")
    assert [event["automatic"] for event in replied] == [True, False]
    messages = (await api.get(f"/v1/contacts/{contact_id}")).json()["messages"]
    assert [message["automatic"] for message in messages] == [True, False]


async def test_resolution_and_reopening_say_who_and_how(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    await assign(database, contact_id)
    path = f"/v1/contacts/{contact_id}"
    resolution = {"note": "Refunded.", "disposition": "refund", "root_cause": "double-booking"}
    rita = key("representative")
    await api.post(f"{path}/resolve", json=resolution, headers=rita)
    shown = (await api.get(path)).json()
    assert (shown["state"], shown["resolved_by"], shown["resolution_no"]) == ("resolved", "rita", 1)
    await api.post(f"{path}/feedback", json={"score": 2, "team_id": "madrid"})
    await api.post(f"{path}/reopen", json={"reason": "no refund"}, headers=rita)
    await api.post(f"{path}/resolve", json={"automatic": True})
    first, second = await published_data(database, "contact_resolved")
    assert {**resolution, "by": "rita", "automatic": False}.items() <= first.items()
    assert (second["by"], second["automatic"]) == (None, True)
    (feedback,) = await published_data(database, "feedback_received")
    assert (feedback["about"], feedback["team_id"], feedback["resolution_no"]) == (
        "rita",
        "madrid",
        1,
    )
    (reopened,) = await published_data(database, "contact_reopened")
    assert (reopened["by"], reopened["reason"]) == ("rita", "no refund")


async def test_wait_for_the_customer_ends_with_the_next_message(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    path = f"/v1/contacts/{contact_id}"
    assert (await api.post(f"{path}/wait-for-customer")).status_code == 202
    again = await api.post(f"{path}/wait-for-customer")
    assert (again.status_code, again.json()["state"]) == (409, "waiting_on_customer")
    await api.post(f"{path}/messages", json={"author": "customer", "text": "Here it is."})
    assert (await api.get(path)).json()["state"] == "open"
    assert await published(database) == [
        "contact_received",
        "waiting_on_customer",
        "waiting_on_customer_ended",
        "customer_wrote",
    ]


async def test_messages_of_a_contact_come_in_pages(api: httpx.AsyncClient) -> None:
    path = f"/v1/contacts/{await accept(api, text=None)}"
    for number in range(5):
        message = {"author": "customer", "text": f"{number}"}
        assert (await api.post(f"{path}/messages", json=message)).status_code == 201
    pages = [(await api.get(f"{path}?limit=2")).json()]
    while cursor := pages[-1]["next_cursor"]:
        pages.append((await api.get(f"{path}?limit=2&cursor={cursor}")).json())
    texts = [[message["text"] for message in page["messages"]] for page in pages]
    assert texts == [["0", "1"], ["2", "3"], ["4"]]
    assert (await api.get(f"{path}?limit=201")).status_code == 422
