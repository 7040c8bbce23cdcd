"""Clocks as the API shows them."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import structs

from common.contracts.contacts import (
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    WaitingOnCustomerEnded,
)
from common.core.erasure import ERASED
from escalation.store.events import restore_event
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
    assert shown["timeline"][-1]["code"] == "resumed"
    assert shown["timeline"][-1]["reason"]["code"] == "customer-wrote"
    assert shown["timeline"][-1]["parameters"]["left_s"] == 980


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
    assert await service.rows("SELECT * FROM timers WHERE type = 'SettingChanged'") == []


async def test_consumed_events_are_stored_without_words(
    service: EscalationHarness,
) -> None:
    contact = await service.received(campaign="recall")
    event_ids = await service.handle_events(assigned(contact), contact, waits(contact, 20))
    await service.advance_time(2000)
    facts = await service.rows("SELECT * FROM consumed_events ORDER BY at")
    assert [(row.type, str(row.event_id)) for row in facts] == [
        ("upstairs.contact_received.v1", event_ids[1]),
        ("upstairs.contact_assigned.v1", event_ids[0]),
        ("upstairs.waiting_on_customer.v1", event_ids[2]),
    ]
    stored = msgspec.json.encode(facts[0].data).decode()
    restored = restore_event(ContactReceived, contact.contact_id, facts[0].at, stored)
    assert restored == structs.replace(
        contact, subject=ERASED, customer=structs.replace(contact.customer, name=None)
    )


async def test_calendar_put_with_retarget_moves_clocks_of_open_contacts(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    hours = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    usual = {"zone": "UTC", "hours": hours}
    assert (await api.put("/v1/calendars/office", json=usual)).status_code == 200
    policy = {**POLICY, "calendar_id": "office"}
    assert (await api.put("/v1/sla-policies/gold", json=policy)).status_code == 200
    contact = await service.received()
    await service.handle_events(contact)
    before = (await clocks(api, contact))["resolution"]
    day = contact.occurred_at.date()
    closed = {**usual, "closed": [str(day), str(day + timedelta(days=1))]}
    response = await api.put(
        "/v1/calendars/office", params={"open_contacts": "retarget"}, json=closed
    )
    assert (response.status_code, response.json()["version"]) == (200, 2)
    await service.advance_time(1)
    after = (await clocks(api, contact))["resolution"]
    assert (after["calendar"], after["policy"]) == (
        {"id": "office", "version": 2},
        before["policy"],
    )
    assert after["due_at"] > str(day + timedelta(days=2))
    assert after["timeline"][-1]["text"].endswith("calendar office was changed")


async def test_end_of_the_wait_shows_in_the_clocks_of_the_contact(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact, replies(contact, 1), waits(contact, 20))

    async def shown() -> dict[str, Any]:
        path = f"/v1/contacts/{contact.contact_id}/clocks"
        return dict((await api.get(path, headers=key("sam"))).json())

    waiting = await shown()
    assert waiting["waiting_since"] is not None
    assert waiting["wait_ends_at"] > waiting["waiting_since"]
    ended = WaitingOnCustomerEnded(
        contact_id=contact.contact_id, occurred_at=later(contact, 500), cause="opened"
    )
    await service.handle_events(ended)
    after = await shown()
    assert (after["waiting_since"], after["wait_ends_at"]) == (None, None)
    (resolution,) = (clock for clock in after["clocks"] if clock["clock"] == "resolution")
    assert resolution["state"] == "running"
    assert resolution["timeline"][-1]["text"].endswith(": it is our turn again")


async def test_reopened_contact_shows_what_is_owed_again(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    resolved = ContactResolved(contact_id=contact.contact_id, occurred_at=later(contact, 1))
    reopened = ContactReopened(
        contact_id=contact.contact_id, occurred_at=later(contact, 5), reason="still broken"
    )
    await service.handle_events(contact, resolved, reopened)
    path = f"/v1/contacts/{contact.contact_id}/clocks"
    shown = (await api.get(path, headers=key("sam"))).json()
    assert shown["reopenings"] == 1
    assert shown["reply_owed_since"] is not None
    assert {clock["clock"]: (clock["state"], clock["run"]) for clock in shown["clocks"]} == {
        "assignment": ("running", 2),
        "first_response": ("running", 2),
        "resolution": ("running", 2),
    }


async def test_threshold_before_the_start_of_its_clock_is_refused_with_its_place(
    api: httpx.AsyncClient,
) -> None:
    rules = [{"action": "warn_supervisor", "offset_s": -501}]
    target = {"clock": "resolution", "target_s": 500, "thresholds": rules}
    response = await api.put("/v1/sla-policies/gold", json={**POLICY, "targets": [target]})
    assert response.status_code == 422
    assert "targets/0/thresholds/0/offset_s" in response.text
