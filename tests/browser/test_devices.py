"""Notifications on a device: asked for by a press, shown by the worker, ended by the sign-out.

A test has no push service: the subscription and the delivery are the browser's, by hand.
"""

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.desk import Desk, accessibility_problems, look_on_phone, take_picture
from browser.escalations import WAIT_MS
from support.push_service import Subscription
from support.waiting import until

pytestmark = pytest.mark.xdist_group("browser")
# Representatives get no pages, so that nothing is sent to the address.
PERSON = "rita"
SUBSCRIBE = """
(() => {
  const subscription = %s;
  PushManager.prototype.subscribe = async () => ({ toJSON: () => subscription });
})();
"""


@pytest.fixture
async def rita(desk: Desk) -> Page:
    page = await desk.sit_down(PERSON)
    await page.context.grant_permissions(["notifications"])
    fields = Subscription("https://fcm.googleapis.com/fcm/send/test").fields
    endpoint = fields.pop("endpoint")
    await page.add_init_script(SUBSCRIBE % json.dumps({"endpoint": endpoint, "keys": fields}))
    return page


async def devices_of(stage: BrowserStage) -> list[dict[str, Any]]:
    answer = await stage.actors.call(PERSON, "notifier", "GET", f"/recipients/{PERSON}/devices")
    items: list[dict[str, Any]] = answer["items"]
    return items


async def test_device_is_added_by_a_press_and_removed_by_the_sign_out(
    browser_stage: BrowserStage, rita: Page
) -> None:
    await rita.goto("/devices")
    await take_picture(rita, "devices-none")
    await rita.get_by_role("button", name="Notify me on this device").press("Enter")
    await expect(rita.get_by_text("You are notified on this device now.")).to_be_visible(
        timeout=WAIT_MS
    )
    await expect(rita.get_by_role("rowheader")).to_contain_text("(this one)")
    assert len(await devices_of(browser_stage)) == 1
    assert await accessibility_problems(rita) == []
    await take_picture(rita, "devices")
    await look_on_phone(rita, "devices")
    await rita.locator("header details.menu summary").click()
    await rita.get_by_role("button", name="Sign out").click()
    await expect(rita.get_by_role("heading", name="You are signed out")).to_be_visible()
    await until(lambda: devices_of(browser_stage), lambda devices: devices == [])


async def test_device_is_removed_by_its_button(browser_stage: BrowserStage, rita: Page) -> None:
    await rita.goto("/devices")
    await rita.get_by_role("button", name="Notify me on this device").press("Enter")
    await rita.get_by_role("button", name="Remove ").press("Enter")
    await expect(rita.get_by_text("You are notified on no device.")).to_be_visible(timeout=WAIT_MS)
    assert await devices_of(browser_stage) == []


async def test_worker_shows_what_arrives_and_where_it_leads(rita: Page) -> None:
    await rita.goto("/devices")
    session = await rita.context.new_cdp_session(rita)
    registrations: list[dict[str, Any]] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(event["registrations"]),
    )
    await session.send("ServiceWorker.enable")
    await rita.evaluate(
        "navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready)"
        ".then(() => true)"
    )
    await until(lambda: registrations)
    message = {
        "title": "Billing chat from a customer: first response 2 min overdue",
        "body": "Answer by 14:12:30 UTC.",
        "url": "/e/019cae07-79c0-7a40-9c52-4f6b7e0d9a01",
        "tag": "019cae0779c07a409c524f6b7e0d9a01",
    }
    await session.send(
        "ServiceWorker.deliverPushMessage",
        {
            "origin": rita.url.partition("/devices")[0],
            "registrationId": registrations[0]["registrationId"],
            "data": json.dumps(message),
        },
    )
    shown = await until(lambda: notifications(rita))
    assert shown == [message]


async def notifications(page: Page) -> list[dict[str, str]]:
    shown: list[dict[str, str]] = await page.evaluate(
        "navigator.serviceWorker.ready.then(worker => worker.getNotifications())"
        ".then(all => all.map(({title, body, tag, data}) => ({title, body, url: data.url, tag})))"
    )
    return shown


async def test_browser_that_refuses_is_explained(rita: Page) -> None:
    await rita.context.clear_permissions()
    await rita.add_init_script("Notification.requestPermission = async () => 'denied';")
    await rita.goto("/devices")
    await rita.get_by_role("button", name="Notify me on this device").press("Enter")
    await expect(rita.get_by_role("alert")).to_contain_text("The browser refuses notifications")
