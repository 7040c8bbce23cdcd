"""Other contacts for a representative until a time: over HTTP, by timer, and in the matching."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from common.contracts.event import PersonId, TeamId
from integration.router.conftest import ADMIN, RouterHarness, key
from integration.router.examples import accept, assert_loads_are_consistent, received
from router import use_cases
from router.domain.staffing.people import PersonEntry

PATH = "/v1/representatives/rita/adjustment"


async def put_supervisor(harness: RouterHarness, name: str, team: str) -> None:
    entry = PersonEntry(name=name, roles=("supervisor",), team_id=TeamId(team))
    async with harness.database.transaction() as uow:
        await uow.prelock(())
        await use_cases.put_person(ADMIN, PersonId(name), entry, None, uow)


@pytest.fixture
async def floor(harness: RouterHarness) -> AsyncIterator[RouterHarness]:
    """Rita takes two contacts about billing; mia supervises her team."""
    await put_supervisor(harness, "mia", "front")
    await harness.hire("rita", capacity=2)
    yield harness
    await assert_loads_are_consistent(harness)


async def now_of(harness: RouterHarness) -> datetime:
    async with harness.database.transaction() as uow:
        return uow.now


async def adjust(
    api: httpx.AsyncClient,
    harness: RouterHarness,
    *,
    minutes: float = 60,
    headers: dict[str, str] | None = None,
    **changes: Any,
) -> httpx.Response:
    ends_at = await now_of(harness) + timedelta(minutes=minutes)
    body = {"reason": "in training", "ends_at": ends_at.isoformat(), **changes}
    return await api.put(PATH, json=body, headers=headers)


async def history(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await api.get("/v1/representatives/rita/adjustments")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_raised_capacity_gives_waiting_contacts_at_once_and_ends_by_itself(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    events = [received() for _ in range(4)]
    await floor.handle_events(*events)
    states = [(await floor.assignment(event.contact_id)).state for event in events]
    assert states == ["assigned", "assigned", "queued", "queued"]

    answer = await adjust(api, floor, capacity=3)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["set_by"], answer.headers["ETag"]) == ("mia", '"1"')
    states = [(await floor.assignment(event.contact_id)).state for event in events]
    assert states == ["assigned", "assigned", "assigned", "queued"]
    shown = (await api.get("/v1/representatives/rita")).json()
    assert (shown["capacity"], shown["usual_capacity"], shown["load"]) == (3, 2, 3)
    assert shown["adjustment"]["reason"] == "in training"

    await floor.advance_time(3601)

    rita = await floor.person("rita")
    assert (rita.capacity, rita.load, rita.load_limit) == (2, 3, 3)
    (ended,) = await history(api)
    assert (ended["end_cause"], ended["ended_by"]) == ("expired", None)
    assert (await api.get("/v1/representatives/rita")).json()["adjustment"] is None
    # Back to consistency: the contact above the usual capacity ends.
    await floor.hire("sam")
    await api.post(f"/v1/assignments/{events[0].contact_id}/complete")
    rita = await floor.person("rita")
    assert (rita.load, rita.load_limit) == (2, 2)


async def test_capacity_lowered_for_now_takes_offers_and_leaves_assigned_contacts(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    await floor.hire("rita", capacity=2, auto_accept=False)
    kept, offered = received(), received()
    await floor.handle_events(kept)
    await accept(floor, kept.contact_id, "rita")
    await floor.handle_events(offered)

    await adjust(api, floor, capacity=1)

    assert (await floor.assignment(kept.contact_id)).state == "assigned"
    assert (await floor.assignment(offered.contact_id)).state == "queued"

    assert (await api.delete(PATH)).status_code == 204
    assert (await floor.assignment(offered.contact_id)).state == "offered"
    (ended,) = await history(api)
    assert (ended["end_cause"], ended["ended_by"]) == ("withdrawn", "mia")


async def test_skill_for_now_serves_a_queue_that_nobody_serves_until_it_ends(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    first, second = received(topic_of_contact="orders"), received(topic_of_contact="orders")
    await floor.handle_events(first)
    assert (await floor.assignment(first.contact_id)).state == "queued"

    await adjust(api, floor, added_skills=["Orders"], capacity=1)

    assert (await floor.assignment(first.contact_id)).representative_id == "rita"
    queues = (await api.get("/v1/queues")).json()["items"]
    assert {queue["queue"]: queue["served"] for queue in queues} == {
        "billing/en": True,
        "orders/en": True,
    }
    staffing = (await api.get("/v1/staffing")).json()
    assert (staffing["teams"][0]["capacity"], staffing["free_slots"]) == (1, 0)

    await floor.advance_time(3601)
    await floor.handle_events(second)

    # An assigned contact stays with who had it; the next one finds nobody.
    assert (await floor.assignment(first.contact_id)).state == "assigned"
    assert (await floor.assignment(second.contact_id)).state == "queued"
    assert "ContactUnserved" in await floor.published(second.contact_id)


async def test_focus_leaves_contacts_of_other_queues_to_others(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    await floor.hire("rita", capacity=2, skills=("billing", "orders"), languages=("de", "en"))
    answer = await adjust(api, floor, only_skills=["orders"], only_languages=["de"])
    assert answer.status_code == 200, answer.text
    other, focused = received(), received(topic_of_contact="orders", language="de")

    await floor.handle_events(other, focused)

    assert (await floor.assignment(other.contact_id)).state == "queued"
    assert (await floor.assignment(focused.contact_id)).representative_id == "rita"
    await api.delete(PATH)
    assert (await floor.assignment(other.contact_id)).representative_id == "rita"


async def test_replaced_adjustment_is_kept_and_its_timer_does_not_end_the_next(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    await adjust(api, floor, capacity=1, minutes=10)
    await adjust(api, floor, capacity=3, minutes=60, headers={"If-Match": '"1"'})

    await floor.advance_time(11 * 60)

    assert (await floor.person("rita")).capacity == 3
    newest, replaced = await history(api)
    assert (newest["number"], newest["end_cause"]) == (2, None)
    assert (replaced["end_cause"], replaced["ended_by"]) == ("replaced", "mia")


async def test_overwriting_what_was_not_read_is_refused_with_what_is_in_force(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    new = {"If-None-Match": "*"}
    assert (await adjust(api, floor, capacity=1, headers=new)).status_code == 200

    refused = await adjust(api, floor, capacity=3, headers=new)

    assert refused.status_code == 412
    assert refused.json()["current"]["capacity"] == 1
    assert refused.headers["ETag"] == '"1"'
    assert (await api.delete(PATH, headers={"If-Match": '"2"'})).status_code == 412
    assert (await api.delete(PATH, headers={"If-Match": '"1"'})).status_code == 204
    assert (await api.delete(PATH, headers={"If-Match": '"1"'})).status_code == 412
    assert (await api.delete(PATH)).status_code == 204


async def test_workload_and_entry_that_are_put_stay_what_is_usual(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    await adjust(api, floor, capacity=1, added_skills=["returns"])

    await floor.hire("rita", capacity=5, skills=("orders",))

    rita = await floor.person("rita")
    assert (rita.capacity, rita.usual_capacity) == (1, 5)
    assert rita.skills == ("orders", "returns")
    await api.delete(PATH)
    rita = await floor.person("rita")
    assert (rita.capacity, rita.skills) == (5, ("orders",))


async def test_adjustment_ends_when_the_entry_leaves_nothing_of_it(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    await floor.hire("rita", skills=("billing", "orders"))
    await adjust(api, floor, only_skills=["orders"])

    await floor.hire("rita", skills=("billing",), capacity=2)

    assert (await floor.person("rita")).skills == ("billing",)
    (ended,) = await history(api)
    assert (ended["end_cause"], ended["ended_by"]) == ("entry_changed", "admin:ops")
    assert await floor.rows("SELECT * FROM timers WHERE type = 'AdjustmentEnds'") == []


async def test_only_supervisors_of_the_person_adjust_and_nobody_for_themselves(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    assert (await adjust(api, floor, capacity=1, headers=key("rita"))).status_code == 403
    await put_supervisor(floor, "mia", "back")
    refused = await adjust(api, floor, capacity=1)
    assert refused.json()["type"].endswith("not-below-you")
    assert "front" in refused.json()["detail"]
    assert (await adjust(api, floor, capacity=1, headers=key("ops"))).status_code == 200
    assert (await api.delete(PATH)).status_code == 403


async def test_colleague_reads_no_adjustment_and_the_person_does(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    await floor.hire("sam")
    await adjust(api, floor, capacity=1)

    for caller, expected in (("rita", 1), ("sam", None), ("mia", 1)):
        shown = (await api.get("/v1/representatives/rita", headers=key(caller))).json()
        assert (shown["adjustment"] and shown["adjustment"]["capacity"]) == expected
    path = "/v1/representatives/rita/adjustments"
    assert (await api.get(path, headers=key("sam"))).status_code == 403
    assert (await api.get(path, headers=key("rita"))).status_code == 200


async def test_wrong_adjustments_name_the_field(
    api: httpx.AsyncClient, floor: RouterHarness
) -> None:
    for changes, place in (
        ({"capacity": 0}, "body/capacity"),
        ({"minutes": -1, "capacity": 1}, "body/ends_at"),
        ({"minutes": 8 * 24 * 60, "capacity": 1}, "body/ends_at"),
        ({}, "body/capacity"),
        ({"removed_skills": ["billing"]}, "body/removed_skills"),
        ({"only_languages": ["fr"]}, "body/only_languages"),
        ({"capacity": 1, "reason": ""}, "body/reason"),
    ):
        refused = await adjust(api, floor, **changes)
        assert refused.status_code == 422, changes
        places = [error["pointer"] for error in refused.json()["errors"]]
        assert places == [place], refused.text
    unknown = await api.put(
        "/v1/representatives/nobody/adjustment",
        json={"reason": "?", "ends_at": (await now_of(floor)).isoformat(), "capacity": 1},
    )
    assert unknown.status_code == 404
