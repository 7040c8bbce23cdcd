"""Clocks as the API shows them."""

from typing import Any

import httpx
import pytest

from common.contracts.contacts import (
    ContactPrioritized,
    ContactReceived,
    ContactResolved,
)
from integration.escalation.clock_examples import later, replies, waits, writes
from integration.escalation.conftest import POLICY, EscalationHarness, assigned, key

pytestmark = pytest.mark.usefixtures("configured")


async def clocks(api: httpx.AsyncClient, contact: ContactReceived) -> dict[str, dict[str, Any]]:
    response = await api.get(f"/v1/contacts/{contact.contact_id}/clocks", headers=key("sam"))
    assert response.status_code == 200, response.text
    return {clock["clock"]: clock for clock in response.json()["clocks"]}


async def test_paused_clock_shows_since_when_why_and_time_left(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact, replies(contact, 1), waits(contact, 20))
    shown = (await clocks(api, contact))["resolution"]
    assert (shown["state"], shown["paused_reason"]) == ("paused", "waiting for the customer")
    assert (shown["elapsed_s"], shown["left_business_s"], shown["left_s"]) == (20, 980, None)
    assert shown["due_at"] is None
    assert [entry["text"] for entry in shown["timeline"]][1:] == [
        "paused after 20 s: waiting for the customer"
    ]
    await service.handle_events(writes(contact, 500))
    shown = (await clocks(api, contact))["resolution"]
    assert shown["state"] == "running"
    assert shown["timeline"][-1]["text"].startswith("resumed with 16 min 20 s left, due ")
    assert shown["timeline"][-1]["text"].endswith(": the customer wrote")


async def test_priority_change_retargets_clocks_by_another_policy(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    urgent = {
        "match": {"priority": ["urgent"]},
        "targets": [{"clock": "resolution", "target_s": 500}],
        "ladder_id": "default",
        "severity": "critical",
    }
    assert (await api.put("/v1/sla-policies/urgent", json=urgent)).status_code == 200
    contact = await service.received()
    prioritized = ContactPrioritized(
        contact_id=contact.contact_id,
        occurred_at=later(contact, 100),
        priority="urgent",
        reason="a journalist asks",
    )
    await service.handle_events(contact, prioritized)
    shown = await clocks(api, contact)
    assert (shown["resolution"]["target_s"], shown["resolution"]["policy"]["id"]) == (500, "urgent")
    assert shown["first_response"]["state"] == "cancelled"
    story = shown["resolution"]["timeline"][-1]["text"]
    assert story.startswith("retargeted from 16 min 40 s to 8 min 20 s by policy urgent v1 after")
    assert story.endswith("priority high became urgent: a journalist asks")


async def test_policy_put_with_retarget_applies_to_open_contacts(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    kept, changed, closed = [await service.received() for _ in range(3)]
    resolved = ContactResolved(contact_id=closed.contact_id, occurred_at=later(closed, 1))
    await service.handle_events(kept, closed, resolved)
    shorter = {**POLICY, "targets": [{"clock": "resolution", "target_s": 700}]}
    assert (await api.put("/v1/sla-policies/gold", json=shorter)).status_code == 200
    await service.advance_time(0)
    assert (await clocks(api, kept))["resolution"]["policy"]["version"] == 1
    await service.handle_events(changed)
    response = await api.put(
        "/v1/sla-policies/gold", params={"open_contacts": "retarget"}, json=shorter
    )
    assert response.json()["version"] == 2
    # One contact after another, some milliseconds apart.
    await service.advance_time(1)
    after = (await clocks(api, kept))["resolution"]
    assert (after["policy"]["version"], after["target_s"], after["run"]) == (2, 700, 1)
    assert (await clocks(api, kept))["first_response"]["state"] == "cancelled"
    assert (await service.fetch_event_types(changed.contact_id)) == ["clocks_started"]
    assert "clock_retargeted" not in await service.fetch_event_types(closed.contact_id)
    assert await service.rows("SELECT * FROM timers WHERE type = 'PolicyChanged'") == []


async def test_consumed_events_are_stored_as_received(service: EscalationHarness) -> None:
    contact = await service.received(campaign="recall")
    event_ids = await service.handle_events(assigned(contact), contact, waits(contact, 20))
    await service.advance_time(2000)
    facts = await service.rows("SELECT * FROM consumed_events ORDER BY at")
    assert [(row.type, row.event_id) for row in facts] == [
        ("upstairs.contact_received.v1", event_ids[1]),
        ("upstairs.contact_assigned.v1", event_ids[0]),
        ("upstairs.waiting_on_customer.v1", event_ids[2]),
    ]
    assert ContactReceived.model_validate(facts[0].data) == contact
