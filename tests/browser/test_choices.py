"""Rows chosen at once, saved views and drafts, with a keyboard; and a change tried on the past."""

import re

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.desk import Desk, look_in_both_themes, look_on_phone
from browser.escalations import WAIT_MS, act_as_manager, escalate, expect_live, row_of

pytestmark = pytest.mark.xdist_group("browser")


async def look_at(page: Page, name: str) -> None:
    await look_in_both_themes(page, name)
    await look_on_phone(page, name)


async def test_rows_are_chosen_by_key_and_acknowledged_while_others_come(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await expect_live(sara)
    subjects = ["Chosen first", "Chosen second", "Marco is faster"]
    ids = [(await escalate(browser_stage, subject)).escalation_id for subject in subjects]
    for subject in subjects:
        await expect(row_of(sara, subject)).to_be_visible(timeout=WAIT_MS)
    for subject in subjects:
        await row_of(sara, subject).locator(".headline").focus(timeout=WAIT_MS)
        await sara.keyboard.press("x")
    await expect(sara.locator("#bulk-count")).to_have_text("3 rows chosen")
    await look_at(sara, "now-chosen")
    # Rows are written again: the choice stays.
    await act_as_manager(browser_stage, ids[2], "note", {"text": "I know her."})
    await escalate(browser_stage, "Comes meanwhile")
    await expect(sara.locator("#held")).to_be_visible(timeout=WAIT_MS)
    await look_at(sara, "now-held")
    await sara.keyboard.press(".")
    await expect(row_of(sara, "Comes meanwhile")).to_be_visible(timeout=WAIT_MS)
    for subject in subjects:
        await expect(row_of(sara, subject).locator(".choose")).to_be_checked()
    await act_as_manager(browser_stage, ids[2], "acknowledge")
    await sara.get_by_role("button", name="Acknowledge chosen rows").press("Enter")
    results = sara.locator("#bulk-results li")
    await expect(results.first).to_be_visible(timeout=WAIT_MS)
    await expect(results.filter(has_text="Acknowledged")).to_have_count(2)
    await expect(results.filter(has_text="Marco Mendes (manager) was faster")).to_have_count(1)
    await expect(sara.locator("#bulk")).to_be_hidden(timeout=WAIT_MS)
    for subject in subjects[:2]:
        await expect(row_of(sara, subject)).to_contain_text("You have it", timeout=WAIT_MS)
    # A row without a box has its countdown where the others have it.
    lefts = {
        await row_of(sara, subject)
        .locator(".left")
        .evaluate("it => it.getBoundingClientRect().left")
        for subject in ("Comes meanwhile", *subjects[:2])
    }
    assert len(lefts) == 1
    await look_at(sara, "now-acknowledged")


# From a phone to a desktop, and the narrowest window that still has a table.
@pytest.mark.parametrize("width", [320, 800, 1280])
async def test_box_covers_no_countdown(browser_stage: BrowserStage, sara: Page, width: int) -> None:
    await sara.set_viewport_size({"width": width, "height": 800})
    await escalate(browser_stage, f"Long countdown {width}")
    row = row_of(sara, f"Long countdown {width}")
    await expect(row).to_be_visible(timeout=WAIT_MS)
    for text in ("1 min 38 s", "23 Std. 59 Min. überfällig"):
        assert await row.evaluate(
            """(row, text) => {
              const left = row.querySelector(".left");
              left.textContent = text;
              const range = document.createRange();
              range.selectNodeContents(left.parentElement);
              const box = row.querySelector(".choose").getBoundingClientRect();
              const cell = row.cells[0].getBoundingClientRect();
              const isApart = ({ left, right, top, bottom }) =>
                right <= box.left || left >= box.right || bottom <= box.top || top >= box.bottom;
              return box.right <= cell.right && [...range.getClientRects()].every(isApart);
            }""",
            text,
        )


async def test_view_is_saved_and_opens_first(sara: Page) -> None:
    await sara.goto("/now?severity=high")
    await sara.get_by_label("Save these filters as").fill("High only")
    await sara.get_by_label("Open Now with it").check()
    await sara.keyboard.press("Enter")
    await sara.wait_for_url(re.compile("view_saved"))
    await look_at(sara, "now-saved-view")
    await sara.goto("/now")
    await expect(sara).to_have_url(re.compile(r"/now\?severity=high$"))
    await sara.get_by_role("link", name="Everything").press("Enter")
    await sara.wait_for_url(re.compile("view=all"))
    await sara.get_by_text("Filter and order").click()
    await sara.get_by_text("Change saved views").click()
    await sara.get_by_role("button", name="Delete: High only").press("Enter")
    await sara.wait_for_url(re.compile("views_changed"))
    await sara.goto("/now")
    await expect(sara).to_have_url(re.compile(r"/now$"))


async def test_words_of_a_form_are_there_again(browser_stage: BrowserStage, sara: Page) -> None:
    await expect_live(sara)
    escalation_id = (await escalate(browser_stage, "Half a note")).escalation_id
    await sara.goto(f"/e/{escalation_id}/note")
    async with sara.expect_response(re.compile("/note/draft$")):
        await sara.get_by_label("Note").press_sequentially("She wants a call")
    await sara.goto(f"/e/{escalation_id}/note")
    await expect(sara.get_by_label("Note")).to_have_value("She wants a call")
    await look_at(sara, "draft")
    await sara.get_by_role("button", name="Discard it").press("Enter")
    await expect(sara.get_by_label("Note")).to_have_value("")


async def test_manager_tries_a_change_on_the_past(browser_stage: BrowserStage, desk: Desk) -> None:
    await escalate(browser_stage, "Of the past")
    marco = await desk.sit_down("marco")
    policies = await browser_stage.actors.call("marco", "escalation", "GET", "/sla-policies", None)
    policy_id = policies["items"][0]["id"]
    await marco.goto(f"/settings/policies/{policy_id}/try")
    await look_at(marco, "try")
    first = marco.get_by_role("textbox").first
    await first.fill("1 s")
    await first.press("Enter")
    await marco.wait_for_url(re.compile("/try/[0-9a-f-]{36}$"))
    await expect(marco.get_by_text("With the change").first).to_be_visible(timeout=WAIT_MS)
    await look_at(marco, "try-result")
