"""A body that does not say that it is JSON is refused with 415, whatever the route."""

import httpx
import orjson
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import CONTACT, accept, key, nothing_happened

WRONG = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/xml",
    "json",
    "",
    "text/json",
]
RIGHT = [
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/x+json",
]


@pytest.mark.parametrize("media_type", WRONG)
async def test_wrong_media_type_is_415_and_nothing_is_done(
    api: httpx.AsyncClient, database: Database[UnitOfWork], media_type: str
) -> None:
    headers = {"Content-Type": media_type, "Idempotency-Key": "k1"}
    answer = await api.post("/v1/contacts", content=orjson.dumps(CONTACT), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")
    assert answer.json()["type"] == "urn:upstairs:problem:unsupported-media-type"
    assert "application/json" in answer.json()["detail"]
    assert await nothing_happened(database)


@pytest.mark.parametrize("media_type", RIGHT)
async def test_json_is_taken_by_each_of_its_names(api: httpx.AsyncClient, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    answer = await api.post("/v1/contacts", content=orjson.dumps(CONTACT), headers=headers)
    assert answer.status_code == 201


async def test_missing_media_type_is_415(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/contacts", content=orjson.dumps(CONTACT))
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/contacts/{contact}/resolve"),
        ("POST", "/v1/contacts/{contact}/surveys"),
        ("POST", "/v1/contacts/{contact}/wait-for-customer"),
        ("PUT", "/v1/channels/zendesk/acme"),
        ("POST", "/v1/customers/channel:shop:c-81/erase"),
        ("POST", "/v1/api-keys"),
        ("POST", "/v1/dead-letters/1/discard"),
    ],
)
async def test_every_route_refuses_a_form(api: httpx.AsyncClient, method: str, path: str) -> None:
    url = path.format(contact=await accept(api))
    answer = await api.request(method, url, data={"a": "b"}, headers=key("admin"))
    assert answer.status_code == 415


async def test_request_without_a_body_needs_no_media_type(api: httpx.AsyncClient) -> None:
    answer = await api.post(f"/v1/contacts/{await accept(api)}/wait-for-customer")
    assert answer.status_code == 202
