"""A new key works at once, a revoked one soon no longer, and one of an admin is left."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from common.storage.database import Database
from support.api_keys import (
    OPS,
    SHOP,
    Replica,
    open_replica,
    run_command,
    running,
)
from support.probe import UnitOfWork, open_database
from support.tcp_proxy import TcpProxy
from support.waiting import until


@pytest.fixture
async def replica(database: Database[UnitOfWork]) -> AsyncIterator[Replica]:
    async with open_replica(database) as replica:
        yield replica


async def test_created_key_works_at_once_and_a_revoked_one_no_longer(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    """On both replicas: no request has to be repeated."""
    async with open_replica(database) as other, running(replica, other):
        for _ in range(3):
            created = await replica.admin("POST", body={"role": "supervisor", "subject": "sara"})
            assert await other.status(created["key"]) == 200
            assert await replica.status(created["key"]) == 200
            await replica.admin("POST", f"/{created['key_id']}/revoke")
            assert await replica.status(created["key"]) == 401
            await until(partial(other.status, created["key"]), lambda status: status == 401)


async def test_flood_of_unknown_keys_reads_the_table_seldom(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = 0

    refresh = replica.worker.refresh

    async def count_reading() -> None:
        nonlocal readings
        readings += 1
        await refresh()

    monkeypatch.setattr(replica.worker, "refresh", count_reading)
    async with running(replica):
        statuses = await asyncio.gather(*(replica.status(f"wrong-{n}") for n in range(200)))
        assert await replica.status(SHOP) == 200
    assert set(statuses) <= {401, 429}
    assert readings <= 5


async def test_unknown_key_is_refused_while_the_database_is_unavailable(
    proxy: TcpProxy, probe_url: str
) -> None:
    async with (
        open_database(proxy.url(probe_url)) as proxied,
        open_replica(proxied) as replica,
        running(replica),
    ):
        await proxy.stop()
        async with asyncio.timeout(10):
            assert await replica.status("wrong") == 401


async def test_last_key_of_an_admin_is_not_revoked_by_the_api(
    replica: Replica, database: Database[UnitOfWork], probe_url: str
) -> None:
    """Else nobody could make another one. An auditor's key, or an expired one, can't either."""
    ops, *_ = [item for item in (await replica.admin("GET"))["items"] if item["subject"] == "ops"]
    body: dict[str, Any] = {"role": "admin", "subject": "auditor", "scopes": ["read"]}
    await replica.admin("POST", body=body)
    await replica.admin("POST", body={"role": "admin", "subject": "brief", "expires_in_days": 1})
    database.clock.offset += timedelta(days=2)
    headers = {"Authorization": f"Bearer {OPS}"}
    path = f"/v1/api-keys/{ops['key_id']}/revoke"
    answer = await replica.client.post(path, headers=headers)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "last-admin-key")
    await replica.worker.refresh()
    assert await replica.status(OPS) == 200
    # Who has the database may.
    command = await asyncio.to_thread(run_command, probe_url, "revoke", ops["key_id"])
    assert command.exit_code == 0


async def test_two_admins_who_revoke_each_other_leave_one(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    ops, *_ = [item for item in (await replica.admin("GET"))["items"] if item["subject"] == "ops"]
    for _ in range(5):
        second = await replica.admin("POST", body={"role": "admin", "subject": "second"})
        await replica.worker.refresh()
        answers = await asyncio.gather(
            replica.client.post(
                f"/v1/api-keys/{second['key_id']}/revoke",
                headers={"Authorization": f"Bearer {OPS}"},
            ),
            replica.client.post(
                f"/v1/api-keys/{ops['key_id']}/revoke",
                headers={"Authorization": f"Bearer {second['key']}"},
            ),
        )
        assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 409])
        await replica.worker.refresh()
        if await replica.status(OPS) == 401:
            return


async def test_leaked_key_makes_no_other_once_it_is_revoked(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    """Also on a replica that has not read the revocation yet."""
    leaked = await replica.admin("POST", body={"role": "admin", "subject": "leaked"})
    async with open_replica(database) as other:
        await replica.admin("POST", f"/{leaked['key_id']}/revoke")
        assert await other.status(leaked["key"]) == 200
        headers = {"Authorization": f"Bearer {leaked['key']}"}
        body = {"role": "admin", "subject": "another"}
        for path, content in (("", body), (f"/{leaked['key_id']}/revoke", None)):
            answer = await other.client.post(f"/v1/api-keys{path}", json=content, headers=headers)
            assert answer.status_code == 401
    subjects = [item["subject"] for item in (await replica.admin("GET"))["items"]]
    assert "another" not in subjects
