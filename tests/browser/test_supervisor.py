"""A supervisor, with the keyboard only: a customer asks for somebody higher."""

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.desk import take_picture
from browser.escalations import WAIT_MS, escalate, row_of
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationResolved,
    EscalationTakenOver,
)

pytestmark = pytest.mark.xdist_group("browser")
SUBJECT = "My parcel is lost, from the keyboard"


async def press_until_focused(page: Page, key: str, target: str) -> None:
    """Press a key until the focus is in the target, as somebody without a mouse does."""
    for _ in range(60):
        if await page.evaluate("t => !!document.activeElement.closest(t)", target):
            return
        await page.keyboard.press(key)
    pytest.fail(f"{key} does not lead to {target}")


async def test_supervisor_resolves_with_the_keyboard_only(
    browser_stage: BrowserStage, sara: Page
) -> None:
    log = browser_stage.event_log
    contact_id = (await escalate(browser_stage, SUBJECT, customer_id="c-keyboard")).contact_id
    # It appears without a reload, in the band of what needs Sara.
    row = row_of(sara, SUBJECT)
    await expect(row).to_be_visible(timeout=WAIT_MS)
    await expect(row).to_have_attribute("data-band", "needs_you")
    await take_picture(sara, "story-needs-you")

    identity = await row.get_attribute("id")
    await press_until_focused(sara, "j", f"#{identity}")
    await sara.keyboard.press("a")
    acknowledged = await log.wait_for(EscalationAcknowledged, contact_id)
    assert acknowledged.by == "sara"
    await expect(row).to_contain_text("You have it", timeout=WAIT_MS)

    await press_until_focused(sara, "j", f"#{identity}")
    await sara.keyboard.press("t")
    await press_until_focused(sara, "Tab", "form.form button.primary")
    await sara.keyboard.press("Enter")
    taken = await log.wait_for(EscalationTakenOver, contact_id)
    assert taken.by == "sara"

    await sara.goto(f"/e/{taken.escalation_id}")
    await press_until_focused(sara, "Tab", "a[data-action=resolve]")
    await sara.keyboard.press("Enter")
    await press_until_focused(sara, "Tab", "#field-outcome")
    await sara.keyboard.type("Apology")
    await press_until_focused(sara, "Tab", "#field-note")
    await sara.keyboard.type("A new parcel leaves today by express.")
    await take_picture(sara, "story-resolve")
    await press_until_focused(sara, "Tab", "form.form button.primary")
    await sara.keyboard.press("Enter")
    resolved = await log.wait_for(EscalationResolved, contact_id)
    assert (resolved.by, resolved.outcome) == ("sara", "apology")
    await expect(sara.locator("main")).to_contain_text(SUBJECT, timeout=WAIT_MS)
    await take_picture(sara, "story-resolved")
