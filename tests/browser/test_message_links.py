"""A message leads to the escalation, through the sign-in."""

import pytest
from playwright.async_api import expect

from browser.conftest import BrowserStage
from browser.escalations import WAIT_MS, escalate
from support.waiting import until

pytestmark = pytest.mark.xdist_group("browser")


async def test_open_in_slack_shows_the_escalation_after_the_sign_in(
    browser_stage: BrowserStage,
) -> None:
    raised = await escalate(browser_stage, "Link in a message", customer_id="c-link")
    place = f"{browser_stage.url}/e/{raised.escalation_id}"

    def links() -> list[str]:
        return [
            button["url"]
            for post in browser_stage.system.receivers.slack.accepted
            for block in post.body.get("blocks", ())
            for button in block.get("elements", ())
            if button.get("url") == place
        ]

    (link, *_) = await until(links)
    context = await browser_stage.browser.new_context(locale="en")
    page = await context.new_page()
    await page.goto(link)
    await page.locator("form:has(input[value=sara]) button").press("Enter")
    await page.wait_for_url(place)
    await expect(page.locator("h1")).to_contain_text("Shipping", timeout=WAIT_MS)
    await context.close()
