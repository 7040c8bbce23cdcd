"""A contact is erased: the customer's words are gone, but for the audit trail."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.contracts.assignments import ContactReferred
from common.contracts.contacts import (
    ContactAbandoned,
    ContactErased,
    ContactPrioritized,
    ContactResolved,
    Customer,
    FeedbackReceived,
    SupervisorRequested,
    WaitingOnCustomer,
)
from common.contracts.event import ComplaintId, ContactEvent, CustomerId, EscalationId, PersonId
from common.core.ids import new_id
from escalation.domain.complaint_model import Complaint
from integration.escalation.conftest import POLICY, EscalationHarness, assigned, key
from support.erasure import find_tables_with

WORDS = "PRIVATE"


async def test_words_are_gone_and_the_trail_still_verifies(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    ada = Customer(customer_id=CustomerId("channel:shop:4711"), name=WORDS)
    contact = await service.received(customer=ada, subject=WORDS)
    about: dict[str, Any] = {"contact_id": contact.contact_id}
    at = contact.occurred_at
    await service.handle_events(
        contact,
        assigned(contact),
        SupervisorRequested(**about, occurred_at=at, quote=WORDS),
        ContactReferred(**about, occurred_at=at, representative_id=PersonId("rita"), reason=WORDS),
    )
    (escalation,) = (await api.get("/v1/escalations")).json()["items"]
    place = f"/v1/escalations/{escalation['escalation_id']}"
    await api.post(f"{place}/take-over", headers=key("sam"))
    end = {"outcome": "apology", "note": WORDS}
    assert (await api.post(f"{place}/resolve", json=end, headers=key("sam"))).is_success
    await service.handle_events(
        ContactResolved(**about, occurred_at=at + timedelta(seconds=9), note=WORDS),
        FeedbackReceived(**about, occurred_at=at + timedelta(seconds=10), score=1, comment=WORDS),
    )
    async with service.database.transaction() as uow:
        uow.complaints.save(
            Complaint(
                complaint_id=ComplaintId(new_id()),
                contact_id=contact.contact_id,
                escalation_id=EscalationId(escalation["escalation_id"]),
                about=PersonId("rita"),
                by=None,
                reason=WORDS,
                raised_at=at,
            )
        )
    assert {"tracked_contacts", "escalations", "complaints"} <= await find_tables_with(
        service.database, WORDS
    )
    await service.handle_events(ContactErased(**about, occurred_at=at + timedelta(seconds=11)))
    assert await find_tables_with(service.database, WORDS) == set()
    published = await service.fetch_event_types(contact.contact_id)
    assert published[-1] == "pages_erased"
    trail = await service.rows("SELECT hash FROM audit_trail ORDER BY number")
    (stored,) = await service.rows("SELECT trail FROM escalations")
    assert (len(trail), trail[-1].hash) == (stored.trail["length"], stored.trail["hash"])


@pytest.mark.parametrize("event", [ContactAbandoned, ContactPrioritized])
async def test_words_that_moved_or_ended_a_clock_are_gone(
    service: EscalationHarness, configured: httpx.AsyncClient, event: type[ContactEvent]
) -> None:
    contact = await service.received()
    about = {"contact_id": contact.contact_id, "by": PersonId("rita")}
    fields = {**about, "reason": WORDS, "priority": "urgent"}
    at = contact.occurred_at + timedelta(seconds=9)
    content: dict[str, Any] = {
        name: value for name, value in fields.items() if name in event.__struct_fields__
    }
    place = f"/v1/contacts/{contact.contact_id}/clocks"
    urgent = {**POLICY, "match": {"priority": ["urgent"]}}
    assert (await configured.put("/v1/sla-policies/urgent", json=urgent)).is_success
    waits = WaitingOnCustomer(contact_id=contact.contact_id, occurred_at=at)
    await service.handle_events(contact, waits, event(**content, occurred_at=at))
    assert WORDS in (await configured.get(place)).text
    erased = ContactErased(contact_id=contact.contact_id, occurred_at=at)
    await service.handle_events(erased)
    assert await find_tables_with(service.database, WORDS) == set()
    shown = await configured.get(place)
    assert WORDS not in shown.text
    assert "waiting" in shown.text


async def test_words_of_the_same_batch_are_gone(
    service: EscalationHarness, configured: httpx.AsyncClient
) -> None:
    contact = await service.received(subject=WORDS)
    about: dict[str, Any] = {"contact_id": contact.contact_id, "occurred_at": contact.occurred_at}
    await service.handle_events(
        contact, SupervisorRequested(**about, quote=WORDS), ContactErased(**about)
    )
    assert await find_tables_with(service.database, WORDS) == set()
    assert (await configured.get("/v1/escalations")).json()["items"]


async def test_erasure_of_a_contact_without_an_escalation_is_handled(
    service: EscalationHarness,
) -> None:
    contact = await service.received(subject=WORDS)
    erased = ContactErased(contact_id=contact.contact_id, occurred_at=contact.occurred_at)
    await service.handle_events(contact, erased)
    await service.handle_events(erased)
    assert await find_tables_with(service.database, WORDS) == set()
