"""Calls and chats as their own systems measured them, each published once."""

from typing import Any

import httpx
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import UNKNOWN_CONTACT, accept, key, published, published_data

CALL = {
    "interaction_id": "call-7731",
    "person_id": "rita",
    "started_at": "2026-03-02T10:00:00Z",
    "ended_at": "2026-03-02T10:04:30Z",
    "talk_s": 240.0,
    "hold_s": 30.0,
    "wrap_s": 30.0,
    "ended_by": "customer",
}


async def test_measured_call_is_published_once(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    path = f"/v1/contacts/{contact_id}/interactions"
    answers = [await api.post(path, json=CALL) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert {answer.json()["interaction_id"] for answer in answers} == {"call-7731"}
    (event,) = await published_data(database, "interaction_measured")
    assert {**CALL, "contact_id": contact_id}.items() <= event.items()


async def test_same_interaction_id_belongs_to_each_contact_alone(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    for contact_id in (await accept(api, text=None), await accept(api, text=None)):
        answer = await api.post(f"/v1/contacts/{contact_id}/interactions", json=CALL)
        assert answer.status_code == 201
    assert len(await published_data(database, "interaction_measured")) == 2


async def test_interaction_id_of_another_interaction_is_refused(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path = f"/v1/contacts/{await accept(api, text=None)}/interactions"
    await api.post(path, json=CALL)
    other = await api.post(path, json={**CALL, "talk_s": 200})
    assert other.status_code == 422
    assert other.json()["type"] == "urn:upstairs:problem:idempotency-key-reused"
    assert other.json()["detail"].startswith("The interaction id call-7731 ")
    assert len(await published_data(database, "interaction_measured")) == 1


async def test_call_may_be_measured_after_the_resolution(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path = f"/v1/contacts/{await accept(api, text=None)}"
    await api.post(f"{path}/resolve", json={})
    assert (await api.post(f"{path}/interactions", json=CALL)).status_code == 201
    assert await published(database) == [
        "contact_received",
        "contact_resolved",
        "interaction_measured",
    ]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"talk_s": -1}, "body/talk_s"),
        ({"ended_by": "nobody"}, "body/ended_by"),
        ({"started_at": "2026-03-02T10:00:00"}, "body/started_at"),
        ({"talk_s": 300}, "body"),
        ({"ended_at": "2026-03-02T09:00:00Z"}, "body"),
    ],
)
async def test_impossible_interaction_is_refused_by_its_place(
    api: httpx.AsyncClient, database: Database[UnitOfWork], change: dict[str, Any], place: str
) -> None:
    path = f"/v1/contacts/{await accept(api, text=None)}/interactions"
    refused = await api.post(path, json={**CALL, **change})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [place]
    assert await published(database) == ["contact_received"]


async def test_unknown_contact_and_other_roles_are_refused(api: httpx.AsyncClient) -> None:
    path = f"/v1/contacts/{UNKNOWN_CONTACT}/interactions"
    assert (await api.post(path, json=CALL)).status_code == 404
    forbidden = await api.post(path, json=CALL, headers=key("representative"))
    assert forbidden.status_code == 403


async def test_interaction_that_ends_in_the_future_is_refused(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    path = f"/v1/contacts/{await accept(api, text=None)}/interactions"
    future = {"started_at": "2199-03-02T10:00:00Z", "ended_at": "2199-03-02T10:04:30Z"}
    answer = await api.post(path, json={**CALL, **future})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:upstairs:problem:interaction-not-over"
    assert await published_data(database, "interaction_measured") == []
    assert (await api.post(path, json=CALL)).status_code == 201
