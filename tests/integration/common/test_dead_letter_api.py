"""Dead letters over HTTP: for admins, without customers' words in the list."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from common.core.metrics import Metrics
from common.service.settings import ServiceSettings
from common.service.spec import ServiceSpec
from common.storage.database import Database
from common.storage.dead_letters import store_dead_letter
from support.databases import rows
from support.dead_letters import REPAIRED, fetch_effects, make_dead_letter, to_dead_letter
from support.probe import (
    POISON,
    Broker,
    Replica,
    UnitOfWork,
    customer_wrote,
    make_envelope,
    new_contact,
    sum_samples,
)
from support.service_harness import Keys, open_client

KEYS = Keys(ops="admin:ops:a-key", marco="manager:marco:m-key", shop="channel:shop:c-key")
PATH = "/v1/dead-letters"


def parts(_settings: ServiceSettings) -> ServiceSpec[UnitOfWork]:
    return ServiceSpec("probe", UnitOfWork, REPAIRED, ())


@pytest.fixture
def broker() -> Broker:
    """None of these needs Kafka."""
    return Broker("unused", "upstairs")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def api(database: Database[UnitOfWork], metrics: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(parts, ServiceSettings, database, KEYS, metrics=metrics) as http:
        http.headers.update(KEYS("ops"))
        yield http


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["type"].removeprefix("urn:upstairs:problem:")


async def listed(api: httpx.AsyncClient, **query: Any) -> list[int]:
    """Return the ids of all pages."""
    ids: list[int] = []
    while True:
        page = (await api.get(PATH, params=query)).raise_for_status().json()
        ids += [letter["id"] for letter in page["items"]]
        if page["next_cursor"] is None:
            return ids
        query["cursor"] = page["next_cursor"]


async def test_dead_letter_api_is_for_admins_only(api: httpx.AsyncClient, replica: Replica) -> None:
    letter_id, _ = await make_dead_letter(replica)
    for caller, status in (("marco", 403), ("shop", 403), (None, 401)):
        api.headers.update({"Authorization": "Bearer guess"} if caller is None else KEYS(caller))
        for method, path in (
            ("GET", PATH),
            ("GET", f"{PATH}/{letter_id}"),
            ("POST", f"{PATH}/{letter_id}/replay"),
            ("POST", f"{PATH}/{letter_id}/discard"),
        ):
            body = {"reason": "no"} if path.endswith("discard") else None
            response = await api.request(method, path, json=body)
            assert response.status_code == status, (caller, path)
    assert await fetch_effects(replica.database) == ([], 0, 0)


async def test_dead_letters_are_listed_newest_first_by_pages(
    api: httpx.AsyncClient, replica: Replica
) -> None:
    ids = [(await make_dead_letter(replica))[0] for _ in range(5)]
    await api.post(f"{PATH}/{ids[1]}/replay")
    await api.post(f"{PATH}/{ids[3]}/discard", json={"reason": "nonsense"})
    waiting = [ids[4], ids[2], ids[0]]
    assert await listed(api) == await listed(api, limit=1) == waiting
    assert await listed(api, limit=3) == waiting
    assert await listed(api, state="replayed") == [ids[1]]
    assert await listed(api, state=["waiting", "discarded"], limit=2) == [
        ids[4],
        ids[3],
        ids[2],
        ids[0],
    ]
    kind = customer_wrote(new_contact()).type
    assert await listed(api, type=kind) == waiting
    assert await listed(api, type="upstairs.unheard_of.v1") == []


async def test_list_hides_the_content_of_messages(api: httpx.AsyncClient, replica: Replica) -> None:
    letter_id, contact_id = await make_dead_letter(replica)
    answer = await api.get(PATH)
    (letter,) = answer.json()["items"]
    assert (letter["id"], letter["key"], letter["state"], letter["attempts"]) == (
        letter_id,
        contact_id,
        "waiting",
        1,
    )
    assert letter["reason"] == "PoisonedError: This note cannot be handled."
    assert POISON not in answer.text
    assert not {"payload", "headers", "traceback"} & letter.keys()


async def test_dead_letter_is_shown_in_full(api: httpx.AsyncClient, replica: Replica) -> None:
    letter_id, _ = await make_dead_letter(replica)
    letter = (await api.get(f"{PATH}/{letter_id}")).json()
    assert f'"excerpt":"{POISON}"' in letter["payload"]
    assert letter["headers"]["ce_id"] == letter["event_id"]
    assert "in take_note" in letter["traceback"]


async def test_binary_values_are_shown_in_base64(
    api: httpx.AsyncClient, database: Database[UnitOfWork], broker: Broker
) -> None:
    event = customer_wrote(new_contact())
    headers = {"x": b"\xfe", "y": None}
    letter = to_dead_letter(
        event, make_envelope(event), broker, payload=b"\xff\x00", headers=headers
    )
    async with database.transaction() as uow:
        await store_dead_letter(uow.connection, letter, claimed=False)
    (row,) = await rows(database, "SELECT id FROM dead_letters")
    shown = (await api.get(f"{PATH}/{row.id}")).json()
    assert shown["payload"] == {"base64": "/wA="}
    assert shown["headers"] == {"x": {"base64": "/g=="}, "y": None}


async def test_second_replay_is_refused(
    api: httpx.AsyncClient, replica: Replica, metrics: Metrics
) -> None:
    letter_id, _ = await make_dead_letter(replica)
    answer = await api.post(f"{PATH}/{letter_id}/replay")
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["closed_by"]) == ("replayed", "admin:ops")
    again = await api.post(f"{PATH}/{letter_id}/replay")
    assert problem(again) == (409, "already-closed")
    assert again.json()["detail"].startswith("admin:ops has replayed it at ")
    assert await fetch_effects(replica.database) == ([[POISON]], 1, 1)
    assert sum_samples(metrics.messages, outcome="replayed") == 1


async def test_failed_replay_says_the_reason(
    api: httpx.AsyncClient, database: Database[UnitOfWork], broker: Broker
) -> None:
    event = customer_wrote(new_contact())
    async with database.transaction() as uow:
        letter = to_dead_letter(event, make_envelope(event), broker, payload=b"{}")
        await store_dead_letter(uow.connection, letter, claimed=False)
    (row,) = await rows(database, "SELECT id FROM dead_letters")
    answer = await api.post(f"{PATH}/{row.id}/replay")
    assert problem(answer) == (422, "failed-again")
    assert answer.json()["attempts"] == 2
    assert answer.json()["reason"].startswith(
        "UntrustedRecordError: data at occurred_at: is missing; contact_id: is missing; "
    )
    shown = (await api.get(f"{PATH}/{row.id}")).json()
    assert (shown["state"], shown["reason"]) == ("waiting", answer.json()["reason"])


async def test_discard_records_the_reason(api: httpx.AsyncClient, replica: Replica) -> None:
    letter_id, _ = await make_dead_letter(replica)
    for body in ({}, {"reason": ""}, {"reason": "a", "else": 1}):
        refused = await api.post(f"{PATH}/{letter_id}/discard", json=body)
        assert problem(refused) == (422, "invalid")
    answer = await api.post(f"{PATH}/{letter_id}/discard", json={"reason": "a load test"})
    assert (answer.json()["state"], answer.json()["closed_reason"]) == ("discarded", "a load test")
    for act, body in (("discard", {"reason": "again"}), ("replay", {})):
        refused = await api.post(f"{PATH}/{letter_id}/{act}", json=body)
        assert problem(refused) == (409, "already-closed")


async def test_unknown_dead_letter_is_not_found(api: httpx.AsyncClient) -> None:
    for method, path, body in (
        ("GET", "/7", None),
        ("POST", "/7/replay", {}),
        ("POST", "/7/discard", {"reason": "x"}),
    ):
        answer = await api.request(method, f"{PATH}{path}", json=body)
        assert problem(answer) == (404, "dead-letter-not-found")
    for wrong in ("/seven", "/0", f"/{2**63}"):
        assert problem(await api.get(f"{PATH}{wrong}")) == (422, "invalid")
    for query in ({"state": "lost"}, {"cursor": "x"}, {"limit": 0}):
        assert problem(await api.get(PATH, params=query)) == (422, "invalid")
