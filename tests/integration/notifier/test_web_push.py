"""Notifications on devices: added by their person, sent to each, forgotten once they are gone."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from integration.notifier.conftest import ServiceHarness, key, open_api, paged
from notifier.web_push.vapid import VapidKey
from support.push_service import PushService, Subscription
from support.waiting import until

KEY = VapidKey.generate()
DEVICES = "/v1/recipients/{}/devices"


@dataclass(frozen=True)
class Phones:
    """The API with Web Push, and the push service of the browsers."""

    harness: ServiceHarness
    service: PushService
    client: httpx.AsyncClient
    settings: Mapping[str, Any]

    async def add(
        self,
        person: str,
        subscription: Subscription,
        *,
        caller: str | None = None,
        name: str = "Phone",
    ) -> httpx.Response:
        return await self.client.post(
            DEVICES.format(person),
            json={"name": name, **subscription.fields},
            headers=key(caller or person),
        )

    async def names(self, person: str, caller: str | None = None) -> list[str]:
        answer = await self.client.get(DEVICES.format(person), headers=key(caller or person))
        return [item["name"] for item in answer.json()["items"]]

    async def deliver(self, person: str, **changes: Any) -> None:
        """Send a page, and wait until it is sent or has failed on every medium."""
        async with self.harness.delivering(**self.settings):
            await self.harness.handle(paged(person, **changes))
            await until(self.harness.states, _are_over)


def _are_over(states: list[tuple[str, str, str]]) -> bool:
    return bool(states) and all(state in ("sent", "failed") for _, _, state in states)


@pytest.fixture
async def phones(harness: ServiceHarness) -> AsyncIterator[Phones]:
    async with PushService() as service:
        settings = {
            "web_push_key": KEY.private,
            "web_push_services": (service.url,),
            "web_push_contact": "mailto:ops@example.com",
        }
        async with open_api(harness, **settings) as client:
            yield Phones(harness, service, client, settings)


async def test_page_is_shown_on_each_device_of_the_person(phones: Phones) -> None:
    await phones.harness.add_recipient("dana", "slack")
    phone, laptop = phones.service.subscribe(), phones.service.subscribe()
    for device in (phone, laptop):
        assert (await phones.add("dana", device)).status_code == 201
    await phones.deliver("dana")
    assert sorted(await phones.harness.states()) == [
        ("page", "slack", "sent"),
        ("page", "web_push", "sent"),
    ]
    for device in (phone, laptop):
        (push,) = phones.service.received(device)
        message = device.read(push.content)
        assert message["title"] == "Billing chat from a customer: first response 2 h overdue"
        assert "Ada" not in str(message)
        assert push.key == KEY.public
        assert push.claims["aud"] == phones.service.url
        assert push.claims["sub"] == "mailto:ops@example.com"
        assert push.headers["Urgency"] == "high"
        assert 0 < int(push.headers["TTL"]) <= 600
        assert push.headers["Content-Encoding"] == "aes128gcm"


async def test_device_that_is_gone_is_forgotten_and_the_others_are_not(phones: Phones) -> None:
    phone, laptop = phones.service.subscribe(), phones.service.subscribe()
    await phones.add("dana", phone, name="Phone")
    await phones.add("dana", laptop, name="Laptop")
    phones.service.answer(phone, 410)
    await phones.deliver("dana")
    assert await phones.names("dana") == ["Laptop"]
    assert await phones.harness.states() == [("page", "web_push", "sent")]


async def test_page_fails_if_the_last_device_is_gone(phones: Phones) -> None:
    phone = phones.service.subscribe()
    await phones.add("dana", phone)
    phones.service.answer(phone, 404)
    await phones.deliver("dana")
    assert await phones.names("dana") == []
    published = await phones.harness.published()
    assert [event["event"] for event in published] == [
        "recipient_changed",
        "notification_failed",
        "recipient_changed",
    ]
    assert published[0]["media"] == ["web_push"]
    assert published[-1]["media"] == []


async def test_push_service_that_asks_to_wait_is_called_again_later(phones: Phones) -> None:
    phone = phones.service.subscribe()
    await phones.add("dana", phone)
    phones.service.answer(phone, 429, Retry_After="600")
    async with phones.harness.delivering(**phones.settings):
        await phones.harness.handle(paged("dana"))
        await until(phones.harness.attempts)
        phones.service.answer(phone, 201)
        assert await phones.harness.states() == [("page", "web_push", "pending")]
        (row,) = await phones.harness.rows(
            "SELECT due_at - began_at > interval '9 minutes' AS is_late FROM notifications"
        )
        assert row.is_late


async def test_person_sets_only_their_own_device(phones: Phones) -> None:
    phone = phones.service.subscribe()
    for caller in ("mona", "root", "sara"):
        answer = await phones.add("dana", phone, caller=caller)
        assert answer.status_code == 403, caller
    assert await phones.names("dana") == []


async def test_admin_may_remove_a_lost_device(phones: Phones) -> None:
    device_id = (await phones.add("dana", phones.service.subscribe())).json()["device_id"]
    path = f"{DEVICES.format('dana')}/{device_id}"
    assert (await phones.client.delete(path, headers=key("sara"))).status_code == 403
    assert (await phones.client.delete(path, headers=key("root"))).status_code == 204
    assert (await phones.client.delete(path, headers=key("root"))).status_code == 404
    assert await phones.names("dana") == []


async def test_browser_of_two_people_shows_only_the_notifications_of_the_last(
    phones: Phones,
) -> None:
    shared = phones.service.subscribe()
    await phones.add("dana", shared)
    await phones.add("sara", shared)
    assert await phones.names("dana") == []
    assert await phones.names("sara") == ["Phone"]


async def test_device_leaves_links_and_contact_methods_as_they_are(phones: Phones) -> None:
    await phones.harness.add_recipient("dana", "slack")
    before = await phones.client.get("/v1/recipients/dana", headers=key("dana"))
    await phones.add("dana", phones.service.subscribe())
    after = await phones.client.get("/v1/recipients/dana", headers=key("dana"))
    assert after.json() == before.json()
    (row,) = await phones.harness.rows("SELECT link_epoch FROM recipients")
    assert row.link_epoch == 1
    # And the contact methods may be put without a loss of the device.
    body = {"name": "Dana", "media": [{"medium": "email", "address": "dana@example.com"}]}
    put = await phones.client.put("/v1/recipients/dana", json=body, headers=key("dana"))
    assert put.status_code == 200
    assert await phones.names("dana") == ["Phone"]


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "https://169.254.169.254/latest"},
        {"endpoint": "http://notifier:8000/v1/recipients"},
        {"endpoint": "javascript:alert(1)"},
        {"p256dh": "AAAA"},
        {"auth": "not base64 at all"},
        {"name": ""},
    ],
)
async def test_wrong_device_is_refused(phones: Phones, changes: dict[str, str]) -> None:
    fields = {"name": "Phone", **phones.service.subscribe().fields, **changes}
    answer = await phones.client.post(DEVICES.format("dana"), json=fields, headers=key("dana"))
    assert answer.status_code == 422
    assert await phones.names("dana") == []


async def test_without_a_key_no_device_can_be_added(api: httpx.AsyncClient, phones: Phones) -> None:
    shown = await api.get("/v1/web-push", headers=key("dana"))
    assert shown.json() == {"public_key": None}
    fields = {"name": "Phone", **phones.service.subscribe().fields}
    answer = await api.post(DEVICES.format("dana"), json=fields, headers=key("dana"))
    assert answer.status_code == 409
    on = await phones.client.get("/v1/web-push", headers=key("dana"))
    assert on.json() == {"public_key": KEY.public}
