"""Words of customers and colleagues that are code: on every screen they are words."""

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.desk import PHONE_WIDTH, Desk
from browser.escalations import WAIT_MS, escalate, expect_live
from common.contracts.escalations import EscalationNoted

pytestmark = pytest.mark.xdist_group("browser")
# Made by a probe, and by no page: what runs a script, or would load something.
FOREIGN = "[onerror], [onload], [onclick], main script, img, iframe, object, [href^=javascript]"


def probe(place: str) -> str:
    """Leave a text, an attribute, a script, a template and a comment."""
    code = f"<img src=x onerror=window.ran_{place}=1><script>window.ran_{place}=1</script>"
    return f"{place}\"'>{code}</td></table>{{{{ 7 * 7 }}}}<!--\u202e"


async def expect_words(page: Page, *places: str) -> None:
    """Expect the probes as they were written, and nothing that they made."""
    for place in places:
        text = page.get_by_text(f"{place}\"'><img src=x onerror=window.ran_{place}=1>")
        await expect(text.first).to_be_attached(timeout=WAIT_MS)
        assert await page.evaluate(f"window.ran_{place}") is None, place
    assert await page.locator(FOREIGN).count() == 0
    # Long words without a place to break.
    size = page.viewport_size
    await page.set_viewport_size({"width": PHONE_WIDTH, "height": 640})
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    assert size is not None
    await page.set_viewport_size(size)


async def test_words_that_are_code_are_shown_as_words(
    browser_stage: BrowserStage, desk: Desk
) -> None:
    actors = browser_stage.actors
    sara = await desk.sit_down("sara")
    await expect_live(sara)
    raised = await escalate(
        browser_stage,
        probe("subject"),
        text=f"{probe('quotation')} Let me talk to your supervisor!",
        customer={"customer_id": "c-<b>", "name": probe("name")},
    )
    # By the stream, into the page that is open.
    await expect_words(sara, "name", "subject", "quotation")
    await sara.locator(f"#row-{raised.escalation_id} .headline").focus()
    await sara.keyboard.press("n")
    await sara.locator("dialog[open] #field-text").fill(probe("note"))
    await sara.locator("dialog[open] button.primary").press("Enter")
    await browser_stage.event_log.wait_for(EscalationNoted, raised.contact_id)
    reason = {"presence": "away", "reason": probe("reason")}
    await actors.call("rita", "router", "PUT", "/representatives/rita/presence", reason)
    try:
        for address in ("/now", "/mine"):
            await sara.goto(address)
            await expect_words(sara, "name", "subject", "quotation")
        await sara.goto(f"/e/{raised.escalation_id}")
        await expect_words(sara, "name", "subject", "quotation", "note")
        for action in ("resolve", "hand-over"):
            await sara.goto(f"/e/{raised.escalation_id}/{action}")
            await expect_words(sara, "name", "quotation")
        for address in ("/floor", "/floor/rita"):
            await sara.goto(address)
            await expect_words(sara, "reason")
    finally:
        back = {"presence": "available"}
        await actors.call("rita", "router", "PUT", "/representatives/rita/presence", back)
