"""Outside systems under Settings: accessible in both themes and on a phone, by keyboard only."""

import asyncio
from typing import Final

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.desk import Desk, look_in_both_themes, look_on_phone, tab_to, take_picture

pytestmark = pytest.mark.xdist_group("browser")

ACME: Final = "/settings/connections/zendesk/acme"
SHOP: Final = "/settings/status-webhooks/channel:shop"
WRITE_BACK: Final = "/settings/write-backs/zendesk/acme"
# Nobody else calls by it, so that its page is the same in each run.
MAILBOX: Final = {
    "secret": "a-password-of-a-mailbox-7f3c",
    "options": {
        "host": "imap.example.com",
        "user": "support",
        "own_addresses": ["support@example.com"],
        "topic_by_tag": {"to=billing@example.com": "billing"},
    },
    "state": "paused",
    "expected": {
        "every_minutes": 60,
        "time_zone": "Europe/Madrid",
        "hours": [{"days": ["monday", "tuesday"], "starts": "08:00", "ends": "18:00"}],
    },
}
WRITE_BACK_BODY: Final = {
    "state": "active",
    "base_url": "https://acme.zendesk.com",
    "credentials": {
        "type": "api_token",
        "email": "upstairs@acme.example",
        "token": "6wiIBWbGkBMo1mRDMuVwkw1EPsNkeUj95PIz2akv",
    },
    "steps": {
        "escalated": {"note": True, "priority": "urgent", "tags": ["escalated"]},
        "resolved": {"note": True, "fields": {"360001": "solved by a supervisor"}},
    },
}
CONTACT: Final = {
    "channel": "chat",
    "customer": {"customer_id": "c-systems"},
    "subject": "Opening hours",
    "topic": "general",
    "text": "When do you open?",
}
SCREENS: Final = {
    "connections": "/settings/connections",
    "connection": ACME,
    "connection-mailbox": "/settings/connections/imap/support",
    "connection-kinds": "/settings/connections/new",
    "connection-form": f"{ACME}/edit",
    "connection-new": "/settings/new/connections/imap",
    "connection-secret": f"{ACME}/secret",
    "connection-try": f"{ACME}/try",
    "connection-archive": f"{ACME}/archive",
    "webhooks": "/settings/status-webhooks",
    "webhook": SHOP,
    "webhook-form": f"{SHOP}/edit",
    "webhook-secret": f"{SHOP}/secret",
    "webhook-replay": f"{SHOP}/replay",
    "write-backs": "/settings/write-backs",
    "write-back": WRITE_BACK,
    "write-back-form": f"{WRITE_BACK}/edit",
    "write-back-credentials": f"{WRITE_BACK}/credentials",
    "message-templates": "/settings/message-templates",
    "message-template": "/settings/message-templates/slack/raised/de",
}


@pytest.fixture(scope="module")
async def sample_systems(browser_stage: BrowserStage) -> None:
    for service, path, body in (
        ("intake", "/channels/imap/support", MAILBOX),
        ("notifier", "/write-backs/zendesk/acme", WRITE_BACK_BODY),
    ):
        await browser_stage.actors.call("ops", service, "PUT", path, body)
    # It is refused, which the page shows.
    await browser_stage.actors.clients["intake"].post("/v1/channels/zendesk/acme", content=b"{}")
    # Nobody is there.
    await browser_stage.actors.put_status_webhook("http://127.0.0.1:9/statuses")
    async with asyncio.timeout(60):
        # Intake tells statuses of what is received a few seconds later on.
        while not await _waiting_statuses(browser_stage):
            await browser_stage.actors.call("shop", "intake", "POST", "/contacts", CONTACT)
            await asyncio.sleep(0.5)


async def _waiting_statuses(browser_stage: BrowserStage) -> int:
    path = "/status-webhooks/channel:shop"
    shown = await browser_stage.actors.call("ops", "notifier", "GET", path)
    return int(shown["waiting"])


@pytest.fixture
async def marco(desk: Desk, sample_systems: None) -> Page:
    return await desk.sit_down("marco")


@pytest.mark.parametrize("name", SCREENS)
async def test_screen_of_systems_is_accessible_and_fits_a_phone(marco: Page, name: str) -> None:
    answer = await marco.goto(SCREENS[name])
    assert answer is not None
    assert answer.status == 200
    await look_in_both_themes(marco, name)
    await look_on_phone(marco, name)


@pytest.mark.parametrize(
    "name", ["connection", "connection-try", "webhook", "write-back", "message-template"]
)
async def test_screen_of_systems_in_german_fits_a_phone(
    desk: Desk, sample_systems: None, name: str
) -> None:
    page = await desk.sit_down("marco", language="de")
    await page.goto(SCREENS[name])
    assert await page.get_attribute("html", "lang") == "de"
    await take_picture(page, f"{name}-german")
    await look_on_phone(page, f"{name}-german")


async def test_manager_tries_and_pauses_a_connection_by_keyboard_only(marco: Page) -> None:
    await marco.keyboard.press("g")
    await marco.keyboard.press("s")
    await marco.wait_for_url("**/settings")
    for name, address in (
        ("Connections", "/settings/connections"),
        ("acme", ACME),
        ("Try it…", f"{ACME}/try"),
    ):
        await tab_to(marco, name)
        await marco.keyboard.press("Enter")
        await marco.wait_for_url(f"**{address}")
    await tab_to(marco, "Try it")
    await marco.keyboard.press("Enter")
    await expect(marco.get_by_role("status")).to_contain_text("it would be refused")
    await look_in_both_themes(marco, "connection-tried")
    await look_on_phone(marco, "connection-tried")
    await marco.goto("/settings/connections/imap/support")
    for name, state in (("Resume", "active"), ("Pause", "paused")):
        await tab_to(marco, f"{name}…")
        await marco.keyboard.press("Enter")
        await tab_to(marco, name)
        await marco.keyboard.press("Enter")
        await expect(marco.locator(".page-title .chip").first).to_have_text(state)


async def test_manager_makes_a_webhook_by_keyboard_and_reads_its_secret_once(marco: Page) -> None:
    await marco.goto("/settings/new/status-webhooks")
    await tab_to(marco, "System")
    await marco.keyboard.type("zendesk:acme")
    await tab_to(marco, "Address")
    await marco.keyboard.type("http://127.0.0.1:9/statuses")
    await marco.keyboard.press("Enter")
    await expect(marco.get_by_text("This will change:")).to_be_visible()
    await look_in_both_themes(marco, "webhook-review")
    await look_on_phone(marco, "webhook-review")
    await tab_to(marco, "Save")
    await marco.keyboard.press("Enter")
    await expect(marco.locator("code")).to_contain_text("whsec_")
    await look_in_both_themes(marco, "webhook-new-secret")
    await look_on_phone(marco, "webhook-new-secret")
    await tab_to(marco, "Done")
    await marco.keyboard.press("Enter")
    await marco.wait_for_url("**/settings/status-webhooks/zendesk:acme")
    await expect(marco.get_by_text("whsec_")).to_have_count(0)
