"""Escalations from events and timers, as Kafka and the timer loop deliver them."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from common.contracts.assignments import ContactReferred
from common.contracts.contacts import (
    ContactReceived,
    ContactReopened,
    ContactResolved,
    RepresentativeReplied,
    SupervisorRequested,
)
from common.contracts.event import (
    EscalationId,
    Event,
    MessageId,
    NotificationId,
    PageId,
    PersonId,
)
from common.contracts.notifications import NotificationActedOn
from common.core.ids import new_id
from integration.escalation.conftest import EscalationHarness, assigned, key

pytestmark = pytest.mark.usefixtures("configured")


def supervisor_requested(contact: ContactReceived) -> Event:
    return SupervisorRequested(
        contact_id=contact.contact_id, occurred_at=contact.occurred_at, quote="Your boss, please."
    )


def resolved(contact: ContactReceived) -> Event:
    return ContactResolved(
        contact_id=contact.contact_id, occurred_at=contact.occurred_at + timedelta(seconds=5)
    )


def referred(contact: ContactReceived) -> Event:
    return ContactReferred(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at + timedelta(seconds=3),
        representative_id=PersonId("rita"),
        reason="too hard",
    )


async def open_of(api: httpx.AsyncClient, contact: ContactReceived) -> str:
    listed = (await api.get("/v1/escalations")).json()["items"]
    (escalation_id,) = [
        escalation["escalation_id"]
        for escalation in listed
        if escalation["contact_id"] == contact.contact_id
    ]
    return str(escalation_id)


async def test_breach_climbs_until_acknowledged(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact, assigned(contact))
    await service.advance_time(80)
    await service.advance_time(20)
    await service.advance_time(50)
    escalation_id = await open_of(api, contact)
    await service.handle_events(
        NotificationActedOn(
            contact_id=contact.contact_id,
            occurred_at=await service.now(),
            notification_id=NotificationId(new_id()),
            page_id=PageId(new_id()),
            person_id=PersonId("mia"),
            escalation_id=EscalationId(escalation_id),
            action="acknowledge",
            medium="slack",
        )
    )
    assert await service.fetch_event_types(contact.contact_id) == [
        "clocks_started",
        "clock_met",
        "clock_warned",
        "page_requested",
        "clock_breached",
        "escalation_raised",
        "page_requested",
        "escalation_climbed",
        "page_requested",
        "escalation_acknowledged",
    ]
    shown = (await api.get(f"/v1/escalations/{escalation_id}")).json()
    assert (shown["state"], shown["holder"], shown["level_name"]) == (
        "acknowledged",
        "mia",
        "managers",
    )
    (cause,) = shown["causes"]
    assert (cause["kind"], cause["clock"]) == ("breach", "first_response")
    contact = shown["contact"]
    assert (contact["topic"], contact["channel"], contact["customer"]) == (
        "billing",
        "ticket",
        "Ada Lovelace",
    )
    assert shown["ladder"] == "default v1"
    assert [step["type"] for step in shown["events"]] == [
        "upstairs.escalation_raised.v1",
        "upstairs.page_requested.v1",
        "upstairs.escalation_climbed.v1",
        "upstairs.page_requested.v1",
        "upstairs.escalation_acknowledged.v1",
    ]


async def test_met_clocks_leave_no_timer(service: EscalationHarness) -> None:
    contact = await service.received()
    reply = RepresentativeReplied(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at + timedelta(seconds=2),
        message_id=MessageId("m"),
    )
    await service.handle_events(contact, assigned(contact), reply, resolved(contact))
    await service.advance_time(2000)
    assert (
        await service.fetch_event_types(contact.contact_id)
        == ["clocks_started"] + ["clock_met"] * 3
    )
    assert await service.rows("SELECT * FROM timers") == []


async def test_assignment_before_contact_is_applied_later(service: EscalationHarness) -> None:
    contact = await service.received()
    await service.handle_events(assigned(contact), referred(contact))
    assert await service.fetch_event_types(contact.contact_id) == []
    await service.handle_events(contact)
    assert await service.fetch_event_types(contact.contact_id) == [
        "clocks_started",
        "clock_met",
        "escalation_raised",
        "page_requested",
    ]


async def test_batch_closes_one_escalation_and_raises_next(service: EscalationHarness) -> None:
    contact = await service.received()
    await service.handle_events(contact, supervisor_requested(contact))
    reopened = ContactReopened(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at + timedelta(seconds=6),
        reason="not settled",
    )
    await service.handle_events(resolved(contact), reopened, supervisor_requested(contact))
    states = await service.rows("SELECT state FROM escalations ORDER BY raised_at")
    assert [row.state for row in states] == ["closed", "raised"]


async def test_large_batch_is_one_transaction(service: EscalationHarness) -> None:
    contacts = [await service.received() for _ in range(50)]
    await service.handle_events(*contacts, *map(assigned, contacts), *map(referred, contacts))
    raised = await service.rows("SELECT xmin::text AS transaction FROM escalations")
    assert len(raised) == 50
    assert len({row.transaction for row in raised}) == 1


async def test_concurrent_batches_of_two_topics_handle_new_contacts(
    service: EscalationHarness,
) -> None:
    contacts = [await service.received() for _ in range(20)]
    await asyncio.gather(
        service.handle_events(*contacts),
        service.handle_events(*map(assigned, contacts), *map(referred, contacts)),
    )
    for contact in contacts:
        published = await service.fetch_event_types(contact.contact_id)
        assert sorted(published) == [
            "clock_met",
            "clocks_started",
            "escalation_raised",
            "page_requested",
        ]


async def test_take_over_and_resolve_end_escalation(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact, assigned(contact), supervisor_requested(contact))
    place = f"/v1/escalations/{await open_of(api, contact)}"
    taken = await api.post(f"{place}/take-over", headers=key("sam"))
    assert (taken.json()["state"], taken.json()["holder"]) == ("taken_over", "sam")
    end = {"outcome": "other", "note": "explained"}
    assert (await api.post(f"{place}/resolve", json=end, headers=key("sam"))).status_code == 200
    again = await api.post(f"{place}/resolve", json=end, headers=key("sam"))
    assert again.status_code == 409
    assert again.json()["state"] == "resolved"
    assert (await api.get("/v1/escalations")).json() == {"items": [], "next_cursor": None}
    (timers,) = await service.rows("SELECT count(*) n FROM timers WHERE slot = 'escalation'")
    assert timers.n == 0


async def test_second_acknowledgement_names_holder(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact, supervisor_requested(contact))
    place = f"/v1/escalations/{await open_of(api, contact)}/acknowledge"
    assert (await api.post(place, headers=key("sam"))).status_code == 200
    assert (await api.post(place, headers=key("sam"))).status_code == 200
    second = await api.post(place, headers=key("kim"))
    assert second.status_code == 409
    assert second.json()["detail"] == "It is acknowledged by sam."
    assert second.json()["state"] == "acknowledged"


async def test_refer_up_and_hand_back(service: EscalationHarness, api: httpx.AsyncClient) -> None:
    contact = await service.received()
    await service.handle_events(contact, assigned(contact), supervisor_requested(contact))
    place = f"/v1/escalations/{await open_of(api, contact)}"
    up = await api.post(f"{place}/refer-up", json={"reason": "legal"}, headers=key("sam"))
    assert up.json()["awaited"] == ["mia"]
    top = await api.post(f"{place}/refer-up", json={"reason": "legal"})
    assert top.status_code == 409
    guidance = {"guidance": "Say sorry."}
    assert (await api.post(f"{place}/hand-back", json=guidance)).status_code == 409
    await api.post(f"{place}/acknowledge")
    back = await api.post(f"{place}/hand-back", json=guidance)
    assert (back.json()["state"], back.json()["note"]) == ("handed_back", "Say sorry.")


async def test_missing_role_key_and_id_are_refused(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact, supervisor_requested(contact))
    place = f"/v1/escalations/{await open_of(api, contact)}"
    refused = await api.post(f"{place}/acknowledge", headers=key("rita"))
    assert refused.status_code == 403
    assert (
        await api.post(f"{place}/acknowledge", headers={"Authorization": ""})
    ).status_code == 401
    assert (await api.get(f"/v1/escalations/{new_id()}")).status_code == 404
    assert (await api.post(f"/v1/escalations/{new_id()}/acknowledge")).status_code == 404
    assert (await api.post("/v1/escalations/7/acknowledge")).status_code == 422
    wrong = {"outcome": "lunch", "note": "?"}
    assert (await api.post(f"{place}/resolve", json=wrong)).status_code == 422


async def test_raised_by_hand(service: EscalationHarness, api: httpx.AsyncClient) -> None:
    contact = await service.received()
    await service.handle_events(contact)
    body = {"contact_id": contact.contact_id, "reason": "A journalist is on the line."}
    raised = await api.post("/v1/escalations", json=body, headers=key("rita"))
    assert raised.status_code == 201
    (cause,) = raised.json()["causes"]
    assert (cause["kind"], cause["by"], cause["reason"]) == ("manual", "rita", body["reason"])
    unknown = await api.post("/v1/escalations", json={**body, "contact_id": new_id()})
    assert unknown.status_code == 404
    await service.handle_events(resolved(contact))
    assert (await api.post("/v1/escalations", json=body)).status_code == 409


async def test_list_is_sorted_by_time_left_and_paged(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    for _ in range(3):
        contact = await service.received()
        await service.handle_events(contact, supervisor_requested(contact))
    first = await open_of(api, contact)
    await api.post(f"/v1/escalations/{first}/acknowledge", headers=key("kim"))
    ids: list[str] = []
    following: dict[str, str] = {}
    for _ in range(3):
        page = (await api.get("/v1/escalations", params={"limit": 1, **following})).json()
        ids += [escalation["escalation_id"] for escalation in page["items"]]
        following = {"cursor": page["next_cursor"]}
    assert page["next_cursor"] is None
    assert len(set(ids)) == 3
    assert ids[-1] == first
    of_sam = (await api.get("/v1/escalations?person=sam&state=raised")).json()["items"]
    assert len(of_sam) == 2
    of_kim = (await api.get("/v1/escalations?person=kim")).json()["items"]
    assert [escalation["escalation_id"] for escalation in of_kim] == [first]
    assert (await api.get("/v1/escalations?cursor=nonsense")).status_code == 422


async def test_clocks_show_state_and_summary(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact, assigned(contact))
    await service.advance_time(90)
    shown = await api.get(f"/v1/contacts/{contact.contact_id}/clocks", headers=key("rita"))
    clocks = {clock["clock"]: clock for clock in shown.json()["clocks"]}
    assert {name: clock["state"] for name, clock in clocks.items()} == {
        "assignment": "met",
        "first_response": "running",
        "resolution": "running",
    }
    assert 0 < clocks["first_response"]["left_s"] < 10
    summary = clocks["first_response"]["summary"]
    assert summary.startswith("Promised within 1 min 40 s by policy gold v1; started ")
    assert "warning for the representative at 80 %" in summary
    assert clocks["assignment"]["summary"].endswith("59 s before it was due.")
    assert (await api.get(f"/v1/contacts/{new_id()}/clocks")).status_code == 404
