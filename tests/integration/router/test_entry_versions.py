"""All versions of what was put of a person: the entry, and the workload of a representative."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from common.storage.database import Database
from router.main import build
from router.settings import Settings
from router.store import UnitOfWork
from support.service_harness import Keys, open_client

key = Keys(
    rita="representative:rita:rita-key",
    sara="supervisor:sara:sara-key",
    mia="manager:mia:mia-key",
    ops="admin:ops:ops-key",
)
RITA = {
    "name": "Rita Rossi",
    "roles": ["representative"],
    "team_id": "front",
    "reports_to": "mia",
    "languages": ["en"],
    "skills": ["billing"],
    "active": True,
}


@pytest.fixture
async def api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(build, Settings, database, key) as api:
        api.headers.update(key("ops"))
        for person, entry in (("mia", {"name": "Mia"}), ("rita", RITA)):
            put = await api.put(f"/v1/people/{person}", json=entry)
            assert put.status_code == 200, put.text
        yield api


async def versions(api: httpx.AsyncClient, path: str, limit: int = 50) -> list[dict[str, Any]]:
    answer = await api.get(f"/v1/{path}/versions", params={"limit": limit}, headers=key("sara"))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_every_change_of_an_entry_is_kept_with_who_put_it(api: httpx.AsyncClient) -> None:
    changed = {**RITA, "skills": ["billing", "returns"]}
    for _ in range(2):
        # The second time nothing changes.
        put = await api.put("/v1/people/rita", json=changed, headers=key("mia"))
        assert put.status_code == 200, put.text
    newest, first = await versions(api, "people/rita")
    assert (newest["version"], newest["put_by"], newest["body"]) == (2, "mia", changed)
    assert (first["version"], first["put_by"], first["body"]) == (1, "admin:ops", RITA)
    assert newest["put_at"] > first["put_at"]


async def test_workload_begins_with_the_entry_and_is_kept_at_each_change(
    api: httpx.AsyncClient,
) -> None:
    for capacity in (5, 5, 2):
        put = await api.put(
            "/v1/representatives/rita", json={"capacity": capacity}, headers=key("sara")
        )
        assert put.status_code == 200, put.text
    shown = await versions(api, "representatives/rita")
    assert [(each["version"], each["body"]["capacity"], each["put_by"]) for each in shown] == [
        (3, 2, "sara"),
        (2, 5, "sara"),
        (1, 3, "admin:ops"),
    ]
    assert await versions(api, "people/rita", limit=1)


async def test_adjustment_is_no_version_of_the_workload(api: httpx.AsyncClient) -> None:
    adjustment = {"capacity": 1, "reason": "in training", "ends_at": "2026-03-03T09:00:00Z"}
    before = await versions(api, "representatives/rita")
    await api.put("/v1/representatives/rita/adjustment", json=adjustment)
    assert await versions(api, "representatives/rita") == before


async def test_versions_come_in_pages(api: httpx.AsyncClient) -> None:
    for skill in "abc":
        await api.put("/v1/people/rita", json={**RITA, "skills": [skill]})
    page = (await api.get("/v1/people/rita/versions?limit=3")).json()
    assert [each["version"] for each in page["items"]] == [4, 3, 2]
    rest = (await api.get(f"/v1/people/rita/versions?cursor={page['next_cursor']}")).json()
    assert [each["version"] for each in rest["items"]] == [1]


@pytest.mark.parametrize("path", ["people/zoe", "representatives/mia"])
async def test_unknown_person_has_no_versions(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(f"/v1/{path}/versions")).status_code == 404
