"""A receiver, its host or a row that is odd harms no other receiver, and is not called forever."""

from collections.abc import AsyncIterator

import pytest

from common.core.sealed_secrets import SecretBox
from integration.notifier.conftest import ServiceHarness, open_api
from integration.notifier.status_examples import IMPATIENT, SETTINGS, SHOP, Shop
from notifier.commands.rotate_key import rotate_secrets
from support.service_harness import ENCRYPTION_KEY
from support.status_receiver import Answer, StatusReceiver
from support.waiting import until

KIOSK = "/v1/status-webhooks/channel:kiosk"


@pytest.fixture
async def shop(harness: ServiceHarness) -> AsyncIterator[Shop]:
    async with StatusReceiver() as receiver, open_api(harness, **SETTINGS) as client:
        yield Shop(harness, receiver, client)


@pytest.mark.parametrize("host", ["shop..example.com", f"{'a' * 64}.example.com", "127%2e0.0.1"])
async def test_host_that_no_name_service_takes_is_refused(shop: Shop, host: str) -> None:
    refused = await shop.call("PUT", json={"url": f"https://{host}/"})
    assert refused.status_code == 422


@pytest.mark.parametrize("host", ["shop..example.com", "127%2e0.0.1"])
async def test_call_to_host_that_no_name_service_takes_is_a_failure(shop: Shop, host: str) -> None:
    await shop.put()
    await shop.harness.execute(f"UPDATE status_webhooks SET url = 'https://{host}/'")
    tested = await shop.call("POST", f"{SHOP}/test")
    assert (tested.status_code, tested.json()["delivered"]) == (200, False)
    async with shop.sending(IMPATIENT):
        await shop.tell("received")
        await until(shop.deliveries, lambda listed: listed[0]["attempts"] > 1)


async def test_answer_with_impossible_date_is_a_failure(shop: Shop) -> None:
    await shop.put()
    wait = {"Retry-After": f"Mon, {'9' * 30} Mar 2026 14:00:30 GMT"}
    shop.receiver.answers.append(Answer(503, headers=wait))
    async with shop.sending(IMPATIENT):
        await shop.tell("received")
        await until(lambda: shop.receiver.accepted)


async def test_answer_of_the_address_before_says_nothing_of_the_new_one(shop: Shop) -> None:
    async with StatusReceiver() as before:
        before.secrets = shop.receiver.secrets
        put = await shop.call("PUT", json={"url": before.url})
        shop.receiver.secrets.append(put.json()["secret"])
        before.may_answer.clear()
        before.answers.append(Answer(410))
        async with shop.sending(IMPATIENT):
            contact = await shop.tell("received")
            await until(lambda: before.max_at_once == 1)
            await shop.put()
            before.may_answer.set()
            await until(lambda: shop.receiver.statuses_of(contact))
    assert (await shop.call("GET")).json()["state"] == "active"


@pytest.mark.parametrize(
    "poison",
    [
        "UPDATE status_deliveries SET content = '[]' WHERE source = 'channel:kiosk'",
        "UPDATE status_webhooks SET secrets = '17' WHERE source = 'channel:kiosk'",
    ],
)
async def test_row_that_can_not_be_read_keeps_no_other_waiting(shop: Shop, poison: str) -> None:
    await shop.put()
    await shop.call("PUT", KIOSK, "mona", json={"url": shop.receiver.url})
    await shop.tell("received", source="channel:kiosk")
    await shop.harness.execute(poison)
    async with shop.sending(IMPATIENT):
        contact = await shop.tell("received", "assigned")
        await until(lambda: len(shop.receiver.statuses_of(contact)) == 2)


async def test_webhook_that_can_not_be_read_is_disabled_until_it_is_put_again(shop: Shop) -> None:
    await shop.put()
    await shop.harness.execute("""UPDATE status_webhooks SET statuses = '["unknown"]'""")
    shown = await shop.call("GET")
    assert shown.json()["disabled_reason"] == "its row can't be read"
    listed = await shop.call("GET", "/v1/status-webhooks")
    assert [each["state"] for each in listed.json()["items"]] == ["disabled"]
    tested = await shop.call("POST", f"{SHOP}/test")
    assert (tested.status_code, tested.json()["delivered"]) == (200, False)
    assert shop.receiver.received == []
    # It is as if it was disabled: an event about its contact is handled.
    await shop.tell("received")
    put = await shop.put()
    assert (put.status_code, put.headers["etag"]) == (200, '"2"')
    async with shop.sending(IMPATIENT):
        contact = await shop.tell("received")
        await until(lambda: shop.receiver.statuses_of(contact) == ["received"])


async def test_webhook_that_can_not_be_read_gets_a_secret_and_is_removed(shop: Shop) -> None:
    await shop.put()
    await shop.harness.execute("UPDATE status_webhooks SET secrets = '17'")
    rotation = await rotate_secrets(shop.harness.database, SecretBox(ENCRYPTION_KEY))
    assert rotation.unreadable == ["status webhook channel:shop"]
    rotated = await shop.call("POST", f"{SHOP}/rotate-secret", json={})
    assert (rotated.status_code, rotated.json()["old_secret_ends_at"]) == (200, None)
    await shop.harness.execute("UPDATE status_webhooks SET secrets = '17'")
    assert (await shop.call("DELETE")).status_code == 204
    assert (await shop.call("GET")).status_code == 404


async def _delivered(shop: Shop) -> int:
    (row,) = await shop.harness.rows(
        "SELECT count(*) FROM status_deliveries WHERE state = 'delivered'"
    )
    return int(row[0])


async def test_result_that_cannot_be_recorded_keeps_no_other_waiting(shop: Shop) -> None:
    await shop.put()
    shop.receiver.may_answer.clear()
    async with shop.sending(IMPATIENT):
        contacts = [await shop.tell("received") for _ in range(3)]
        await until(lambda: shop.receiver.max_at_once == 3)
        odd = f"UPDATE status_deliveries SET content = '17' WHERE contact_id = '{contacts[1]}'"
        await shop.harness.execute(odd)
        shop.receiver.may_answer.set()
        await until(lambda: _delivered(shop), lambda count: count == 2)
        assert len(shop.receiver.received) == 3, "none had to be sent again"
        last = await shop.tell("received")
        await until(lambda: shop.receiver.statuses_of(last))
