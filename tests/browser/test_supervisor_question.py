"""Intake is not sure whether a customer asks for a supervisor: the representative says so."""

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.desk import Desk, look_in_both_themes, look_on_phone
from browser.escalations import WAIT_MS
from common.contracts.assignments import ContactAssigned
from common.contracts.contacts import SupervisorQuestionAnswered, SupervisorRequested
from common.contracts.event import ContactId
from stage.console import wait_until_admitted
from support.doubtful_text import DOUBTFUL
from support.waiting import until

pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.usefixtures("free_representatives"),
]


async def open_question(stage: BrowserStage, desk: Desk, subject: str) -> tuple[ContactId, Page]:
    """Let a customer write a doubtful message; return Mine of who has the contact."""
    contact = {
        "channel": "chat",
        "customer": {"customer_id": "c-doubtful", "name": "Grace Hopper"},
        "subject": subject,
        "topic": "billing",
        "text": DOUBTFUL,
    }
    made = await stage.actors.call("shop", "intake", "POST", "/contacts", contact)
    contact_id = ContactId(made["contact_id"])
    person = (await stage.event_log.wait_for(ContactAssigned, contact_id)).representative_id
    await wait_until_admitted(stage.url, (person,))
    page = await desk.sit_down(person)

    async def load() -> int:
        await page.goto("/mine")
        return await page.locator("tr.row", has_text=subject).count()

    # intake learns by an event who may see a contact.
    await until(load)
    return contact_id, page


async def resolve(stage: BrowserStage, contact_id: ContactId) -> None:
    """Free the place of the representative, and end what is escalated, for other tests."""
    await stage.actors.call("ops", "intake", "POST", f"/contacts/{contact_id}/resolve", {})


async def test_yes_of_the_representative_requests_a_supervisor(
    browser_stage: BrowserStage, desk: Desk
) -> None:
    contact_id, page = await open_question(browser_stage, desk, "Doubtful, yes")
    row = page.locator("tr.row", has_text="Doubtful, yes")
    await expect(row).to_contain_text("Did the customer ask for a supervisor?")
    await expect(row.locator("blockquote")).to_have_text(DOUBTFUL)
    await look_in_both_themes(page, "supervisor-question")
    await look_on_phone(page, "supervisor-question")
    await row.get_by_role("button", name="Yes").press("Enter")
    await expect(page.get_by_text("A supervisor is asked to help this customer.")).to_be_visible(
        timeout=WAIT_MS
    )
    await expect(row.get_by_role("button", name="Yes")).to_have_count(0)
    requested = await browser_stage.event_log.wait_for(SupervisorRequested, contact_id)
    assert requested.quote == DOUBTFUL
    await resolve(browser_stage, contact_id)


async def test_no_of_the_representative_ends_the_question(
    browser_stage: BrowserStage, desk: Desk
) -> None:
    contact_id, page = await open_question(browser_stage, desk, "Doubtful, no")
    row = page.locator("tr.row", has_text="Doubtful, no")
    other = await page.context.new_page()
    await other.goto("/mine")
    await row.get_by_role("button", name="No", exact=True).press("Enter")
    await expect(page.get_by_text("No supervisor is asked.")).to_be_visible(timeout=WAIT_MS)
    answered = await browser_stage.event_log.wait_for(SupervisorQuestionAnswered, contact_id)
    assert answered.answer == "no"
    # In a tab that still shows it, the answer comes too late.
    row = other.locator("tr.row", has_text="Doubtful, no")
    await row.get_by_role("button", name="Yes").press("Enter")
    await expect(other.get_by_role("alert")).to_be_visible(timeout=WAIT_MS)
    assert browser_stage.event_log.find_all(SupervisorRequested, contact_id) == []
    await resolve(browser_stage, contact_id)
