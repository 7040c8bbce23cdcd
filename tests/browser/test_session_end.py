"""A session that ends under an open page: nobody is left before a board that is silent."""

import re

import pytest
from playwright.async_api import Page

from browser.conftest import BrowserStage
from browser.escalations import WAIT_MS, escalate, expect_live, row_of

pytestmark = pytest.mark.xdist_group("browser")
SIGN_IN = re.compile(r"/sign-in\?next=%2Fnow$")


async def end_session(page: Page) -> None:
    """Sign out as in another browser that has a copy of the cookie."""
    answer = await page.context.request.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.ok


async def test_board_of_an_ended_session_leads_to_the_sign_in_and_back(sara: Page) -> None:
    await expect_live(sara)
    await end_session(sara)
    # The stream asks every half a minute whether the session is valid.
    await sara.wait_for_url(SIGN_IN, timeout=2 * WAIT_MS)
    await sara.locator("form:has(input[value=sara]) button").press("Enter")
    await sara.wait_for_url("**/now")
    await expect_live(sara)


async def test_action_after_the_end_of_the_session_does_nothing_and_leads_to_the_sign_in(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await expect_live(sara)
    raised = await escalate(browser_stage, "Session over")
    await row_of(sara, "Session over").locator(".headline").focus(timeout=WAIT_MS)
    await end_session(sara)
    await sara.keyboard.press("a")
    await sara.wait_for_url(SIGN_IN, timeout=WAIT_MS)
    path = f"/escalations/{raised.escalation_id}"
    shown = await browser_stage.actors.call("marco", "escalation", "GET", path)
    assert shown["state"] == "raised"
