"""A supervisor changes what a person takes until a time, with the keyboard only."""

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.desk import Desk, look_in_both_themes, look_on_phone
from browser.escalations import expect_live

pytestmark = pytest.mark.xdist_group("browser")
# What a person waits for, on a machine that does much else.
SOON_MS = 5000


async def press_button(page: Page, place: str) -> None:
    """Go to the button as a keyboard does, and press it."""
    button = page.locator(place)
    await button.focus()
    await page.keyboard.press("Enter")


async def test_adjustment_is_set_shown_live_and_ended_by_one_press(
    browser_stage: BrowserStage, desk: Desk, sara: Page
) -> None:
    colleague = await desk.sit_down("marco", language="de")
    await colleague.goto("/floor")
    await expect_live(colleague)
    await sara.goto("/floor/rita")
    link = sara.get_by_role("link", name="Change until a time…")
    await link.focus()
    await sara.keyboard.press("Enter")
    await expect(sara.locator("#field-capacity")).to_be_focused()
    await look_in_both_themes(sara, "adjustment")
    await look_on_phone(sara, "adjustment")
    await sara.keyboard.type("1")
    await sara.locator("#field-more_skills").focus()
    await sara.keyboard.type("gifts")
    await sara.locator("#field-reason").focus()
    await sara.keyboard.type("First day back")
    await sara.keyboard.press("Enter")

    await expect(sara.get_by_role("status")).to_contain_text("It counts from now on")
    await expect(sara.locator(".adjustment")).to_contain_text("at most 1 contact; also gifts")
    await expect(sara.locator(".adjustment")).to_contain_text("First day back")
    row = colleague.locator("#person-rita")
    await expect(row).to_contain_text("höchstens 1 Kontakt; auch gifts", timeout=SOON_MS)
    await look_on_phone(colleague, "floor-adjusted-german")
    shown = await browser_stage.actors.call("sara", "router", "GET", "/representatives/rita")
    assert (shown["capacity"], "gifts" in shown["skills"]) == (1, True)

    await sara.goto("/floor")
    await expect_live(sara)
    await press_button(sara, "#person-rita form button")
    await expect(sara.get_by_role("status")).to_contain_text("as usual again")
    await expect(sara.locator("#person-rita")).not_to_contain_text("at most 1")
    await colleague.locator(".brand").focus()
    await expect(row).not_to_contain_text("höchstens", timeout=SOON_MS)
    shown = await browser_stage.actors.call("sara", "router", "GET", "/representatives/rita")
    assert shown["adjustment"] is None
    assert shown["capacity"] == shown["usual_capacity"]


async def test_form_says_in_german_what_is_wrong(desk: Desk) -> None:
    sara = await desk.sit_down("sara", language="de")
    await sara.goto("/floor/rita/adjustment")
    await sara.locator("#field-reason").focus()
    await sara.keyboard.type("Einarbeitung")
    await sara.keyboard.press("Enter")
    await expect(sara.locator("#problem-capacity")).to_have_text("Bitte ändern Sie etwas.")
    await expect(sara.locator("#field-reason")).to_have_value("Einarbeitung")
    await look_on_phone(sara, "adjustment-german")
