"""API keys in the table: made, used, expired and revoked without a restart, on every replica."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

import httpx
import orjson
import pytest
from fastapi import APIRouter, Depends
from typer.testing import CliRunner, Result

from common.contracts.event import PersonId
from common.core.health import Health
from common.core.metrics import Metrics
from common.http.access import Principal, require_role
from common.messaging.subscriptions import HandlerRegistry
from common.service.api_key_worker import ApiKeyWorker
from common.service.cli import service_cli
from common.service.settings import ServiceSettings
from common.service.spec import ServiceSpec, application
from common.storage.api_keys import ApiKeyStore, make_key, parse_key_list
from common.storage.database import Database
from support.databases import rows
from support.probe import NAME, Broker, UnitOfWork, open_database
from support.tcp_proxy import TcpProxy
from support.waiting import until

OPS = make_key()
SHOP = make_key()
LISTED = f"admin:ops:{OPS},channel:shop:{SHOP}"
STRONG_KEY = "q8Z1r5Vb0uTnXy7cE3wJpL2sKd9fGhMa"

router = APIRouter(prefix="/v1")


@router.get("/mine")
@router.post("/mine")
async def mine(
    principal: Annotated[Principal, Depends(require_role("supervisor", "channel"))],
) -> dict[str, str]:
    return {"name": principal.name}


SPEC = ServiceSpec(NAME, UnitOfWork, HandlerRegistry[UnitOfWork](), [router])


class Replica:
    """One process of the service: its API, and the worker that keeps its keys."""

    def __init__(self, database: Database[UnitOfWork], listed: str = LISTED) -> None:
        settings = Broker("unused", "unused").make_settings(api_keys=listed)
        app = application(SPEC, settings, database, Metrics())
        self.health = Health()
        self.worker = ApiKeyWorker(
            database, app.state.api_keys, parse_key_list(listed), self.health
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://probe")

    async def status(self, key: str, method: str = "GET") -> int:
        headers = {"Authorization": f"Bearer {key}"}
        return (await self.client.request(method, "/v1/mine", headers=headers)).status_code

    async def admin(self, method: str, path: str = "", body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {OPS}"}
        answer = await self.client.request(
            method, f"/v1/api-keys{path}", json=body, headers=headers
        )
        assert answer.status_code < 300, answer.text
        return answer.json()


@asynccontextmanager
async def open_replica(
    database: Database[UnitOfWork], listed: str = LISTED
) -> AsyncIterator[Replica]:
    replica = Replica(database, listed)
    async with replica.client:
        await replica.worker.refresh()
        yield replica


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


@asynccontextmanager
async def running(*replicas: Replica) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for each in replicas:
            group.create_task(each.worker.run(stopping))
        try:
            yield
        finally:
            stopping.set()


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


async def test_write_only_key_reads_nothing(replica: Replica) -> None:
    body = {"role": "supervisor", "subject": "feeder", "scopes": ["write", "write"]}
    created = await replica.admin("POST", body=body)
    assert created["scopes"] == ["write"]
    await replica.worker.refresh()
    assert await replica.status(created["key"], "POST") == 200
    assert await replica.status(created["key"]) == 403


async def test_key_is_stored_and_listed_without_its_secret(
    replica: Replica, database: Database[UnitOfWork]
) -> None:
    created = await replica.admin("POST", body={"role": "manager", "subject": "mia"})
    secret = created["key"].rpartition("_")[2]
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


def run_command(url: str, *words: str, stdin: str = "", **environment: str) -> Result:
    cli = service_cli(NAME, ServiceSettings, lambda _: SPEC)
    environment = {"UPSTAIRS_DATABASE_URL": url, "USER": "ann", **environment}
    return CliRunner().invoke(cli, ["api-keys", *words], env=environment, input=stdin)


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
