"""A warning does not go to a representative who is not at work."""

from datetime import timedelta

import httpx
import pytest
from msgspec import structs

from common.contracts.contacts import ContactReceived, RepresentativeReplied
from common.contracts.event import MessageId, PersonId, TeamId
from common.contracts.people import Presence, PresenceChanged
from integration.escalation.conftest import POLICY, EscalationHarness, assigned
from support.people import described

pytestmark = pytest.mark.usefixtures("configured")


async def presence(
    service: EscalationHarness, presence: Presence, *, ago_s: float = 0
) -> PresenceChanged:
    since = await service.now() - timedelta(seconds=ago_s)
    return PresenceChanged(
        person_id=PersonId("rita"),
        occurred_at=since,
        team_id=TeamId("front"),
        presence=presence,
        since=since,
    )


async def people_warned(service: EscalationHarness, contact: ContactReceived) -> list[str]:
    await service.handle_events(contact, assigned(contact))
    await service.advance_time(85)
    return await pages_of_warnings(service, contact)


async def pages_of_warnings(service: EscalationHarness, contact: ContactReceived) -> list[str]:
    rows = await service.rows(
        "SELECT data FROM published_events WHERE type = 'upstairs.page_requested.v1'"
        f" AND key = '{contact.contact_id}' ORDER BY id"
    )
    return [row.data["person_id"] for row in rows if row.data["reason"] == "warning"]


@pytest.mark.parametrize(
    ("presences", "person"),
    [
        ([], "rita"),
        (["available"], "rita"),
        (["away"], "rita"),
        (["offline"], "sam"),
        (["offline", "available"], "rita"),
    ],
)
async def test_warning_goes_to_the_supervisor_when_the_representative_is_offline(
    service: EscalationHarness, presences: list[Presence], person: str
) -> None:
    for each in presences:
        await service.handle_events(await presence(service, each))
    assert await people_warned(service, await service.received()) == [person]


async def test_warning_whose_timer_is_late_goes_to_the_supervisor_too(
    service: EscalationHarness,
) -> None:
    contact = await service.received()
    await service.handle_events(await presence(service, "offline"), contact, assigned(contact))
    service.database.clock.offset += timedelta(seconds=85)
    replied = RepresentativeReplied(
        contact_id=contact.contact_id,
        occurred_at=await service.now(),
        message_id=MessageId("m-1"),
    )
    await service.handle_events(replied)
    assert await pages_of_warnings(service, contact) == ["sam"]


LATE_WARNING = {"clock": "assignment", "target_s": 20}
WARN_LATER = {"thresholds": [{"action": "warn_representative", "offset_s": -5}]}


async def test_new_representative_who_is_offline_gets_no_warning_that_is_overdue(
    service: EscalationHarness, configured: httpx.AsyncClient
) -> None:
    targets = [{**LATE_WARNING, **WARN_LATER}]
    response = await configured.put("/v1/sla-policies/gold", json={**POLICY, "targets": targets})
    assert response.status_code == 200, response.text
    contact = await service.received()
    service.database.clock.offset += timedelta(seconds=60)
    # The events come in the other order, both after the warning was due.
    assignment = structs.replace(assigned(contact), occurred_at=await service.now())
    await service.handle_events(await presence(service, "offline"), assignment, contact)
    assert await pages_of_warnings(service, contact) == ["sam"]


async def test_older_presence_changes_nothing(service: EscalationHarness) -> None:
    await service.handle_events(await presence(service, "available"))
    await service.handle_events(await presence(service, "offline", ago_s=60))
    assert await people_warned(service, await service.received()) == ["rita"]


async def test_warning_goes_to_the_supervisor_when_the_representative_has_left(
    service: EscalationHarness,
) -> None:
    await service.handle_events(described("rita", active=False))
    assert await people_warned(service, await service.received()) == ["sam"]
