"""A manager sets status webhooks in a browser without scripts, in front of the real notifier."""

import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from common.contracts.statuses import ContactStatusChanged
from common.core.ids import new_id
from integration.console.harness import SAME_ORIGIN, Unreachable
from integration.console.settings_harness import form_of, text_of
from integration.console.systems_harness import SHOP, Systems
from support.status_receiver import Answer, StatusReceiver

NEW = "/settings/new/status-webhooks"
LIST = "/settings/status-webhooks"
OWN_SECRET = "whsec_c29tZSByYW5kb20gYnl0ZXMgb2YgYSB0ZXN0"


@pytest.fixture
async def receiver() -> AsyncIterator[StatusReceiver]:
    async with StatusReceiver() as receiver:
        yield receiver


async def send(systems: Systems, address: str, **fields: str) -> httpx.Response:
    return await systems.mia.client.post(address, data=fields, headers=SAME_ORIGIN)


async def tell(systems: Systems, status: str = "resolved") -> None:
    """Let notifier hear that a contact of the shop has a status."""
    fields = {
        "contact_id": new_id(),
        "occurred_at": systems.console.database.clock.utc_now(),
        "source": "channel:shop",
        "status": status,
        "change_id": new_id(),
        "external_ref": "chat-7",
    }
    await systems.of_notifier.handle_events(msgspec.convert(fields, ContactStatusChanged))


def secret_on(page: httpx.Response) -> str:
    match = re.search(r"<code>(whsec_[^<]+)</code>", page.text)
    assert match, page.text
    return match[1]


async def test_secret_of_a_new_webhook_is_made_and_shown_once(
    systems: Systems, receiver: StatusReceiver
) -> None:
    mia = systems.mia
    changes = {"setting-id": "channel:shop", "url": receiver.url, "statuses": ["resolved"]}
    page, fields = await mia.review(NEW, **changes)
    assert 'type="password"' in page
    saved = await mia.press(NEW, fields, "save")
    assert (saved.status_code, saved.headers["cache-control"]) == (200, "no-store")
    receiver.secrets = [secret_on(saved)]
    assert receiver.secrets[0] not in await mia.read(SHOP)
    tested = await send(systems, f"{SHOP}/test")
    assert "The receiver took the test." in tested.text
    receiver.otherwise = Answer(500)
    refused = text_of((await send(systems, f"{SHOP}/test")).text)
    assert "The receiver did not take the test." in refused
    assert "answered 500" in refused


async def test_own_secret_is_never_shown(systems: Systems, receiver: StatusReceiver) -> None:
    page, fields = await systems.mia.review(
        NEW, **{"setting-id": "channel:shop", "url": receiver.url}
    )
    assert OWN_SECRET not in page
    wrong = await systems.mia.press(NEW, {**fields, "secrets/secret": "whsec_short"}, "save")
    assert wrong.status_code == 422
    assert 'id="problem-secrets/secret"' in wrong.text
    saved = await systems.mia.press(NEW, {**fields, "secrets/secret": OWN_SECRET}, "save")
    assert (saved.status_code, saved.headers["location"]) == (303, f"{SHOP}?done=saved")
    receiver.secrets = [OWN_SECRET]
    assert "took the test" in (await send(systems, f"{SHOP}/test")).text


@pytest.mark.parametrize("name", ["shop", "a:b:c", "", "é:x"])
async def test_system_has_a_kind_and_a_name(systems: Systems, name: str) -> None:
    fields = {
        **form_of(await systems.mia.read(NEW)),
        "setting-id": name,
        "url": "https://x.example",
    }
    refused = await systems.mia.press(NEW, fields, "review")
    assert refused.status_code == 422
    assert "a kind and a name with a colon" in text_of(refused.text)


async def test_refused_address_is_shown_beside_its_field(systems: Systems) -> None:
    _, fields = await systems.mia.review(
        NEW, **{"setting-id": "channel:shop", "url": "https://10.0.0.1/statuses"}
    )
    refused = await systems.mia.press(NEW, fields, "save")
    assert refused.status_code == 422
    assert 'id="problem-url"' in refused.text


