"""`Idempotency-Key`: every request that changes something is done once under its key."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import httpx
import orjson
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import CONTACT, accept, key, published
from support.databases import rows

INTERACTION = {
    "interaction_id": "i-1",
    "person_id": "rita",
    "started_at": "2026-03-02T10:00:00Z",
    "ended_at": "2026-03-02T10:05:00Z",
    "talk_s": 200,
    "ended_by": "customer",
}
# What must have happened before, and the request.
ACTIONS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any] | None]] = MappingProxyType(
    {
        "messages": ((), {"author": "customer", "text": "Hello?"}),
        "request-supervisor": ((), {"quote": "Your boss, please."}),
        "wait-for-customer": ((), None),
        "resolve": ((), {"note": "Refunded."}),
        "abandon": ((), {"reason": "hung up"}),
        "reopen": (("resolve",), {"reason": "It happened again."}),
        "prioritize": ((), {"priority": "urgent", "reason": "A child is alone."}),
        "feedback": (("resolve",), {"score": 4}),
        "interactions": ((), INTERACTION),
        "surveys": (("resolve",), {"survey_id": "s-1", "kind": "csat"}),
    }
)


async def prepare(api: httpx.AsyncClient, action: str) -> str:
    """Make a contact to which the action may happen; return the path of the action."""
    contact = f"/v1/contacts/{await accept(api, text=None)}"
    earlier, _ = ACTIONS[action]
    for name in earlier:
        answer = await api.post(f"{contact}/{name}", json=ACTIONS[name][1])
        assert answer.is_success, answer.text
    return f"{contact}/{action}"


@pytest.mark.parametrize("action", ACTIONS)
async def test_repeated_action_gets_the_first_answer_and_is_not_done_again(
    api: httpx.AsyncClient, database: Database[UnitOfWork], action: str
) -> None:
    path, body = await prepare(api, action), ACTIONS[action][1]
    first = await api.post(path, json=body, headers={"Idempotency-Key": "k1"})
    assert first.is_success, first.text
    done = await published(database)

    again = await api.post(path, json=body, headers={"Idempotency-Key": "k1"})
    assert (again.status_code == 200) if first.status_code == 201 else again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert await published(database) == done


@pytest.mark.parametrize("action", [name for name in ACTIONS if ACTIONS[name][1]])
async def test_same_key_with_another_content_is_refused_and_nothing_is_done(
    api: httpx.AsyncClient, database: Database[UnitOfWork], action: str
) -> None:
    path, body = await prepare(api, action), ACTIONS[action][1]
    await api.post(path, json=body, headers={"Idempotency-Key": "k1"})
    done = await published(database)
    other = await api.post(
        path, json={**(body or {}), "unknown": 1}, headers={"Idempotency-Key": "k1"}
    )
    assert other.status_code == 422
    assert other.json()["type"] == "urn:upstairs:problem:idempotency-key-reused"
    assert await published(database) == done


@pytest.mark.parametrize("path", ["/v1/contacts", "messages"])
async def test_content_counts_and_not_its_bytes(api: httpx.AsyncClient, path: str) -> None:
    body: Mapping[str, Any] = CONTACT
    if path == "messages":
        path, body = await prepare(api, path), {"author": "customer", "text": "J\u00f6rg"}
    written = [
        orjson.dumps(body),
        orjson.dumps(dict(reversed(list(body.items()))), option=orjson.OPT_INDENT_2),
        orjson.dumps(body).replace("\u00f6".encode(), b"\\u00f6") + b"\n",
    ]
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    answers = [await api.post(path, content=each, headers=headers) for each in written]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert replayed == [None, "true", "true"]
    assert len({answer.text for answer in answers}) == 1


async def test_refused_request_leaves_its_key_to_the_corrected_one(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path, headers = await prepare(api, "feedback"), {"Idempotency-Key": "k1"}
    assert (await api.post(path, json={"score": 400}, headers=headers)).status_code == 422
    assert await rows(database, "SELECT key FROM idempotency_keys") == []
    assert (await api.post(path, json={"score": 4}, headers=headers)).status_code == 202


async def test_action_at_the_same_time_is_done_once(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path, body = await prepare(api, "messages"), ACTIONS["messages"][1]
    headers = {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(*(api.post(path, json=body, headers=headers) for _ in "abcd"))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.text for answer in answers}) == 1
    assert await published(database) == ["contact_received", "customer_wrote"]


async def test_key_belongs_to_its_caller(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path, headers = await prepare(api, "resolve"), {"Idempotency-Key": "k1"}
    assert (await api.post(path, json={}, headers=headers)).status_code == 202
    other = await api.post(path, json={}, headers={**headers, **key("admin")})
    assert other.json()["type"] == "urn:upstairs:problem:wrong-state"
    unknown = await api.post(path, json={}, headers={**headers, "Authorization": "Bearer guess"})
    assert unknown.status_code == 401
    keys = await rows(database, "SELECT scope FROM idempotency_keys")
    assert [row.scope for row in keys] == ["channel:shop"]


@pytest.mark.parametrize("text", ["", "k" * 201, "k\t1"])
async def test_key_that_is_no_line_of_text_is_refused(api: httpx.AsyncClient, text: str) -> None:
    headers = {"Idempotency-Key": text}
    for path in ("/v1/contacts", await prepare(api, "resolve")):
        answer = await api.post(path, json=CONTACT, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:upstairs:problem:invalid")
        assert "Idempotency-Key" in answer.json()["detail"]


async def test_answers_are_erased_with_the_words_of_their_customer_alone(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path, headers = await prepare(api, "resolve"), {"Idempotency-Key": "k1"}
    await api.post(path, json={}, headers=headers)
    other = await accept(api, customer={"customer_id": "c-82"})
    other_path, other_headers = f"/v1/contacts/{other}/resolve", {"Idempotency-Key": "k2"}
    await api.post(other_path, json={}, headers=other_headers)
    erased = await api.post("/v1/customers/channel:shop:c-81/erase", headers=key("admin"))
    assert erased.status_code == 202
    again = await api.post(path, json={}, headers=headers)
    assert (again.status_code, again.json()["type"]) == (409, "urn:upstairs:problem:answer-erased")
    kept = await api.post(other_path, json={}, headers=other_headers)
    assert kept.headers["Idempotency-Replayed"] == "true"
    assert kept.json() == {"contact_id": other}


async def test_new_api_key_is_stored_with_no_answer(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    body = {"role": "channel", "subject": "fair"}
    made = await api.post(
        "/v1/api-keys", json=body, headers={**key("admin"), "Idempotency-Key": "k1"}
    )
    assert made.status_code == 201
    assert await rows(database, "SELECT key FROM idempotency_keys") == []
