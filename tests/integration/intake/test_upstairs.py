"""What happens upstairs is shown to the channel."""

from datetime import UTC, datetime

import httpx

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationRaised,
    EscalationResolved,
)
from common.contracts.event import ContactId, EscalationId, PersonId
from common.core.ids import new_id
from common.storage.database import Database
from intake.handlers import SUBSCRIPTIONS
from intake.store import UnitOfWork
from integration.intake.test_contacts import accepted, published
from support.service_harness import ServiceHarness, dispatcher

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


async def test_the_channel_sees_each_step_and_the_end_resolves_the_contact(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = ContactId(await accepted(api, text=None))
    ids = {
        "contact_id": contact_id,
        "escalation_id": EscalationId(new_id()),
        "occurred_at": AT,
    }
    raised = EscalationRaised(
        **ids,
        cause="breach",
        reason="first response",
        severity="high",
        ladder_id="default",
        ladder_version=1,
        level=0,
        level_name="supervisor",
    )
    climbed = EscalationClimbed(
        **ids, from_level=0, to_level=1, level_name="manager", reason="no answer"
    )
    marco = PersonId("marco")
    acknowledged = EscalationAcknowledged(**ids, by=marco, lease_expires_at=AT)
    resolved = EscalationResolved(**ids, by=marco, outcome="refund", note="all of it")
    seen = []
    inside = ServiceHarness(database, dispatcher(database, SUBSCRIPTIONS, "intake"))
    for event in (raised, climbed, acknowledged, resolved):
        await inside.tell(event)
        contact = (await api.get(f"/v1/contacts/{contact_id}")).json()
        shown = contact["escalation"]
        seen.append((contact["state"], shown["state"], shown["level"], shown["by"]))
    assert seen == [
        ("open", "raised", "supervisor", None),
        ("open", "raised", "manager", None),
        ("open", "acknowledged", "manager", "marco"),
        ("resolved", "resolved", "manager", "marco"),
    ]
    assert await published(database) == ["contact_received", "contact_resolved"]
