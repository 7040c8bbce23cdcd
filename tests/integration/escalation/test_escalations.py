"""Contacts that go upstairs, told to the service as Kafka and its timers would."""

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
from integration.escalation.conftest import Desk, assigned, key

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
    listed = (await api.get("/v1/escalations")).json()["escalations"]
    (escalation_id,) = [
        one["escalation_id"] for one in listed if one["contact_id"] == contact.contact_id
    ]
    return str(escalation_id)


async def test_a_breach_climbs_until_somebody_acknowledges(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    contact = await desk.received()
    await desk.tell(contact, assigned(contact))
    await desk.after(80)
    await desk.after(20)
    await desk.after(50)
    escalation_id = await open_of(api, contact)
    await desk.tell(
        NotificationActedOn(
            contact_id=contact.contact_id,
            occurred_at=await desk.now(),
            notification_id=NotificationId(new_id()),
            page_id=PageId(new_id()),
            person_id=PersonId("mia"),
            escalation_id=EscalationId(escalation_id),
            action="acknowledge",
            medium="slack",
        )
    )
    assert await desk.journal(contact.contact_id) == [
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
    assert shown["headline"].startswith("Billing ticket from Ada Lovelace: first response 50 s")
    assert shown["ladder"] == "default v1"
    assert [step["type"] for step in shown["journal"]] == [
        "upstairs.escalation_raised.v1",
        "upstairs.page_requested.v1",
        "upstairs.escalation_climbed.v1",
        "upstairs.page_requested.v1",
        "upstairs.escalation_acknowledged.v1",
    ]


async def test_all_well_leaves_no_timer(desk: Desk) -> None:
    contact = await desk.received()
    reply = RepresentativeReplied(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at + timedelta(seconds=2),
        message_id=MessageId("m"),
    )
    await desk.tell(contact, assigned(contact), reply, resolved(contact))
    await desk.after(2000)
    assert await desk.journal(contact.contact_id) == ["clocks_started"] + ["clock_met"] * 3
    assert await desk.rows("SELECT * FROM timers") == []


async def test_an_assignment_may_come_before_its_contact(desk: Desk) -> None:
    contact = await desk.received()
    await desk.tell(assigned(contact), referred(contact))
    assert await desk.journal(contact.contact_id) == []
    await desk.tell(contact)
    assert await desk.journal(contact.contact_id) == [
        "clocks_started",
        "clock_met",
        "escalation_raised",
        "page_requested",
    ]


async def test_one_batch_may_close_one_escalation_and_raise_the_next(desk: Desk) -> None:
    contact = await desk.received()
    await desk.tell(contact, supervisor_requested(contact))
    reopened = ContactReopened(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at + timedelta(seconds=6),
        reason="not settled",
    )
    await desk.tell(resolved(contact), reopened, supervisor_requested(contact))
    states = await desk.rows("SELECT state FROM escalations ORDER BY raised_at")
    assert [row.state for row in states] == ["closed", "raised"]


async def test_a_large_batch_of_new_contacts_is_one_transaction(desk: Desk) -> None:
    contacts = [await desk.received() for _ in range(50)]
    await desk.tell(*contacts, *map(assigned, contacts), *map(referred, contacts))
    raised = await desk.rows("SELECT xmin::text AS transaction FROM escalations")
    assert len(raised) == 50
    assert len({row.transaction for row in raised}) == 1


async def test_two_topics_may_speak_of_a_new_contact_at_once(desk: Desk) -> None:
    contacts = [await desk.received() for _ in range(20)]
    await asyncio.gather(
        desk.tell(*contacts), desk.tell(*map(assigned, contacts), *map(referred, contacts))
    )
    for contact in contacts:
        published = await desk.journal(contact.contact_id)
        assert sorted(published) == [
            "clock_met",
            "clocks_started",
            "escalation_raised",
            "page_requested",
        ]


async def test_taken_over_and_resolved_by_hand(desk: Desk, api: httpx.AsyncClient) -> None:
    contact = await desk.received()
    await desk.tell(contact, assigned(contact), supervisor_requested(contact))
    place = f"/v1/escalations/{await open_of(api, contact)}"
    taken = await api.post(f"{place}/take-over", headers=key("sam"))
    assert (taken.json()["state"], taken.json()["holder"]) == ("taken_over", "sam")
    end = {"outcome": "refund", "note": "49 EUR"}
    assert (await api.post(f"{place}/resolve", json=end, headers=key("sam"))).status_code == 200
    again = await api.post(f"{place}/resolve", json=end, headers=key("sam"))
    assert again.status_code == 409
    assert again.json()["state"] == "resolved"
    assert (await api.get("/v1/escalations")).json() == {"escalations": [], "next": None}
    (timers,) = await desk.rows("SELECT count(*) n FROM timers WHERE slot = 'escalation'")
    assert timers.n == 0


async def test_a_second_acknowledgement_is_told_who_has_it(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    contact = await desk.received()
    await desk.tell(contact, supervisor_requested(contact))
    place = f"/v1/escalations/{await open_of(api, contact)}/acknowledge"
    assert (await api.post(place, headers=key("sam"))).status_code == 200
    assert (await api.post(place, headers=key("sam"))).status_code == 200
    second = await api.post(place, headers=key("kim"))
    assert second.status_code == 409
    assert second.json()["detail"] == "It is acknowledged by sam."
    assert second.json()["state"] == "acknowledged"


async def test_referred_up_and_handed_back(desk: Desk, api: httpx.AsyncClient) -> None:
    contact = await desk.received()
    await desk.tell(contact, assigned(contact), supervisor_requested(contact))
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


async def test_who_may_not_and_what_is_not(desk: Desk, api: httpx.AsyncClient) -> None:
    contact = await desk.received()
    await desk.tell(contact, supervisor_requested(contact))
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


async def test_raised_by_hand(desk: Desk, api: httpx.AsyncClient) -> None:
    contact = await desk.received()
    await desk.tell(contact)
    body = {"contact_id": contact.contact_id, "reason": "A journalist is on the line."}
    raised = await api.post("/v1/escalations", json=body, headers=key("rita"))
    assert raised.status_code == 201
    assert raised.json()["headline"] == "Billing ticket from Ada Lovelace: raised by rita"
    unknown = await api.post("/v1/escalations", json={**body, "contact_id": new_id()})
    assert unknown.status_code == 404
    await desk.tell(resolved(contact))
    assert (await api.post("/v1/escalations", json=body)).status_code == 409


async def test_the_list_is_sorted_by_time_left_and_read_page_by_page(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    for _ in range(3):
        contact = await desk.received()
        await desk.tell(contact, supervisor_requested(contact))
    first = await open_of(api, contact)
    await api.post(f"/v1/escalations/{first}/acknowledge", headers=key("kim"))
    seen: list[str] = []
    following: dict[str, str] = {}
    for _ in range(3):
        page = (await api.get("/v1/escalations", params={"limit": 1, **following})).json()
        seen += [one["escalation_id"] for one in page["escalations"]]
        following = {"cursor": page["next"]}
    assert page["next"] is None
    assert len(set(seen)) == 3
    assert seen[-1] == first
    of_sam = (await api.get("/v1/escalations?person=sam&state=raised")).json()["escalations"]
    assert len(of_sam) == 2
    of_kim = (await api.get("/v1/escalations?person=kim")).json()["escalations"]
    assert [one["escalation_id"] for one in of_kim] == [first]
    assert (await api.get("/v1/escalations?cursor=nonsense")).status_code == 422


async def test_clocks_explain_themselves(desk: Desk, api: httpx.AsyncClient) -> None:
    contact = await desk.received()
    await desk.tell(contact, assigned(contact))
    await desk.after(90)
    shown = await api.get(f"/v1/contacts/{contact.contact_id}/clocks", headers=key("rita"))
    clocks = {clock["clock"]: clock for clock in shown.json()["clocks"]}
    assert {name: clock["state"] for name, clock in clocks.items()} == {
        "assignment": "met",
        "first_response": "running",
        "resolution": "running",
    }
    assert 0 < clocks["first_response"]["left_s"] < 10
    words = clocks["first_response"]["words"]
    assert words.startswith("Promised within 1 min 40 s by policy gold v1; started ")
    assert "warning for the representative at 80 %" in words
    assert clocks["assignment"]["words"].endswith("59 s before it was due.")
    assert (await api.get(f"/v1/contacts/{new_id()}/clocks")).status_code == 404
