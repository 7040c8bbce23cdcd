"""The screen of one escalation."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from starlette.responses import Response

from common.contracts.event import UUID_PATTERN
from console.pages.context import Page
from console.parts import Parts
from console.views.actions import is_action
from console.views.confirmations import done_text
from console.views.escalation import EscalationData, escalation_view

router = APIRouter()

EscalationPath = Annotated[str, Path(pattern=f"^{UUID_PATTERN}$")]
_MAX_STEPS: Final = 200
_MAX_MESSAGES: Final = 200
_MAX_NOTIFICATIONS: Final = 100
_EARLIER_CONTACTS: Final = 6


@router.get("/e/{escalation_id}")
async def show_escalation(escalation_id: EscalationPath, page: Page) -> Response:
    """Show all that there is to decide about; what a service does not answer is left out."""
    path = f"/v1/escalations/{escalation_id}"
    escalation = await page.get("escalation", path, limit=_MAX_STEPS)
    data = await _read_parts(escalation, page.parts)
    view = escalation_view(data, page.parts.missing, page.reader)
    done = done_text(page.done, escalation, page.reader) if is_action(page.done) else None
    return page.render("escalation.html", view=view, done=done)


async def _read_parts(escalation: Mapping[str, Any], parts: Parts) -> EscalationData:
    contact_id = escalation["contact_id"]
    customer_id = (escalation["contact"] or {}).get("customer_id")
    contact, clocks, notifications, others = await asyncio.gather(
        parts.get("intake", f"/v1/contacts/{contact_id}", limit=_MAX_MESSAGES),
        parts.get("escalation", f"/v1/contacts/{contact_id}/clocks"),
        parts.get(
            "notifier",
            "/v1/notifications",
            escalation_id=escalation["escalation_id"],
            limit=_MAX_NOTIFICATIONS,
        ),
        _contacts_of(customer_id, parts),
    )
    return EscalationData(
        escalation,
        contact=contact,
        clocks=clocks,
        notifications=None if notifications is None else notifications["items"],
        customer_contacts=None if others is None else others["items"],
    )


async def _contacts_of(customer_id: str | None, parts: Parts) -> Any:
    if customer_id is None:
        return None
    return await parts.get("intake", "/v1/contacts", customer=customer_id, limit=_EARLIER_CONTACTS)