async def test_lists_say_what_waits_and_has_failed(
    systems: Systems, receiver: StatusReceiver
) -> None:
    await systems.put_webhook(receiver.url)
    await tell(systems, "assigned")
    await tell(systems, "resolved")
    failing = (
        "UPDATE status_deliveries SET state = 'failed', due_at = NULL, detail = 'answered 500'"
    )
    await systems.change_row(f"{failing} WHERE status = 'resolved'")
    listed = text_of(await systems.mia.read(LIST))
    assert re.search(r"Waiting: 1, the oldest for .* Not delivered: 1", listed)
    page = text_of(await systems.mia.read(SHOP))
    assert "answered 500" in page
    assert page.count("chat-7") == 2


async def test_failed_statuses_are_sent_again(systems: Systems, receiver: StatusReceiver) -> None:
    await systems.put_webhook(receiver.url)
    await tell(systems)
    await systems.change_row("UPDATE status_deliveries SET state = 'failed', due_at = NULL")
    wrong = await send(systems, f"{SHOP}/replay", since="yesterday")
    assert wrong.status_code == 422
    later = await send(systems, f"{SHOP}/replay", since="2090-01-01T00:00")
    assert later.headers["location"] == f"{SHOP}?done=replayed&count=0"
    done = await send(systems, f"{SHOP}/replay", since="")
    assert done.headers["location"] == f"{SHOP}?done=replayed&count=1"
    assert "1 status is sent again." in await systems.mia.read(done.headers["location"])
    assert "waits to be sent" in await systems.mia.read(SHOP)


async def test_disabled_webhook_says_why_and_is_resumed(
    systems: Systems, receiver: StatusReceiver
) -> None:
    await systems.put_webhook(receiver.url, statuses=["resolved"])
    gone = "UPDATE status_webhooks SET state = 'disabled', disabled_reason = 'answered 410'"
    await systems.change_row(gone)
    assert "disabled" in text_of(await systems.mia.read(LIST))
    page = await systems.mia.read(SHOP)
    assert "answered 410" in page
    resumed = await send(
        systems, f"{SHOP}/resume", **form_of(await systems.mia.read(f"{SHOP}/resume"))
    )
    assert resumed.headers["location"] == f"{SHOP}?done=resumed"
    shown = (await systems.notifier.get("/v1/status-webhooks/channel:shop")).json()
    assert (shown["state"], shown["statuses"]) == ("active", ["resolved"])


async def test_secret_is_changed_while_the_one_before_signs_too(
    systems: Systems, receiver: StatusReceiver
) -> None:
    before = (await systems.put_webhook(receiver.url))["secret"]
    wrong = await send(systems, f"{SHOP}/secret", **{"secrets/overlap_hours": "soon"})
    assert wrong.status_code == 422
    made = await send(systems, f"{SHOP}/secret", **{"secrets/overlap_hours": "24"})
    for secret in (before, secret_on(made)):
        receiver.secrets = [secret]
        assert "took the test" in (await send(systems, f"{SHOP}/test")).text
    assert "The secret before signs too until" in await systems.mia.read(SHOP)
    fields = {"secrets/overlap_hours": "0", "secrets/secret": OWN_SECRET}
    own = await send(systems, f"{SHOP}/secret", **fields)
    assert own.headers["location"] == f"{SHOP}?done=secret"
    assert OWN_SECRET not in own.text


async def test_webhook_that_somebody_else_changed_is_not_removed(
    systems: Systems, receiver: StatusReceiver
) -> None:
    await systems.put_webhook(receiver.url)
    fields = form_of(await systems.mia.read(f"{SHOP}/remove"))
    await systems.put_webhook(receiver.url, statuses=["resolved"])
    refused = await send(systems, f"{SHOP}/remove", **fields)
    assert refused.status_code == 412
    assert "ops changed it" in text_of(refused.text)
    removed = await send(systems, f"{SHOP}/remove", **form_of(refused.text))
    assert removed.headers["location"] == f"{LIST}?done=removed"
    assert (await systems.mia.client.get(SHOP)).status_code == 404


async def test_page_says_so_while_notifier_does_not_answer(systems: Systems) -> None:
    systems.console.clients["notifier"] = httpx.AsyncClient(
        transport=Unreachable(), base_url="http://notifier"
    )
    for address in (LIST, "/settings/write-backs"):
        page = await systems.mia.client.get(address)
        assert page.status_code == 200
        assert "There is none." not in page.text
    assert (await systems.mia.client.get(SHOP)).status_code == 503
