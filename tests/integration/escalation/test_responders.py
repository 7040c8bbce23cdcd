"""Who would be asked about a contact now, why, until when, and how they are reached."""

from datetime import timedelta
from typing import Any

import httpx

from common.contracts.contacts import SupervisorRequested
from common.contracts.event import PersonId
from common.contracts.notifications import RecipientChanged
from common.core.ids import new_id
from integration.escalation.conftest import EscalationHarness, assigned, key


async def escalate(service: EscalationHarness) -> str:
    received = await service.received()
    request = SupervisorRequested(
        contact_id=received.contact_id, occurred_at=received.occurred_at, quote="Your boss, please"
    )
    await service.handle_events(received, assigned(received), request)
    return received.contact_id


async def responders(api: httpx.AsyncClient, contact_id: str, caller: str = "mia") -> Any:
    answer = await api.get(f"/v1/contacts/{contact_id}/responders", headers=key(caller))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_level_shows_who_why_until_when_and_by_what_medium(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    received = await service.received()
    now = await service.now()
    changed = RecipientChanged(person_id=PersonId("sam"), occurred_at=now, media=("slack", "email"))
    await service.handle_events(received, changed)
    shown = await responders(configured, received.contact_id)
    assert (shown["escalation_id"], shown["level"], shown["ladder"]["id"]) == (
        None,
        None,
        "default",
    )
    supervisors, managers = shown["levels"]
    assert supervisors["people"] == [
        {
            "person_id": "sam",
            "reason": "on duty by supervisors",
            "rule": "duty",
            "setting_id": "supervisors",
            "stands_in": False,
            "on_duty_until": None,
            "media": ["slack", "email"],
        }
    ]
    (mia,) = managers["people"]
    assert (mia["person_id"], mia["rule"], mia["media"]) == ("mia", "person", [])


async def test_substitute_is_shown_until_the_override_ends(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    received = await service.received()
    await service.handle_events(received)
    now = await service.now()
    until = now + timedelta(hours=2)
    override = {
        "person_id": "kim",
        "instead_of": "sam",
        "from": now.isoformat(),
        "until": until.isoformat(),
    }
    service.database.clock.offset -= timedelta(seconds=5)
    put = await configured.post(
        "/v1/duty-schedules/supervisors/overrides", json=override, headers=key("ops")
    )
    assert put.status_code in (200, 201, 202), put.text
    service.database.clock.offset += timedelta(seconds=10)
    (kim,) = (await responders(configured, received.contact_id))["levels"][0]["people"]
    assert (kim["person_id"], kim["stands_in"]) == ("kim", True)
    assert kim["on_duty_until"][:19] == until.isoformat()[:19]


async def test_person_whom_a_complaint_is_about_is_left_out(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    contact_id = await escalate(service)
    (item,) = (await configured.get(f"/v1/escalations?contact_id={contact_id}")).json()["items"]
    path = f"/v1/escalations/{item['escalation_id']}"
    assert (await configured.post(f"{path}/acknowledge", headers=key("sam"))).status_code == 200
    about = {"contact_id": contact_id, "reason": "He shouted.", "about": "sam"}
    raised = await configured.post("/v1/escalations", json=about, headers=key("rita"))
    assert raised.status_code == 201, raised.text
    shown = await responders(configured, contact_id)
    assert shown["escalation_id"] == item["escalation_id"]
    assert shown["levels"][0]["people"] == []
    assert shown["levels"][0]["skipped"] == ["supervisors: a complaint is about sam"]


async def test_question_asks_nobody(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    contact_id = await escalate(service)
    before = await service.rows("SELECT count(*) AS n FROM published_events")
    await responders(configured, contact_id)
    assert await service.rows("SELECT count(*) AS n FROM published_events") == before


async def test_unknown_contact_is_not_found(configured: httpx.AsyncClient) -> None:
    answer = await configured.get(f"/v1/contacts/{new_id()}/responders")
    assert answer.status_code == 404
