"""Who sets a status webhook, and where it may lead."""

from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography.fernet import Fernet

from common.core.sealed_secrets import SecretBox
from integration.notifier.conftest import ServiceHarness, open_api
from integration.notifier.status_examples import SETTINGS, SHOP, Shop
from notifier.commands.rotate_key import rotate_secrets
from support.service_harness import ENCRYPTION_KEY
from support.status_receiver import Answer, StatusReceiver
from support.waiting import until

URL = "https://shop.example.com/statuses"


@pytest.fixture
async def shop(harness: ServiceHarness) -> AsyncIterator[Shop]:
    async with StatusReceiver() as receiver, open_api(harness, **SETTINGS) as client:
        yield Shop(harness, receiver, client)


async def test_secret_is_shown_once_and_stored_encrypted(shop: Shop) -> None:
    put = await shop.put()
    assert put.headers["etag"] == '"1"'
    secret = put.json()["secret"]
    assert secret.startswith("whsec_")
    assert (await shop.call("GET")).json()["secret"] is None
    stored = str([tuple(row) for row in await shop.harness.rows("SELECT * FROM status_webhooks")])
    assert secret.removeprefix("whsec_") not in stored
    again = await shop.call("PUT", json={"url": shop.receiver.url})
    assert again.json()["secret"] is None, "an existing webhook keeps its secret"
    own = await shop.put(secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert own.status_code == 200


async def test_idempotency_key_keeps_no_secret(shop: Shop) -> None:
    body = {"url": shop.receiver.url}
    answers = [
        await shop.call("PUT", json=body, headers={"Idempotency-Key": "k"}),
        await shop.call("POST", f"{SHOP}/rotate-secret", json={}, headers={"Idempotency-Key": "r"}),
    ]
    secrets = [answer.json()["secret"] for answer in answers]
    stored = str([tuple(row) for row in await shop.harness.rows("SELECT * FROM idempotency_keys")])
    assert all(secrets)
    assert not any(secret in stored for secret in secrets)
    tested = await shop.call("POST", f"{SHOP}/test", headers={"Idempotency-Key": "t"})
    assert tested.status_code == 200
    assert len(await shop.harness.rows("SELECT * FROM idempotency_keys")) == 1


async def test_channel_sets_its_own_webhook_and_manager_any(shop: Shop) -> None:
    other = "/v1/status-webhooks/channel:kiosk"
    body = {"url": shop.receiver.url}
    for method, path in (
        ("PUT", other),
        ("GET", other),
        ("DELETE", other),
        ("POST", f"{other}/test"),
        ("POST", f"{other}/rotate-secret"),
        ("POST", f"{other}/replay"),
        ("GET", f"{other}/deliveries"),
    ):
        sent = {"PUT": body, "POST": {}}.get(method)
        refused = await shop.call(method, path, json=sent)
        assert refused.status_code == 403, (method, path)
        assert refused.json()["type"].endswith("not-your-status-webhook")
    assert (await shop.call("PUT", other, "mona", json=body)).status_code == 200
    assert (await shop.put()).status_code == 200
    assert (await shop.call("PUT", SHOP, "sara", json=body)).status_code == 403
    own = await shop.call("GET", "/v1/status-webhooks")
    assert [item["source"] for item in own.json()["items"]] == ["channel:shop"]
    every = await shop.call("GET", "/v1/status-webhooks", "mona", params={"limit": 1})
    assert [item["source"] for item in every.json()["items"]] == ["channel:kiosk"]
    cursor = every.json()["next_cursor"]
    rest = await shop.call("GET", "/v1/status-webhooks", "mona", params={"cursor": cursor})
    assert [item["source"] for item in rest.json()["items"]] == ["channel:shop"]


async def test_stale_change_is_refused(shop: Shop) -> None:
    tag = (await shop.put()).headers["etag"]
    await shop.put(statuses=["resolved"])
    body = {"url": shop.receiver.url}
    stale = await shop.call("PUT", json=body, headers={"If-Match": tag})
    new_only = await shop.call("PUT", json=body, headers={"If-None-Match": "*"})
    assert new_only.status_code == 412
    assert new_only.json()["type"].endswith(":stale")
    assert stale.status_code == 412
    assert (await shop.call("DELETE", headers={"If-Match": tag})).status_code == 412
    assert (await shop.call("DELETE", headers={"If-Match": '"2"'})).status_code == 204
    assert (await shop.call("GET")).status_code == 404
    missing = await shop.call("PUT", json=body, headers={"If-Match": "*"})
    assert missing.status_code == 412


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/statuses",
        "https://10.0.0.1/statuses",
        "https://[::1]/statuses",
        "https://[::ffff:10.0.0.1]/statuses",
        "https://169.254.169.254/latest",
        "https://2130706433/statuses",
        "https://user:word@shop.example.com/statuses",
    ],
)
async def test_private_and_plain_receivers_are_refused(shop: Shop, url: str) -> None:
    refused = await shop.call("PUT", json={"url": url})
    assert refused.status_code == 422, refused.text
    assert refused.json()["type"].endswith("receiver-refused")


