"""Representatives who go offline, leave, or change what they take, with contacts on their hands."""

from typing import Any

import httpx
import pytest

from common.contracts.event import ContactId
from integration.router.conftest import RouterHarness, key
from integration.router.examples import accept, assert_loads_are_consistent, complete, received
from integration.router.test_api import hire, put_person
from router.domain.routing.strategies import ABSENCE_GRACE

OFFERS: dict[str, Any] = {"capacity": 2, "auto_accept": False, "offer_s": 3600}


async def offered_to_rita(harness: RouterHarness, api: httpx.AsyncClient) -> ContactId:
    await hire(api, **OFFERS)
    contact = received()
    await harness.handle_events(contact)
    assert (await harness.assignment(contact.contact_id)).representative_id == "rita"
    return contact.contact_id


async def assigned_to_rita(harness: RouterHarness, api: httpx.AsyncClient) -> ContactId:
    contact_id = await offered_to_rita(harness, api)
    await accept(harness, contact_id, "rita")
    return contact_id


async def set_presence(api: httpx.AsyncClient, name: str, presence: str) -> None:
    path = f"/v1/representatives/{name}/presence"
    answer = await api.put(path, json={"presence": presence}, headers=key("mia"))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"presence": "offline"}, "Rita is offline"),
        ({"presence": "away"}, "Rita is away"),
        ({"active": False}, "Rita is no longer active"),
        ({"roles": ["supervisor"]}, "Rita is no longer active"),
        ({"skills": ["orders"]}, "Rita no longer takes billing, en"),
        ({"languages": ["de"]}, "Rita no longer takes billing, en"),
    ],
)
async def test_offer_goes_on_at_once_when_the_representative_can_not_take_it(
    harness: RouterHarness, api: httpx.AsyncClient, change: dict[str, Any], reason: str
) -> None:
    contact_id = await offered_to_rita(harness, api)
    await harness.hire("sam", auto_accept=False)

    if "presence" in change:
        await set_presence(api, "rita", change["presence"])
    else:
        await put_person(api, **change)

    assignment = await harness.assignment(contact_id)
    assert (assignment.state, assignment.representative_id) == ("offered", "sam")
    assert await harness.published(contact_id) == [
        "ContactOffered",
        "AssignmentReleased",
        "ContactOffered",
    ]
    (released,) = await harness.rows(
        "SELECT data FROM published_events WHERE type = 'upstairs.assignment_released.v1'"
    )
    assert (released.data["kind"], released.data["reason"]) == ("unavailable", reason)
    assert await timers(harness) == [("OfferExpires", "sam")]
    await assert_loads_are_consistent(harness)


async def test_newest_offer_above_a_lowered_capacity_goes_on(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    first = await offered_to_rita(harness, api)
    second = received()
    await harness.handle_events(second)
    await harness.hire("sam")

    workload = {**OFFERS, "capacity": 1}
    lowered = await api.put("/v1/representatives/rita", json=workload)
    assert lowered.status_code == 200, lowered.text

    assert (await harness.assignment(first)).representative_id == "rita"
    assert (await harness.assignment(second.contact_id)).representative_id == "sam"
    await assert_loads_are_consistent(harness)


async def test_withdrawn_offer_is_queued_and_comes_back_with_the_representative(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    contact_id = await offered_to_rita(harness, api)
    await set_presence(api, "rita", "offline")
    assert (await harness.assignment(contact_id)).state == "queued"
    await set_presence(api, "rita", "available")
    assert (await harness.assignment(contact_id)).representative_id == "rita"


@pytest.mark.parametrize("absence", ["offline", "inactive"])
async def test_assigned_contact_returns_to_the_queue_after_the_grace(
    harness: RouterHarness, api: httpx.AsyncClient, absence: str
) -> None:
    contact_id = await assigned_to_rita(harness, api)
    await harness.hire("sam")

    if absence == "offline":
        await set_presence(api, "rita", "offline")
    else:
        await put_person(api, active=False)

    assert (await harness.assignment(contact_id)).representative_id == "rita"
    await harness.advance_time(ABSENCE_GRACE.total_seconds() - 5)
    assert (await harness.assignment(contact_id)).representative_id == "rita"
    await harness.advance_time(5)
    assert (await harness.assignment(contact_id)).representative_id == "sam"
    assert (await harness.published(contact_id))[-2:] == ["AssignmentReleased", "ContactAssigned"]
    await assert_loads_are_consistent(harness)


async def test_return_in_time_keeps_the_contact(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    contact_id = await assigned_to_rita(harness, api)
    await harness.hire("sam")
    await set_presence(api, "rita", "offline")
    assert await timers(harness) == [("AbsenceGraceEnds", "rita")]

    await set_presence(api, "rita", "away")

    assert await timers(harness) == []
    assert (await harness.assignment(contact_id)).representative_id == "rita"


async def test_contact_that_went_to_somebody_else_meanwhile_stays_there(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    contact_id = await assigned_to_rita(harness, api)
    await set_presence(api, "rita", "offline")
    await harness.hire("sam")
    await api.post(f"/v1/assignments/{contact_id}/release", json={"reason": "Urgent."})
    assert (await harness.assignment(contact_id)).representative_id == "sam"

    await harness.advance_time(ABSENCE_GRACE.total_seconds())

    assert (await harness.assignment(contact_id)).representative_id == "sam"
    await complete(harness, contact_id)
    await assert_loads_are_consistent(harness)


async def timers(harness: RouterHarness) -> list[tuple[str, str]]:
    rows = await harness.rows("SELECT type, data FROM timers ORDER BY type")
    return [(row.type, row.data["representative_id"]) for row in rows]
