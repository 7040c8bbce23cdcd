"""What raises a contact beside its clocks: repeated contacts, feedback and complaints."""

from datetime import timedelta
from typing import Any

import httpx

from common.contracts.contacts import Customer, FeedbackReceived
from common.contracts.event import CustomerId
from common.core.ids import new_id
from integration.escalation.conftest import POLICY, EscalationHarness, assigned, key

WEEK = {"repeated": {"contacts": 3, "within_days": 7}}


async def put(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.put(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def test_third_contact_within_a_week_is_raised(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    await put(configured, "sla-policies/gold", {**POLICY, "raise_when": WEEK})
    now = await service.now()
    other = Customer(customer_id=CustomerId("c-82"))
    apart: dict[str, dict[str, Any]] = {
        "long ago": {"occurred_at": now - timedelta(days=8)},
        "six days ago": {"occurred_at": now - timedelta(days=6)},
        "another topic": {"topic_of_contact": "shipping"},
        "another customer": {"customer": other},
        "second": {},
    }
    for changes in apart.values():
        await service.handle_events(await service.received(**changes))
    assert await service.rows("SELECT * FROM escalations") == []
    third = await service.received()
    await service.handle_events(third)
    (escalation,) = await service.rows("SELECT contact_id::text, causes FROM escalations")
    assert escalation.contact_id == third.contact_id
    (cause,) = escalation.causes
    assert cause["kind"] == "repeated_contact"
    assert cause["reason"] == "3 contacts about billing within 7 d (policy gold v2)"


async def test_contacts_of_same_batch_count_as_repeated(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    await put(configured, "sla-policies/gold", {**POLICY, "raise_when": WEEK})
    contacts = [await service.received() for _ in range(3)]
    await service.handle_events(*contacts)
    (escalation,) = await service.rows("SELECT contact_id::text FROM escalations")
    assert escalation.contact_id == contacts[-1].contact_id


async def test_bad_feedback_and_complaint_are_raised_after_resolution(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    rule = {**POLICY, "raise_when": {"feedback_at_most": 2}}
    await put(configured, "sla-policies/gold", rule)
    contact = await service.received()
    await service.handle_events(contact)
    feedback = FeedbackReceived(
        contact_id=contact.contact_id, occurred_at=await service.now(), score=1, comment="rude"
    )
    await service.handle_events(feedback, assigned(contact))
    body = {"contact_id": contact.contact_id, "reason": "was rude", "about": "rita"}
    complaint = await configured.post("/v1/escalations", json=body)
    assert complaint.status_code == 201
    assert [cause["kind"] for cause in complaint.json()["causes"]] == ["feedback", "complaint"]
    place = f"/v1/escalations/{complaint.json()['escalation_id']}/acknowledge"
    sam = await configured.post(place, headers=key("sam"))
    assert sam.status_code == 200
    unknown = {**body, "contact_id": new_id()}
    assert (await configured.post("/v1/escalations", json=unknown)).status_code == 404
    nobody = {**body, "about": "not a name"}
    assert (await configured.post("/v1/escalations", json=nobody)).status_code == 422


async def test_person_complained_about_may_not_act(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    contact = await service.received()
    await service.handle_events(contact, assigned(contact, "sam"))
    body = {"contact_id": contact.contact_id, "reason": "was rude", "about": "sam"}
    raised = (await configured.post("/v1/escalations", json=body)).json()
    assert raised["awaited"] == ["mia"]
    place = f"/v1/escalations/{raised['escalation_id']}/acknowledge"
    refused = await configured.post(place, headers=key("sam"))
    assert refused.status_code == 403
    assert "about you" in refused.json()["detail"]
