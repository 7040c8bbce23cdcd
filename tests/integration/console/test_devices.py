"""The devices of a person, with the real notifier behind the page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from common.core.metrics import Metrics
from common.service.spec import application
from integration.console.harness import (
    PEOPLE,
    SAME_ORIGIN,
    ConsoleHarness,
    Unreachable,
    token_issuer,
)
from notifier.main import build
from notifier.settings import Settings
from notifier.store.unit_of_work import UnitOfWork
from notifier.web_push.vapid import VapidKey
from support.databases import Postgres, open_database
from support.push_service import Subscription

ENDPOINT = "https://push.example.com/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"


@dataclass
class Devices:
    console: ConsoleHarness
    key: VapidKey

    async def add(self, browser: httpx.AsyncClient, name: str = "a") -> httpx.Response:
        fields = Subscription(f"{ENDPOINT}{name}").fields
        return await browser.post("/devices", data=fields, headers=SAME_ORIGIN)

    async def read(self, browser: httpx.AsyncClient) -> str:
        page = await browser.get("/devices")
        assert page.status_code == 200, page.text
        return page.text


@pytest.fixture
async def devices(
    console: ConsoleHarness, postgres: Postgres, database_name: str
) -> AsyncIterator[Devices]:
    key = VapidKey.generate()
    settings = Settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
            "trial": True,
            "link_secret": "a secret of tests",
            "web_push_key": key.private,
            "web_push_services": (ENDPOINT,),
            "token_issuers": [token_issuer(console.key)],
        }
    )
    clock = console.database.clock
    async with open_database(postgres, database_name, "notifier", UnitOfWork, clock) as database:
        app = application(build(settings), settings, database, Metrics())
        app.state.tokens.admit({*PEOPLE})
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://notifier") as client:
            console.clients["notifier"] = client
            yield Devices(console, key)


async def test_person_adds_a_device_and_sees_it_as_this_one(devices: Devices) -> None:
    browser = await devices.console.enter("sara", **{"User-Agent": FIREFOX})
    before = await devices.read(browser)
    assert f'data-key="{devices.key.public}"' in before
    assert "Notify me on this device" in before
    added = await devices.add(browser)
    assert (added.status_code, added.headers["location"]) == (303, "/devices?done=added")
    page = await devices.read(browser)
    assert "Firefox, Linux (this one)" in page
    assert "Notify me on this device" not in page


async def test_person_removes_a_device_that_is_somewhere_else(devices: Devices) -> None:
    browser = await devices.console.enter("sara")
    await devices.add(browser)
    other = await devices.console.enter("sara", **{"User-Agent": FIREFOX})
    page = await devices.read(other)
    assert "(this one)" not in page
    path = page.partition('action="/devices/')[2].partition('"')[0]
    for _ in range(2):
        removed = await other.post(f"/devices/{path}", headers=SAME_ORIGIN)
        assert removed.headers["location"] == "/devices?done=removed"
    assert "You are notified on no device." in await devices.read(browser)


async def test_sign_out_removes_this_device_and_no_other(devices: Devices) -> None:
    phone = await devices.console.enter("sara")
    await devices.add(phone, "phone")
    desk = await devices.console.enter("sara", **{"User-Agent": FIREFOX})
    await devices.add(desk, "desk")
    signed_out = await desk.post("/sign-out", headers=SAME_ORIGIN)
    assert signed_out.status_code == 200
    # The browser ends its subscription too.
    assert "/static/signed_out.js" in signed_out.text
    assert "upstairs-device" not in desk.cookies
    page = await devices.read(phone)
    assert page.count('<tr class="row"') == 1
    assert "(this one)" in page


async def test_sign_out_works_while_notifier_is_down(devices: Devices) -> None:
    browser = await devices.console.enter("sara")
    await devices.add(browser)
    devices.console.clients["notifier"] = httpx.AsyncClient(
        transport=Unreachable(), base_url="http://notifier"
    )
    page = await devices.read(browser)
    assert "be shown now. The rest of the page is complete." in page
    assert (await browser.post("/sign-out", headers=SAME_ORIGIN)).status_code == 200
    assert (await browser.get("/devices")).status_code == 303


async def test_wrong_device_is_refused_with_a_readable_page(devices: Devices) -> None:
    browser = await devices.console.enter("sara")
    fields = Subscription("https://169.254.169.254/latest").fields
    refused = await browser.post("/devices", data=fields, headers=SAME_ORIGIN)
    assert refused.status_code == 422
    assert "not of a push service" in refused.text
    empty = await browser.post("/devices", data={}, headers=SAME_ORIGIN)
    assert empty.status_code == 422
    assert "upstairs-device" not in browser.cookies


async def test_worker_is_served_at_the_root_and_checked_at_each_start(
    console: ConsoleHarness,
) -> None:
    browser = await console.browser()
    worker = await browser.get("/sw.js")
    assert worker.status_code == 200
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in worker.headers["content-security-policy"]
    assert worker.headers["x-content-type-options"] == "nosniff"
