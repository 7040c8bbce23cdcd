"""Keys that work on every page, and what an action leaves behind on pages of one thing."""

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.escalations import WAIT_MS, escalate, expect_live, row_of

pytestmark = pytest.mark.xdist_group("browser")


async def test_key_of_a_screen_opens_it_from_every_page(sara: Page) -> None:
    await sara.goto("/duty")
    await sara.keyboard.press("g")
    await sara.keyboard.press("f")
    await sara.wait_for_url("**/floor")
    await sara.goto("/mine")
    await sara.keyboard.press("g")
    await sara.keyboard.press("n")
    await sara.wait_for_url("**/now")


async def test_action_on_an_escalation_says_what_it_did(
    browser_stage: BrowserStage, sara: Page
) -> None:
    escalation_id = (await escalate(browser_stage, "Confirmation stays")).escalation_id
    await sara.goto(f"/e/{escalation_id}")
    await expect_live(sara)
    await sara.keyboard.press("a")
    await expect(sara.locator(".decide")).to_contain_text("You have it", timeout=WAIT_MS)
    await expect(sara.locator("#outcome")).to_contain_text("You have it now.")


async def test_mine_acts_without_a_new_page(browser_stage: BrowserStage, sara: Page) -> None:
    await escalate(browser_stage, "Mine acts")
    await sara.goto("/mine")
    row = row_of(sara, "Mine acts")
    await row.locator(".headline").focus(timeout=WAIT_MS)
    await sara.keyboard.press("a")
    await expect(row).to_contain_text("You have it", timeout=WAIT_MS)
    await expect(sara.locator("#outcome")).to_contain_text("You have it now.")
    await expect(row.locator("a:focus, button:focus")).to_have_count(1)