async def test_host_that_resolves_to_private_address_is_not_called(shop: Shop) -> None:
    port = shop.receiver.url.split(":")[2].split("/")[0]
    put = await shop.call("PUT", json={"url": f"https://localhost:{port}/statuses"})
    assert put.status_code == 200, "its address is looked up when it is called"
    tested = (await shop.call("POST", f"{SHOP}/test")).json()
    assert not tested["delivered"]
    assert tested["detail"] == "not called: the host has an address of a private network"
    assert not shop.receiver.received


@pytest.mark.parametrize(
    ("scheme", "port", "detail"),
    [
        ("http", 1, "not reached: no connection to the host"),
        ("https", None, "not reached: no TLS connection, or no valid certificate"),
    ],
)
async def test_test_message_says_why_receiver_is_not_reached(
    shop: Shop, scheme: str, port: int | None, detail: str
) -> None:
    receiver = httpx.URL(shop.receiver.url)
    url = receiver.copy_with(scheme=scheme, port=port or receiver.port)
    assert (await shop.call("PUT", json={"url": str(url)})).status_code == 200
    assert (await shop.call("POST", f"{SHOP}/test")).json()["detail"] == detail


async def test_without_encryption_keys_nobody_sets_webhook(harness: ServiceHarness) -> None:
    async with open_api(harness) as client:
        shop = Shop(harness, StatusReceiver(), client)
        refused = await shop.call("PUT", json={"url": "https://shop.example.com/statuses"})
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("status-webhooks-off")


async def test_test_message_says_how_the_receiver_answers(shop: Shop) -> None:
    await shop.put()
    first = (await shop.call("POST", f"{SHOP}/test")).json()
    assert first["delivered"]
    assert shop.receiver.received[0].body["type"] == "contact.test"
    assert shop.receiver.received[0].webhook_id == first["webhook_id"]
    shop.receiver.answers.append(Answer(302, {"Location": "https://example.com"}))
    second = (await shop.call("POST", f"{SHOP}/test")).json()
    assert second["detail"] == "answered 302: redirections are not followed"
    assert len(shop.receiver.received) == 2


async def test_rotated_secret_signs_beside_the_old_one(shop: Shop) -> None:
    old = (await shop.put()).json()["secret"]
    rotated = await shop.call("POST", f"{SHOP}/rotate-secret", json={"overlap_hours": 1})
    new = rotated.json()["secret"]
    assert new != old
    assert rotated.json()["old_secret_ends_at"] is not None
    for accepted in (old, new):
        shop.receiver.secrets = [accepted]
        assert (await shop.call("POST", f"{SHOP}/test")).json()["delivered"]
    at_once = await shop.call("POST", f"{SHOP}/rotate-secret", json={"overlap_hours": 0})
    shop.receiver.secrets = [new]
    assert (await shop.call("POST", f"{SHOP}/test")).json()["answer"] == 401
    shop.receiver.secrets = [at_once.json()["secret"]]
    assert (await shop.call("POST", f"{SHOP}/test")).json()["delivered"]


async def test_deliveries_are_listed_by_page_and_state(shop: Shop) -> None:
    await shop.put()
    contact = await shop.tell("received", "assigned", "resolved")
    await shop.tell("received")
    waiting = (await shop.call("GET")).json()
    assert waiting["waiting"] == 4
    assert waiting["oldest_waiting_since"] is not None
    page = (await shop.call("GET", f"{SHOP}/deliveries", params={"limit": 3})).json()
    query = {"limit": 3, "cursor": page["next_cursor"]}
    rest = (await shop.call("GET", f"{SHOP}/deliveries", params=query)).json()
    assert len(page["items"]) == 3
    assert len(rest["items"]) == 1
    assert await shop.count("delivered") == 0
    async with shop.harness.delivering(**SETTINGS):
        await until(lambda: shop.count("delivered"), lambda count: count == 4)
    of_contact = await shop.deliveries(contact_id=contact)
    assert [item["status"] for item in of_contact] == ["resolved", "assigned", "received"]


async def test_secrets_get_another_encryption_key(shop: Shop) -> None:
    await shop.put()
    await shop.call("PUT", "/v1/status-webhooks/channel:kiosk", "mona", json={"url": URL})
    new = Fernet.generate_key().decode()
    rotation = await rotate_secrets(shop.harness.database, SecretBox(new, ENCRYPTION_KEY), 1)
    assert (rotation.secrets, rotation.unreadable) == (2, [])
    async with open_api(shop.harness, **{**SETTINGS, "encryption_keys": new}) as client:
        rotated = Shop(shop.harness, shop.receiver, client)
        assert (await rotated.call("POST", f"{SHOP}/test")).json()["delivered"]
    assert not (await shop.call("POST", f"{SHOP}/test")).json()["delivered"]
    lost = await rotate_secrets(shop.harness.database, SecretBox(ENCRYPTION_KEY))
    assert lost.unreadable == ["status webhook channel:kiosk", "status webhook channel:shop"]
