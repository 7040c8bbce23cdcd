"""What comes after the first answer upstairs is shown to the channel too."""

from datetime import UTC, datetime
from typing import Any

import httpx

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationHandedOver,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
)
from common.contracts.event import ContactId, EscalationId, PersonId
from common.core.ids import new_id
from common.storage.database import Database
from intake.handlers import SUBSCRIPTIONS
from intake.store import UnitOfWork
from integration.intake.test_contacts import accepted, published
from support.service_harness import ServiceHarness, dispatcher

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
SARA, OMAR = PersonId("sara"), PersonId("omar")


async def test_the_channel_sees_that_it_waits_again_and_where(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = ContactId(await accepted(api, text=None))
    ids: dict[str, Any] = {
        "contact_id": contact_id,
        "escalation_id": EscalationId(new_id()),
        "occurred_at": AT,
    }
    returned = EscalationReturned(
        **ids,
        from_person=SARA,
        level=0,
        level_name="supervisor",
        reason="the shift of sara ended",
        lateness_ms=1.5,
    )
    resolved = EscalationResolved(**ids, by=OMAR, outcome="apology", note="explained")
    reopened = EscalationReopened(
        **ids, by=OMAR, reason="angry again", severity="high", level=1, level_name="manager"
    )
    seen = []
    inside = ServiceHarness(database, dispatcher(database, SUBSCRIPTIONS, "intake"))
    for event in (
        EscalationAcknowledged(**ids, by=SARA, lease_expires_at=AT),
        returned,
        EscalationHandedOver(**ids, by=SARA, to=OMAR, context="knows the customer"),
        resolved,
        reopened,
        # Of a contact that was resolved before: it stays so.
        resolved,
    ):
        await inside.tell(event)
        contact = (await api.get(f"/v1/contacts/{contact_id}")).json()
        shown = contact["escalation"]
        seen.append((contact["state"], shown["state"], shown["level"], shown["by"]))
    assert seen == [
        ("open", "acknowledged", None, "sara"),
        ("open", "raised", "supervisor", None),
        ("open", "raised", "supervisor", None),
        ("resolved", "resolved", "supervisor", "omar"),
        ("resolved", "raised", "manager", None),
        ("resolved", "resolved", "manager", "omar"),
    ]
    assert await published(database) == ["contact_received", "contact_resolved"]
