"""Mailboxes that intake opens by OAuth: which token is shown, and what refusals and servers do."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.storage.database import Database
from intake.commands.rotate_key import rotate_secrets
from intake.connections import changes
from intake.connections.changes import ConnectionChange
from intake.domain.connections import SecretSource
from intake.domain.errors import WeakSecretError
from intake.store import UnitOfWork
from integration.intake.harness import key
from integration.intake.mailbox_harness import Intake, connect, open_intake_database
from support.databases import Postgres, rows
from support.hostile_imap import HostileServer, hostile_server
from support.imap_server import PASSWORD
from support.probe import run_workers
from support.token_server import CLIENT_ID, TENANT, TokenServer
from support.waiting import until

SECRET, NEXT_SECRET = "a-client-secret-of-a-test-7f3c", "the-next-client-secret-9d1e"
REFRESH_TOKEN = "1//0g-a-refresh-token-of-a-test-7f3c" + "x" * 400
MICROSOFT = {"provider": "microsoft", "client_id": CLIENT_ID, "tenant_id": TENANT}
GOOGLE = {"provider": "google", "client_id": CLIENT_ID}


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with open_intake_database(postgres, database_name) as database:
        yield database


@pytest.fixture
async def token_server() -> AsyncIterator[TokenServer]:
    async with TokenServer(SECRET) as server:
        yield server


@pytest.fixture
def mailbox() -> Iterator[HostileServer]:
    with hostile_server({}) as server:
        server.tokens |= {f"token-{number}" for number in range(100)}
        yield server


def make_intake(
    database: Database[UnitOfWork], token_server: TokenServer, **changes: Any
) -> Intake:
    urls = {
        "microsoft_login_url": token_server.url,
        "google_token_url": f"{token_server.url}/token",
    }
    return Intake(database, **{**urls, **changes})


async def connect_app(
    api: httpx.AsyncClient,
    mailbox: HostileServer,
    fields: Mapping[str, Any] | None = None,
    oauth: Mapping[str, Any] = MICROSOFT,
    name: str = "acme",
) -> None:
    await connect(api, mailbox.port, name, fields or {"secret": SECRET}, oauth=oauth)


async def read_after(intake: Intake, hours: int) -> None:
    intake.database.clock.offset += timedelta(hours=hours)
    async with intake.run_until_read():
        pass


async def fail_once(intake: Intake) -> tuple[str | None, str]:
    """Return the code and the text of the failure; the next reading is due then."""
    before = intake.count_polls("failed")
    async with run_workers(intake.worker):
        await until(lambda: intake.count_polls("failed"), lambda count: count > before)
    intake.database.clock.offset += timedelta(minutes=6)
    (row,) = intake.noticed.take()
    return row.failure_code, str(row.failure_detail)


async def test_app_of_microsoft_signs_in_as_itself(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
) -> None:
    await connect_app(api, mailbox)
    intake = make_intake(database, token_server)
    async with intake.run_until_read(2):
        assert intake.count("applied") == 3
    assert token_server.forms == [
        {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "scope": "https://127.0.0.1/.default",
        }
    ]
    assert set(mailbox.shown) == {"token-1"}


async def test_app_of_google_goes_on_in_the_name_of_the_owner(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
) -> None:
    token_server.secrets = {REFRESH_TOKEN}
    secrets = {"secret": REFRESH_TOKEN, "app_secret": {"value": SECRET}}
    await connect_app(api, mailbox, secrets, GOOGLE)
    async with make_intake(database, token_server).run_until_read():
        pass
    (form,) = token_server.forms
    assert form == {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "refresh_token": REFRESH_TOKEN,
    }


async def test_token_is_replaced_shortly_before_it_expires(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
) -> None:
    await connect_app(api, mailbox)
    intake = make_intake(database, token_server)
    async with intake.run_until_read():
        pass
    # A minute before it expires.
    database.clock.offset += timedelta(seconds=3_545)
    async with intake.run_until_read():
        pass
    assert (mailbox.shown[0], mailbox.shown[-1]) == ("token-1", "token-2")
    assert len(token_server.forms) == 2


async def test_revoked_token_is_asked_for_once_more(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
) -> None:
    await connect_app(api, mailbox)
    intake = make_intake(database, token_server)
    async with intake.run_until_read():
        pass
    mailbox.tokens.discard("token-1")
    async with intake.run_until_read():
        pass
    assert len(token_server.forms) == 2
    assert intake.count_polls("failed") == 0


async def test_mailbox_that_takes_no_token_says_so_without_the_token(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
) -> None:
    mailbox.tokens.clear()
    await connect_app(api, mailbox)
    code, detail = await fail_once(make_intake(database, token_server))
    assert (code, len(token_server.forms)) == ("mailbox-unreadable", 2)
    assert detail.startswith("the access token is refused: ")
    assert "token-" not in detail
    (row,) = await rows(database, "SELECT error FROM mailboxes")
    assert row.error == detail


async def test_refused_credentials_stop_the_mailbox_until_they_are_changed(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
) -> None:
    await connect_app(api, mailbox, {"secret": NEXT_SECRET})
    intake = make_intake(database, token_server)
    reasons = [await fail_once(intake) for _ in range(5)]
    assert [code for code, _ in reasons] == ["credentials-refused"] * 3 + ["sign-in-stopped"] * 2
    assert all("invalid_client (AADSTS7000215)" in detail for _, detail in reasons)
    assert NEXT_SECRET not in repr(reasons)
    assert (len(token_server.forms), mailbox.sessions) == (3, 0)
    # Another process does not try it either.
    assert (await fail_once(make_intake(database, token_server)))[0] == "sign-in-stopped"
    await connect_app(api, mailbox)
    await read_after(intake, hours=1)
    assert await rows(database, "SELECT * FROM sign_ins") == []


async def test_connection_that_is_activated_again_is_tried_with_the_same_credentials(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
) -> None:
    token_server.secrets.clear()
    await connect_app(api, mailbox)
    intake = make_intake(database, token_server)
    for _ in range(4):
        await fail_once(intake)
    token_server.secrets.add(SECRET)
    for state in ("paused", "active"):
        await connect_app(api, mailbox, {"state": state})
    await read_after(intake, hours=1)


async def test_next_secret_counts_while_it_is_changed(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
) -> None:
    token_server.secrets = {NEXT_SECRET}
    await connect_app(api, mailbox, {"secrets": [{"value": SECRET}, {"value": NEXT_SECRET}]})
    async with make_intake(database, token_server).run_until_read():
        pass
    assert [form["client_secret"] for form in token_server.forms] == [SECRET, NEXT_SECRET]


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b'{"access_token": "' + b"x" * 10_000_000 + b'"}', JSON),
        (200, b"<html>Sign in</html>", {"Content-Type": "text/html"}),
        (302, b"", {"Location": "http://169.254.169.254/latest"}),
        (307, b"", {"Location": "/token"}),
        (200, b'{"access_token": "a\\r\\nA1 LOGOUT"}', JSON),
        (200, b'{"access_token": ""}', JSON),
        (200, b'{"access_token": ["a"], "expires_in": "NaN"}', JSON),
        (200, b"[" * 100_000, JSON),
        (200, b"\xff\xfe", {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        (401, b"<html>" + SECRET.encode(), {"Content-Type": "text/html"}),
        (400, b'{"error": "' + SECRET.encode() + b'"}', JSON),
        (400, b'{"error": "temporarily_unavailable"}', JSON),
        (500, SECRET.encode(), {}),
    ],
)
async def test_hostile_token_server_fails_the_reading_and_stops_nothing(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
    status: int,
    body: bytes,
    headers: Mapping[str, str],
) -> None:
    token_server.answer = status, body, headers
    await connect_app(api, mailbox)
    intake = make_intake(database, token_server)
    code, detail = await fail_once(intake)
    assert code == "mailbox-unreadable"
    assert SECRET not in detail
    assert len(token_server.forms) == 1
    token_server.answer = None
    await read_after(intake, hours=1)


async def test_token_server_that_hangs_stops_no_other_mailbox(
    api: httpx.AsyncClient, database: Database[UnitOfWork], mailbox: HostileServer
) -> None:
    with hostile_server({"POST": b"hang"}) as hanging:
        intake = Intake(database, microsoft_login_url=f"http://127.0.0.1:{hanging.port}")
        await connect_app(api, mailbox)
        await connect(api, mailbox.port, "other", {"secret": PASSWORD})
        async with intake.run_until_read():
            await until(lambda: intake.count_polls("failed"))
        codes = {row.connection: row.failure_code for row in intake.noticed.take()}
    assert codes == {"acme": "mailbox-unreadable", "other": None}


async def test_token_server_in_our_own_network_is_not_called(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    token_server: TokenServer,
    mailbox: HostileServer,
) -> None:
    await connect_app(api, mailbox)
    intake = make_intake(database, token_server, call_networks="")
    _, detail = await fail_once(intake)
    assert "may not be called" in detail
    assert token_server.forms == []


async def test_secret_of_an_app_is_encrypted_shown_to_nobody_and_rotated(
    api: httpx.AsyncClient, database: Database[UnitOfWork], mailbox: HostileServer
) -> None:
    secrets = {"secret": REFRESH_TOKEN, "app_secret": {"value": SECRET}}
    await connect_app(api, mailbox, secrets, GOOGLE)
    (row,) = await rows(database, "SELECT * FROM channel_connections")
    assert SECRET not in repr(row)
    shown = await api.get("/v1/channels/imap/acme", headers=key("admin"))
    assert shown.json()["app_secret"]["problem"] is None
    assert SECRET not in shown.text
    rotation = await rotate_secrets(database)
    assert (rotation.secrets, rotation.unreadable) == (2, [])
    (rotated,) = await rows(database, "SELECT * FROM channel_connections")
    assert rotated.app_secret["value"] != row.app_secret["value"]
    # It is kept when other fields are put, and goes with the app or the connection.
    await connect_app(api, mailbox, {"state": "active"}, GOOGLE)
    (kept,) = await rows(database, "SELECT app_secret, version FROM channel_connections")
    assert (kept.app_secret, kept.version) == (rotated.app_secret, 1)
    await connect(api, mailbox.port, "acme", {"secret": PASSWORD})
    (without,) = await rows(database, "SELECT app_secret FROM channel_connections")
    assert without.app_secret is None


@pytest.mark.parametrize(
    ("oauth", "fields", "place"),
    [
        (GOOGLE, {"secret": REFRESH_TOKEN}, "app_secret"),
        (MICROSOFT, {"secret": SECRET, "app_secret": {"value": SECRET}}, "app_secret"),
        ({**MICROSOFT, "tenant_id": None}, {"secret": SECRET}, "options/oauth"),
        ({**GOOGLE, "tenant_id": TENANT}, {"secret": SECRET}, "options/oauth"),
        ({**MICROSOFT, "tenant_id": "../evil"}, {"secret": SECRET}, "options/oauth"),
        (GOOGLE, {"secret": SECRET, "app_secret": {"from_env": "HOME"}}, "app_secret"),
    ],
)
async def test_app_that_cannot_sign_in_is_refused(
    api: httpx.AsyncClient, oauth: Mapping[str, Any], fields: Mapping[str, Any], place: str
) -> None:
    answer = await api.put(
        "/v1/channels/imap/acme",
        json={"options": {"host": "imap.example.com", "user": "a", "oauth": oauth}, **fields},
        headers=key("admin"),
    )
    assert (answer.status_code, answer.headers["content-type"]) == (
        *(422, "application/problem+json"),
    )
    assert place in answer.text
    assert SECRET not in answer.text


async def test_weak_secret_of_an_app_is_refused(database: Database[UnitOfWork]) -> None:
    change = ConnectionChange(
        *("imap", "acme", {}, [SecretSource("request", REFRESH_TOKEN)]),
        app_secret=SecretSource("request", "x" * 30),
        needs_app_secret=True,
    )
    with pytest.raises(WeakSecretError) as refused:
        async with database.transaction() as uow:
            await changes.put(change, "ops", uow, allow_weak_secrets=False)
    assert refused.value.place == "app_secret"
