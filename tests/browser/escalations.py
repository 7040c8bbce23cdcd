"""Escalations that tests cause, and how a page shows them."""

from typing import Any, Final

from playwright.async_api import Locator, Page, expect

from browser.conftest import BrowserStage
from common.contracts.contacts import SupervisorRequested
from common.contracts.escalations import EscalationRaised
from common.contracts.event import ContactId, EscalationId

# Generous for a busy machine; the page itself is measured elsewhere.
WAIT_MS: Final = 30_000


async def escalate(
    stage: BrowserStage, subject: str, *, customer_id: str = "c-live", **changes: Any
) -> EscalationRaised:
    """Let a customer write and ask for a supervisor; return the escalation once it is raised.

    `changes` are those of the contact.
    """
    contact = {
        "channel": "chat",
        "customer": {"customer_id": customer_id, "name": "Grace Hopper"},
        "subject": subject,
        "topic": "shipping",
        "text": "This does not help. Let me talk to your supervisor!",
        **changes,
    }
    made = await stage.actors.call("shop", "intake", "POST", "/contacts", contact)
    contact_id = ContactId(made["contact_id"])
    await stage.event_log.wait_for(SupervisorRequested, contact_id)
    return await stage.event_log.wait_for(EscalationRaised, contact_id)


async def act_as_manager(
    stage: BrowserStage, escalation_id: EscalationId, action: str, body: object = None
) -> None:
    path = f"/escalations/{escalation_id}/{action}"
    await stage.actors.call("marco", "escalation", "POST", path, body)


def row_of(page: Page, subject: str) -> Locator:
    return page.locator("tr.row", has_text=subject)


async def expect_live(page: Page) -> None:
    await expect(page.locator("#freshness")).to_contain_text("live", timeout=WAIT_MS)
