"""A channel that is made up here takes part in everything: one class, given to `build`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Literal, Self

import httpx
import orjson
import pytest

from common.contracts.notifications import Medium
from integration.notifier.conftest import (
    HEADLINE,
    ServiceHarness,
    acknowledged,
    key,
    page_also,
    paged,
)
from notifier import rendering
from notifier.channels.base import Channel, ChannelAddress, Press, SignatureRefusedError
from notifier.channels.registry import CHANNELS
from notifier.domain.delivery import Outcome, Sent
from notifier.domain.notifications import Notification
from notifier.links import Links
from notifier.settings import Settings
from support.waiting import until

DANA: dict[str, Any] = {
    "name": "Dana Ruiz",
    "media": [
        {"medium": "webhook", "user_id": "T-dana"},
        {"medium": "email", "address": "dana@example.com"},
    ],
}


class WebhookAddress(ChannelAddress):
    medium: Literal["webhook"]
    user_id: str


class Webhook(Channel):
    medium: ClassVar[Medium] = "webhook"
    address = WebhookAddress
    editable = True
    interactive = True
    sent: ClassVar[list[tuple[str, str, str]]] = []
    tokens: ClassVar[list[str]] = []

    def __init__(self, links: Links) -> None:
        self._links = links

    @classmethod
    def from_settings(cls, _settings: Settings, links: Links) -> Self:
        return cls(links)

    async def close(self) -> None:
        self.sent.append(("closed", "", ""))

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        self.tokens.append(
            self._links.token(notification.notification_id, "press", notification.link_epoch)
        )
        return self._posted(
            "sent", notification, rendering.words(notification.content, at).headline
        )

    async def update(self, notification: Notification, at: datetime) -> Outcome:
        assert notification.content.status
        status = rendering.status_text(notification.content.status, at)
        return self._posted("updated", notification, status)

    def _posted(self, kind: str, notification: Notification, text: str) -> Outcome:
        self.sent.append((kind, WebhookAddress.read(notification.address).user_id, text))
        return Sent({"id": "7"})

    def presses(self, headers: Mapping[str, str], body: bytes, _at: datetime) -> Sequence[Press]:
        if headers.get("x-teams") != "signed":
            raise SignatureRefusedError("not Webhook")
        return [Press(**orjson.loads(body))]


@pytest.fixture
def harness(harness: ServiceHarness) -> ServiceHarness:
    Webhook.sent.clear()
    Webhook.tokens.clear()
    return replace(harness, channels=(*CHANNELS, Webhook))


async def test_recipient_may_have_an_address_of_the_new_channel(api: httpx.AsyncClient) -> None:
    saved = await api.put("/v1/recipients/dana", json=DANA, headers=key("root"))
    assert saved.status_code == 200
    assert saved.json().items() >= {"person_id": "dana", **DANA, "time_zone": "UTC"}.items()
    shown = await api.get("/v1/recipients/dana", headers=key("root"))
    assert shown.json()["media"] == DANA["media"]
    taken = await api.put("/v1/recipients/omar", json=DANA, headers=key("root"))
    assert taken.status_code == 409
    wrong = {"name": "Dana", "media": [{"medium": "webhook", "address": "dana@example.com"}]}
    assert (
        await api.put("/v1/recipients/dana", json=wrong, headers=key("root"))
    ).status_code == 422


async def test_page_is_sent_pressed_and_updated_by_the_new_channel(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    for person in ("dana", "omar"):
        media = [{"medium": "webhook", "user_id": f"T-{person}"}]
        body = {"name": person.capitalize(), "media": media}
        await api.put(f"/v1/recipients/{person}", json=body, headers=key("root"))
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page, page_also(page, "omar"))
        await until(lambda: Webhook.sent, lambda sent: len(sent) == 2)
        assert set(Webhook.sent) == {("sent", "T-dana", HEADLINE), ("sent", "T-omar", HEADLINE)}

        press = {"token": Webhook.tokens[0], "user_id": "T-omar", "action": "take_over"}
        refused = await api.post("/v1/callbacks/webhook", json=press)
        assert refused.status_code == 401
        pressed = await api.post("/v1/callbacks/webhook", json=press, headers={"x-teams": "signed"})
        assert pressed.status_code == 200
        await until(harness.states, lambda states: states == [("page", "webhook", "sent")] * 2)
        (acted,) = [
            event
            for event in await harness.published()
            if event["event"] == "notification_acted_on"
        ]
        assert (acted["person_id"], acted["medium"], acted["action"]) == (
            "omar",
            "webhook",
            "take_over",
        )

        await harness.handle(acknowledged(page, "omar"))
        await until(lambda: Webhook.sent, lambda sent: len(sent) == 4)
    assert set(Webhook.sent[2:]) == {
        ("closed", "", ""),
        ("updated", "T-dana", "Acknowledged by Omar"),
        ("updated", "T-omar", "Acknowledged by Omar"),
    }


async def test_channels_without_buttons_have_no_callback(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/callbacks/email")).status_code == 404
    for medium in ("slack", "webhook"):
        assert (await api.post(f"/v1/callbacks/{medium}")).status_code != 404
