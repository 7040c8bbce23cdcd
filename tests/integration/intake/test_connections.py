"""Managers connect outside systems: secrets are encrypted, and a connection has a state."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.core.metrics import Metrics
from common.core.sealed_secrets import SecretBox
from common.storage.database import Database
from intake.channels.registry import CHANNELS
from intake.connections.activity import ActivityWriter, NoticedActivity
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from integration.intake.harness import (
    ZENDESK_SECRET,
    key,
    nothing_happened,
    zendesk_body,
    zendesk_headers,
)
from support.databases import rows
from support.service_harness import ENCRYPTION_KEY, open_client

ACME = "/v1/channels/zendesk/acme"
MANAGER = key("admin")


async def put(api: httpx.AsyncClient, path: str = ACME, **changes: Any) -> httpx.Response:
    headers = {**MANAGER, **changes.pop("headers", {})}
    body = {"secret": ZENDESK_SECRET, **changes}
    sent = {name: value for name, value in body.items() if value is not None}
    return await api.put(path, json=sent, headers=headers)


async def get(api: httpx.AsyncClient, path: str = ACME) -> dict[str, Any]:
    answer = await api.get(path, headers=MANAGER)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def deliver(
    api: httpx.AsyncClient, secret: str = ZENDESK_SECRET, path: str = ACME, **changes: Any
) -> httpx.Response:
    body = zendesk_body(**changes)
    headers = zendesk_headers(body, secret=secret)
    return await api.post(path, content=body, headers={**headers, "Authorization": ""})


async def test_secret_is_stored_encrypted_and_never_shown(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    assert (await put(api, options={"topic": "billing"})).status_code == 204
    (row,) = await rows(database, "SELECT * FROM channel_connections")
    assert ZENDESK_SECRET not in repr(row)
    (stored,) = row.secrets
    assert SecretBox(ENCRYPTION_KEY).open(stored["value"]) == ZENDESK_SECRET
    answer = await api.get(ACME, headers=MANAGER)
    assert ZENDESK_SECRET not in answer.text
    assert stored["value"] not in answer.text
    (shown,) = answer.json()["secrets"]
    assert {**shown, "since": None} == {
        "from_env": None,
        "from_file": None,
        "since": None,
        "problem": None,
    }
    assert shown["since"] is not None
    assert (await deliver(api)).status_code == 200


async def test_connection_is_put_only_at_the_version_that_was_read(
    api: httpx.AsyncClient,
) -> None:
    first = await put(api, headers={"If-None-Match": "*"})
    assert (first.status_code, first.headers["ETag"]) == (204, '"1"')
    same = await put(api)
    assert same.headers["ETag"] == '"1"'
    again = await put(api, headers={"If-None-Match": "*"})
    assert (again.status_code, again.headers["ETag"]) == (412, '"1"')
    changed = await put(api, options={"topic": "billing"}, headers={"If-Match": '"1"'})
    assert changed.headers["ETag"] == '"2"'
    stale = await put(api, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:upstairs:problem:stale")
    assert (await get(api))["options"]["topic"] == "billing"
    unknown = await put(api, path="/v1/channels/zendesk/other", headers={"If-Match": "*"})
    assert unknown.status_code == 412


async def test_secrets_and_state_stay_if_they_are_left_out(api: httpx.AsyncClient) -> None:
    missing = await put(api, secret=None)
    assert missing.status_code == 422
    assert missing.json()["errors"][0]["pointer"] == "body/secret"
    await put(api, state="paused")
    assert (await put(api, secret=None, options={"topic": "sales"})).status_code == 204
    shown = await get(api)
    assert (shown["state"], shown["options"]["topic"], shown["version"]) == ("paused", "sales", 2)
    assert len(shown["secrets"]) == 1


async def test_two_secrets_are_valid_while_one_is_changed(api: httpx.AsyncClient) -> None:
    await put(api)
    since = (await get(api))["secrets"][0]["since"]
    await put(api, secret=f"a-newer-signing-secret,{ZENDESK_SECRET}")
    newer, older = (await get(api))["secrets"]
    assert (older["since"], newer["since"] > since) == (since, True)
    for secret in ("a-newer-signing-secret", ZENDESK_SECRET):
        assert (await deliver(api, secret)).status_code == 200
    await put(api, secret="a-newer-signing-secret")
    assert (await deliver(api)).status_code == 401
    three = await put(api, secret="first-secret,second-secret,third-secret")
    assert (three.status_code, three.json()["errors"][0]["pointer"]) == (422, "body/secret")


async def test_secret_is_added_and_removed_by_who_does_not_have_the_other(
    api: httpx.AsyncClient,
) -> None:
    await put(api)
    added = [{"value": "a-newer-signing-secret"}, {"present": 1}]
    at_first = {"If-Match": '"1"'}
    assert (await put(api, secret=None, secrets=added, headers=at_first)).status_code == 204
    for secret in ("a-newer-signing-secret", ZENDESK_SECRET):
        assert (await deliver(api, secret)).status_code == 200
    assert (await put(api, secret=None, secrets=[{"present": 1}])).status_code == 204
    assert (await deliver(api)).status_code == 401
    assert (await deliver(api, "a-newer-signing-secret")).status_code == 200
    missing = await put(api, secret=None, secrets=[{"present": 2}])
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "body/secrets")


async def test_secret_of_commas_alone_is_refused(api: httpx.AsyncClient) -> None:
    assert (await put(api, secret=", ,")).status_code == 422
    assert (await put(api)).status_code == 204
    assert (await put(api, secret=",")).status_code == 422
    assert (await deliver(api)).status_code == 200


async def test_paused_connection_takes_nothing_and_tells_only_its_own_system(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await put(api, state="paused")
    refused = await deliver(api)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "300")
    assert refused.json()["type"] == "urn:upstairs:problem:connection-paused"
    assert (await deliver(api, "another-secret")).status_code == 401
    assert await nothing_happened(database)
    await put(api, secret=None, state="active")
    assert (await deliver(api)).status_code == 200


async def test_archived_connection_is_as_an_unknown_one_and_can_be_put_again(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await put(api)
    assert (await deliver(api)).status_code == 200
    assert (await api.delete(ACME, headers={**MANAGER, "If-Match": '"7"'})).status_code == 412
    assert (await api.delete(ACME, headers=MANAGER)).status_code == 204
    archived, unknown = (
        await deliver(api),
        await deliver(api, path="/v1/channels/zendesk/nobody"),
    )
    assert (archived.status_code, archived.content) == (401, unknown.content)
    assert (await api.delete(ACME, headers=MANAGER)).status_code == 204
    nobody = await api.delete("/v1/channels/zendesk/nobody", headers=MANAGER)
    assert nobody.status_code == 404
    shown = await get(api)
    assert (shown["state"], shown["secrets"], shown["version"]) == ("archived", [], 2)
    assert len(await rows(database, "SELECT * FROM contacts")) == 1
    assert (await put(api, secret=None)).status_code == 422
    again = await put(api, headers={"If-None-Match": "*"})
    assert (again.status_code, again.headers["ETag"]) == (204, '"3"')
    assert (await deliver(api)).status_code == 200


async def test_connections_are_listed_by_kind_and_state_in_pages(api: httpx.AsyncClient) -> None:
    for kind, name in (("zendesk", "acme"), ("zendesk", "shop"), ("twilio", "calls")):
        await put(api, f"/v1/channels/{kind}/{name}")
    await put(api, "/v1/channels/zendesk/shop", state="paused")
    await api.delete("/v1/channels/twilio/calls", headers=MANAGER)

    async def listed(**query: Any) -> list[str]:
        answer = await api.get("/v1/channels", params=query, headers=MANAGER)
        assert answer.status_code == 200, answer.text
        return [f"{each['kind']}/{each['connection']}" for each in answer.json()["items"]]

    assert await listed() == ["zendesk/acme", "zendesk/shop"]
    assert await listed(state="archived") == ["twilio/calls"]
    assert await listed(state=["archived", "paused"]) == ["twilio/calls", "zendesk/shop"]
    assert await listed(kind="slack") == []
    first = await api.get("/v1/channels", params={"limit": 1}, headers=MANAGER)
    cursor = first.json()["next_cursor"]
    assert await listed(limit=1, cursor=cursor) == ["zendesk/shop"]


async def test_secret_comes_from_variable_or_file_that_the_operator_allows(
    database: Database[UnitOfWork], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "acme"
    file.write_text(f"{ZENDESK_SECRET}\n", encoding="utf-8")
    monkeypatch.setenv("CHANNEL_ACME", "a-secret-of-the-environment")
    monkeypatch.setenv("OTHER_SECRET", "a-secret-of-the-environment")
    allowed: dict[str, Any] = {"secret_variables": "CHANNEL_*", "secret_directories": str(tmp_path)}
    settings = Settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
            "encryption_keys": ENCRYPTION_KEY,
            **allowed,
        }
    )
    own = Database(database.engine, build(settings).unit_of_work, database.clock)
    async with open_client(build, Settings, own, key, **allowed) as api:
        sources = [{"from_file": str(file)}, {"from_env": "CHANNEL_ACME"}]
        assert (await put(api, secret=None, secrets=sources)).status_code == 204
        of_file, of_env = (await get(api))["secrets"]
        assert (of_file["from_file"], of_env["from_env"]) == (str(file), "CHANNEL_ACME")
        for secret in (ZENDESK_SECRET, "a-secret-of-the-environment"):
            assert (await deliver(api, secret)).status_code == 200
        file.write_text("a-secret-that-was-changed", encoding="utf-8")
        assert (await deliver(api, "a-secret-that-was-changed")).status_code == 200
        for refused in (
            {"from_env": "OTHER_SECRET"},
            {"from_env": "CHANNEL_NOBODY"},
            {"from_file": "/etc/passwd"},
            {"from_file": f"{tmp_path}/../../etc/passwd"},
            {"from_file": f"{tmp_path}/missing"},
            {"value": ZENDESK_SECRET, "from_env": "CHANNEL_ACME"},
            {},
        ):
            answer = await put(api, secret=None, secrets=[refused])
            assert answer.status_code == 422, refused
            assert "a-secret-of" not in answer.text


async def test_link_out_of_an_allowed_directory_is_refused(
    tmp_path: Path, database: Database[UnitOfWork]
) -> None:
    directory, outside = tmp_path / "secrets", tmp_path / "outside"
    directory.mkdir()
    outside.write_text("a-secret-of-somebody-else", encoding="utf-8")
    (directory / "link").symlink_to(outside)
    allowed: dict[str, Any] = {"secret_directories": str(directory)}
    settings = Settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
            **allowed,
        }
    )
    own = Database(database.engine, build(settings).unit_of_work, database.clock)
    async with open_client(build, Settings, own, key, **allowed) as api:
        answer = await put(api, secret=None, secrets=[{"from_file": f"{directory}/link"}])
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "body/secret")


async def test_secret_that_cant_be_read_is_told_and_the_delivery_sent_again(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await put(api)
    other = SecretBox(base64.urlsafe_b64encode(b"x" * 32).decode()).seal(ZENDESK_SECRET)
    async with database.transaction() as uow:
        await uow.connection.driver.execute(
            """
            UPDATE channel_connections
            SET secrets = jsonb_set(secrets, '{0,value}', to_jsonb(CAST($1 AS text)))
            """,
            other,
        )
    answer = await deliver(api)
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:upstairs:problem:secret-unavailable"
    (shown,) = (await get(api))["secrets"]
    assert "UPSTAIRS_ENCRYPTION_KEYS" in shown["problem"]
    assert (await put(api)).status_code == 204
    assert (await deliver(api)).status_code == 200


async def test_last_delivery_and_last_failure_are_written_with_one_statement(
    database: Database[UnitOfWork],
) -> None:
    made: list[NoticedActivity] = []

    def build_and_keep(settings: Settings) -> Any:
        spec = build(settings)
        noticed = spec.state["noticed_activity"]
        assert isinstance(noticed, NoticedActivity)
        made.append(noticed)
        return spec

    async with open_client(build_and_keep, Settings, database, key) as api:
        await put(api)
        await deliver(api)
        await deliver(api, "another-secret")
        await deliver(api, "another-secret", path="/v1/channels/zendesk/nobody")
        writer = ActivityWriter(made[-1], database, Metrics(), ("webhooks",))
        shown = await get(api)
        assert (shown["last_delivery_at"], shown["last_failure"]) == (None, None)
        await writer.write()
        shown = await get(api)
        assert shown["last_delivery_at"] is not None
        assert shown["last_failure"]["code"] == "signature-refused"
        assert len(await rows(database, "SELECT * FROM channel_activity")) == 1
        database.clock.offset += timedelta(minutes=1)
        await deliver(api)
        await writer.write()
        later = await get(api)
        assert later["last_delivery_at"] > shown["last_delivery_at"]
        assert later["last_failure"] == shown["last_failure"]


async def test_trial_shows_what_would_come_of_a_delivery_and_changes_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await put(api, options={"topic_by_tag": {"invoice": "billing"}})
    body = zendesk_body(
        ticket={"tags": ["invoice"], "description": "I want to speak to your manager!"}
    )
    signed = {"body": body.decode(), "headers": dict(zendesk_headers(body))}
    answer = await api.post(f"{ACME}/test", json=signed, headers=MANAGER)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["signature"], shown["signature_detail"], shown["problem"]) == (
        "right",
        None,
        None,
    )
    (event,) = shown["events"]
    assert (event["event"], event["topic"], event["external_ref"]) == (
        "contact_opened",
        "billing",
        "5158",
    )
    assert event["customer"]["customer_id"].startswith("zendesk:acme:")
    assert event["messages"][0]["asks_for_supervisor"] is True
    other = {"body": body.decode(), "options": {"topic_by_tag": {"invoice": "invoices"}}}
    tried = (await api.post(f"{ACME}/test", json=other, headers=MANAGER)).json()
    assert (tried["signature"], tried["events"][0]["topic"]) == ("wrong", "invoices")
    broken = await api.post(f"{ACME}/test", json={"body": '{"type": 7'}, headers=MANAGER)
    assert (broken.status_code, broken.json()["events"]) == (200, [])
    assert broken.json()["problem"]
    wrong = {"body": "{}", "options": {"topic": 5}}
    refused = await api.post(f"{ACME}/test", json=wrong, headers=MANAGER)
    assert refused.json()["errors"][0]["pointer"] == "body/options/topic"
    missing = await api.post("/v1/channels/zendesk/nobody/test", json={}, headers=MANAGER)
    assert missing.status_code == 404
    assert await nothing_happened(database)


@pytest.mark.parametrize("kind", sorted(CHANNELS))
@pytest.mark.parametrize("body", [b"", b"[]", b'{"a": null}', b"\xff\x00", b"--b\r\n\r\nx"])
async def test_trial_answers_every_body_of_every_kind(
    api: httpx.AsyncClient, kind: str, body: bytes
) -> None:
    path = f"/v1/channels/{kind}/acme"
    assert (await put(api, path)).status_code in {204, 422}
    sample = {"body_base64": base64.b64encode(body).decode(), "headers": {"x\u20ac": "\u20ac\n"}}
    answer = await api.post(f"{path}/test", json=sample, headers=MANAGER)
    assert answer.status_code in {200, 404}, answer.text
