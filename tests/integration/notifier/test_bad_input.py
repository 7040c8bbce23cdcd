"""Whatever an outside system does: one story that says so, no second message, no call inward."""

import socket
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from apprise import Apprise
from apprise.plugins.telegram import NotifyTelegram

from common.contracts.notifications import Medium
from integration.notifier.bad_input import (
    BAD_TEMPLATES,
    CASES,
    NOT_APPLICABLE,
    STORIES,
    WEBHOOK_ANSWERS,
    Receiver,
    behaviour_of,
    receiver,
)
from integration.notifier.conftest import ServiceHarness, key, open_api, paged
from integration.notifier.examples import only_notification, story
from integration.notifier.status_examples import SETTINGS, SHOP
from notifier.channels.registry import CHANNELS
from notifier.domain.message_templates import TEMPLATE_MEDIA
from support.hostile_server import HostileServer, hang
from support.push_service import PushService, Subscription
from support.telegram_bots import CHAT_URL
from support.waiting import until

CELLS = [(medium, case) for medium, stories in STORIES.items() for case in stories]


async def add_dana(api: httpx.AsyncClient, medium: Medium, kind: Receiver, url: str) -> None:
    media = [] if medium == "web_push" else [kind.address]
    body = {"name": "Dana", "media": media}
    put = await api.put("/v1/recipients/dana", json=body, headers=key("root"))
    assert put.is_success, put.text
    if medium == "web_push":
        await add_device(api, Subscription(f"{url}/device"))


async def add_device(api: httpx.AsyncClient, device: Subscription) -> None:
    body = {"name": device.endpoint[-20:], **device.fields}
    added = await api.post("/v1/recipients/dana/devices", json=body, headers=key("dana"))
    assert added.status_code == 201, added.text


@pytest.mark.parametrize(
    ("medium", "case"), CELLS, ids=[f"{medium}-{case}" for medium, case in CELLS]
)
async def test_story_of_a_message_to_an_outside_system_that_misbehaves(
    harness: ServiceHarness, monkeypatch: pytest.MonkeyPatch, medium: Medium, case: str
) -> None:
    waits = case.endswith("Retry-After")
    limits: dict[str, Any]
    limits = {"delivery_timeout_seconds": 0.5, "delivery_attempts": 2 if waits else 1}
    # With its first address the library loads all that it has, which takes longer.
    assert Apprise.instantiate(CHAT_URL)
    async with HostileServer(hang) as inward:
        behaviour = behaviour_of(medium, case, inward)
        async with HostileServer(behaviour, reads_first=medium != "email") as server:
            monkeypatch.setattr(NotifyTelegram, "notify_url", f"{server.url}/bot")
            kind = receiver(medium, server)
            async with (
                open_api(harness, **kind.settings) as api,
                harness.delivering(**kind.settings, **limits),
            ):
                await add_dana(api, medium, kind, server.url)
                await harness.handle(paged())
                await until(harness.attempts)
                await until(harness.states, lambda rows: rows[0][2] != "sending")
                item = await only_notification(api)
        assert story(item) == STORIES[medium][case]
        assert server.calls == 1
        assert inward.calls == 0
    assert item["ambiguous"] == ("ambiguous" in story(item))
    if waits:
        wait = datetime.fromisoformat(item["due_at"]) - datetime.fromisoformat(item["requested_at"])
        assert wait <= timedelta(hours=1, minutes=1)


def test_table_has_every_channel_and_case() -> None:
    cells = {*CELLS, *NOT_APPLICABLE}
    assert cells == {(channel.medium, case) for channel in CHANNELS for case in CASES}
    assert not {*CELLS} & {*NOT_APPLICABLE}


async def test_device_whose_service_hangs_makes_no_other_device_ring_again(
    harness: ServiceHarness,
) -> None:
    async with HostileServer(hang) as server, PushService() as service:
        settings = {
            **receiver("web_push", server).settings,
            "web_push_services": (server.url, service.url),
        }
        async with (
            open_api(harness, **settings) as api,
            harness.delivering(**settings, delivery_timeout_seconds=1),
        ):
            await add_device(api, Subscription(f"{server.url}/device"))
            await add_device(api, phone := service.subscribe())
            await harness.handle(paged())
            await until(harness.attempts)
            item = await only_notification(api)
        assert story(item) == ("queued", "sending", "sent")
        assert len(service.received(phone)) == 1


@pytest.mark.parametrize("case", [*WEBHOOK_ANSWERS])
async def test_status_webhook_whose_receiver_misbehaves(harness: ServiceHarness, case: str) -> None:
    async with HostileServer(hang) as inward:
        behaviour = behaviour_of("webhook", case, inward)
        async with HostileServer(behaviour) as server:
            settings = {**SETTINGS, "status_webhook_timeout_seconds": 0.5}
            async with open_api(harness, **settings) as api:
                put = await api.put(SHOP, json={"url": server.url}, headers=key("shop"))
                assert put.is_success, put.text
                tested = (await api.post(f"{SHOP}/test", headers=key("shop"))).json()
        assert (tested["delivered"], tested["answer"]) == WEBHOOK_ANSWERS[case][:2]
        assert WEBHOOK_ANSWERS[case][2] in tested["detail"]
        assert inward.calls == 0


async def test_status_webhook_whose_host_leads_inward_at_the_second_look(
    harness: ServiceHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    async with HostileServer(hang) as inward:

        def look_up(host: str, port: int, *_: Any) -> list[Any]:
            looks.append(host)
            # An address of the internet that nobody has, as far as this machine knows.
            address = "127.0.0.1" if len(looks) > 1 else "192.88.99.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        url = f"https://shop.example.com:{inward.port}/"
        settings = {**SETTINGS, "status_webhook_timeout_seconds": 0.5}
        async with open_api(harness, **settings) as api:
            monkeypatch.setattr(socket, "getaddrinfo", look_up)
            assert (await api.put(SHOP, json={"url": url}, headers=key("shop"))).is_success
            details = [
                (await api.post(f"{SHOP}/test", headers=key("shop"))).json()["detail"]
                for _ in range(2)
            ]
    assert looks == ["shop.example.com"] * 2
    assert details[1] == "not called: the host has an address of a private network"
    assert inward.calls == 0


@pytest.mark.parametrize("medium", TEMPLATE_MEDIA)
async def test_template_that_loops_or_reaches_further_is_refused_for_every_channel(
    harness: ServiceHarness, api: httpx.AsyncClient, medium: Medium
) -> None:
    for body in BAD_TEMPLATES:
        put = await api.put(
            f"/v1/templates/{medium}/raised/en",
            json={"title": "{{ headline }}", "body": body},
            headers=key("mona"),
        )
        assert put.status_code == 422, body
        assert [error["pointer"] for error in put.json()["errors"]][:1] == ["body/body"]
    assert not await harness.rows("SELECT 1 FROM message_templates")
