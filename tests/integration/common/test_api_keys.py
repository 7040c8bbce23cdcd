"""API keys in the table: made, used, expired and revoked without a restart, on every replica."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from typer.testing import Result

from common.contracts.event import PersonId
from common.storage.api_keys import ApiKeyStore, make_key
from common.storage.database import Database
from support.api_keys import (
    LISTED,
    OPS,
    SHOP,
    STRONG_KEY,
    Replica,
    open_replica,
    run_command,
)
from support.databases import rows
from support.probe import UnitOfWork, open_database
from support.tcp_proxy import TcpProxy
from support.waiting import until


@pytest.fixture
async def replica(database: Database[UnitOfWork]) -> AsyncIterator[Replica]:
    async with open_replica(database) as replica:
        yield replica


async def test_nobody_is_admitted_before_the_keys_are_loaded(
    database: Database[UnitOfWork],
) -> None:
    """Else a revoked key that is still listed would work again after each start."""
    replica = Replica(database)
    assert await replica.status(SHOP) == 503
    assert "api_keys" in replica.health.troubles
    await replica.worker.refresh()
    assert await replica.status(SHOP) == 200


async def test_created_key_works_on_every_replica_until_it_is_revoked(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    async with open_replica(database) as other:
        created = await replica.admin("POST", body={"role": "supervisor", "subject": "sara"})
        assert created["key"].startswith(f"ups_{created['key_id']}_")
        for each in (replica, other):
            assert await each.status(created["key"]) == 401
            await each.worker.refresh()
            assert await each.status(created["key"], "POST") == 200
        revoked = await other.admin("POST", f"/{created['key_id']}/revoke")
        assert revoked["revoked_by"] == "admin:ops"
        for each in (replica, other):
            await each.worker.refresh()
            assert await each.status(created["key"]) == 401


async def test_key_is_stored_and_listed_without_its_secret(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    created = await replica.admin("POST", body={"role": "manager", "subject": "mia"})
    secret = created["key"].removeprefix(f"ups_{created['key_id']}_")
    assert len(secret) == 43
    listed = await replica.admin("GET")
    assert listed["items"][0]["subject"] == "mia"
    assert secret not in str(listed)
    stored = await rows(database, "SELECT CAST(k AS text) AS text FROM api_keys k")
    assert not [row for row in stored if secret in row.text]


async def test_key_list_is_paged(replica: Replica) -> None:
    for number in range(3):
        await replica.admin("POST", body={"role": "channel", "subject": f"shop-{number}"})
    subjects: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await replica.admin("GET", f"?limit=2{cursor and '&cursor=' + cursor}")
        subjects += [item["subject"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert subjects[:3] == ["shop-2", "shop-1", "shop-0"]
    assert sorted(subjects[3:]) == ["ops", "shop"]


async def test_read_only_key_changes_nothing(replica: Replica) -> None:
    body = {"role": "admin", "subject": "auditor", "scopes": ["read"]}
    created = await replica.admin("POST", body=body)
    await replica.worker.refresh()
    assert await replica.status(created["key"]) == 200
    assert await replica.status(created["key"], "POST") == 403
    answer = await replica.client.post(
        "/v1/api-keys",
        json={"role": "admin", "subject": "mine"},
        headers={"Authorization": f"Bearer {created['key']}"},
    )
    assert (answer.status_code, "read-only-key" in answer.text) == (403, True)


async def test_key_expires_also_while_the_database_is_not_read(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    body = {"role": "supervisor", "subject": "sara", "expires_in_days": 1}
    created = await replica.admin("POST", body=body)
    await replica.worker.refresh()
    database.clock.offset += timedelta(hours=23)
    assert await replica.status(created["key"]) == 200
    database.clock.offset += timedelta(hours=2)
    assert await replica.status(created["key"]) == 401


async def test_two_keys_of_one_subject_are_valid_at_once(replica: Replica) -> None:
    body = {"role": "supervisor", "subject": "sara"}
    old, new = [await replica.admin("POST", body=body) for _ in range(2)]
    await replica.worker.refresh()
    assert [await replica.status(each["key"]) for each in (old, new)] == [200, 200]
    await replica.admin("POST", f"/{old['key_id']}/revoke")
    await replica.worker.refresh()
    assert [await replica.status(each["key"]) for each in (old, new)] == [401, 200]


async def test_unlisted_key_is_revoked_at_the_next_start_on_every_replica(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    created = await replica.admin("POST", body={"role": "channel", "subject": "app"})
    async with open_replica(database, f"admin:ops:{OPS}") as other:
        for each in (replica, other):
            await each.worker.refresh()
            assert await each.status(SHOP) == 401
            assert await each.status(created["key"]) == 200
    async with open_replica(database) as again:
        assert await again.status(SHOP) == 200


async def test_key_that_a_person_revoked_stays_revoked_though_it_is_listed(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    (shop,) = [item for item in (await replica.admin("GET"))["items"] if item["subject"] == "shop"]
    await replica.admin("POST", f"/{shop['key_id']}/revoke")
    async with open_replica(database) as again:
        assert await again.status(SHOP) == 401


async def test_listed_role_replaces_the_role_of_the_start_before(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    async with open_replica(database, f"admin:ops:{OPS},representative:rita:{SHOP}") as again:
        assert await again.status(SHOP) == 403


async def test_replicas_that_start_at_once_store_each_key_once(
    database: Database[UnitOfWork],
) -> None:
    replicas = [Replica(database) for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        for each in replicas:
            group.create_task(each.worker.refresh())
    assert len(await rows(database, "SELECT 1 FROM api_keys")) == 2
    for each in replicas:
        assert await each.status(SHOP) == 200
        await each.client.aclose()


async def test_last_use_is_written_once_a_minute(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    async def fetch_use() -> list[Any]:
        return await rows(
            database,
            "SELECT subject, last_used_at AS at, CAST(xmin AS text) AS writer FROM api_keys"
            " WHERE last_used_at IS NOT NULL",
        )

    assert await fetch_use() == []
    for _ in range(3):
        await replica.status(SHOP)
        await replica.worker.refresh()
    (first,) = await fetch_use()
    database.clock.offset += timedelta(minutes=2)
    await replica.status(SHOP)
    await replica.worker.refresh()
    (later,) = await fetch_use()
    assert first.subject == later.subject == "shop"
    assert later.at - first.at > timedelta(minutes=1)


async def test_keys_stay_while_the_database_is_unavailable(proxy: TcpProxy, probe_url: str) -> None:
    async with open_database(proxy.url(probe_url)) as proxied, open_replica(proxied) as replica:
        await proxy.stop()
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(replica.worker.run(stopping))
            await until(lambda: "api_keys" in replica.health.troubles)
            assert await replica.status(SHOP) == 200
            stopping.set()


async def test_commands_add_list_and_revoke_keys(replica: Replica, probe_url: str) -> None:
    async def call(*words: str) -> Result:
        return await asyncio.to_thread(run_command, probe_url, *words)

    added = await call("add", "supervisor", "sara", "--read-only", "--days", "5")
    key = added.stdout.strip()
    await replica.worker.refresh()
    assert (await replica.status(key), await replica.status(key, "POST")) == (200, 403)
    listed = [orjson.loads(line) for line in (await call("list")).stdout.splitlines()]
    (sara,) = [each for each in listed if each["subject"] == "sara"]
    assert (sara["created_by"], sara["origin"], sara["scopes"]) == ("cli:ann", "command", ["read"])
    assert (await call("revoke", sara["key_id"])).exit_code == 0
    await replica.worker.refresh()
    assert await replica.status(key) == 401
    assert (await call("revoke", "000000000000")).exit_code == 4


@pytest.mark.parametrize(
    ("key", "trial", "exit_code"),
    [(STRONG_KEY, "false", 0), ("k", "false", 2), ("k", "true", 0), ("", "true", 2)],
)
async def test_given_key_must_be_strong_except_in_a_trial(
    replica: Replica, probe_url: str, key: str, trial: str, exit_code: int
) -> None:
    result = await asyncio.to_thread(
        run_command,
        probe_url,
        *("add", "channel", "app", "--stdin"),
        stdin=key + "\n",
        UPSTAIRS_TRIAL=trial,
    )
    assert result.exit_code == exit_code
    assert STRONG_KEY not in result.output
    await replica.worker.refresh()
    assert await replica.status(key) == (200 if exit_code == 0 else 401)


async def test_same_key_is_not_added_twice(replica: Replica, probe_url: str) -> None:
    words = ("add", "admin", "mine", "--stdin")
    result = await asyncio.to_thread(run_command, probe_url, *words, stdin=SHOP)
    assert result.exit_code == 4
    await replica.worker.refresh()
    assert await replica.status(SHOP) == 200


async def test_departure_revokes_the_keys_of_that_time_for_good(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    sara = make_key()
    listed = f"{LISTED},supervisor:sara:{sara}"
    async with open_replica(database, listed) as other:
        assert await other.status(sara) == 200
        async with database.transaction() as uow:
            keys = ApiKeyStore(uow.connection)
            await keys.revoke_of_person(PersonId("sara"), made_until=uow.now, now=uow.now)
        later = await replica.admin("POST", body={"role": "supervisor", "subject": "sara"})
        # A late copy of the event does not take the key of somebody who is back.
        async with database.transaction() as uow:
            keys = ApiKeyStore(uow.connection)
            left_at = uow.now - timedelta(hours=1)
            await keys.revoke_of_person(PersonId("sara"), made_until=left_at, now=uow.now)
        await other.worker.refresh()
        assert (await other.status(sara), await other.status(later["key"])) == (401, 200)
    async with open_replica(database, listed) as again:
        assert await again.status(sara) == 401
    (shown,) = [
        item
        for item in (await replica.admin("GET"))["items"]
        if item["subject"] == "sara" and item["revoked_at"]
    ]
    assert shown["revoked_by"] == "departure"


async def test_write_only_key_reads_nothing(replica: Replica) -> None:
    body = {"role": "supervisor", "subject": "feeder", "scopes": ["write", "write"]}
    created = await replica.admin("POST", body=body)
    assert created["scopes"] == ["write"]
    await replica.worker.refresh()
    assert await replica.status(created["key"], "POST") == 200
    assert await replica.status(created["key"]) == 403
