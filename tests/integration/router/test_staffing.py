"""Who works on what, what they missed, and how many could take more."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from integration.router.conftest import RouterHarness, key
from integration.router.examples import received


async def items(api: httpx.AsyncClient, caller: str = "mia", **params: Any) -> dict[str, Any]:
    answer = await api.get("/v1/representatives", params=params, headers=key(caller))
    assert answer.status_code == 200, answer.text
    return {item["representative_id"]: item for item in answer.json()["items"]}


async def test_representative_shows_longest_contact_and_missed_offers(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await harness.hire("rita", capacity=2)
    first, second = received(), received()
    await harness.handle_events(first)
    await harness.advance_time(5)
    await harness.handle_events(second)
    await harness.hire("sam", auto_accept=False)
    await harness.handle_events(received())
    await harness.advance_time(30)
    shown = await items(api)
    assert shown["rita"]["longest_contact"]["contact_id"] == first.contact_id
    assert (shown["rita"]["load"], shown["rita"]["missed_offers"]) == (2, 0)
    assert (shown["sam"]["longest_contact"], shown["sam"]["missed_offers"]) == (None, 1)
    single = (await api.get("/v1/representatives/sam")).json()
    assert single["missed_offers"] == 1


async def test_missed_offers_count_from_the_time_that_is_asked_for(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await harness.hire("sam", auto_accept=False)
    await harness.handle_events(received())
    await harness.advance_time(30)
    async with harness.database.transaction() as uow:
        now = uow.now
    for since, missed in ((now - timedelta(hours=1), 1), (now, 0)):
        shown = await items(api, missed_since=since.isoformat())
        assert shown["sam"]["missed_offers"] == missed


async def test_colleague_reads_neither_contacts_nor_missed_offers_of_others(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await harness.hire("rita")
    await harness.hire("sam")
    await harness.handle_events(received(), received())
    shown = await items(api, "rita")
    assert (shown["sam"]["longest_contact"], shown["sam"]["missed_offers"]) == (None, None)
    assert shown["rita"]["longest_contact"] is not None
    assert shown["rita"]["missed_offers"] == 0


async def test_filters_leave_matching_representatives_only(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await harness.hire("rita", team_id="front")
    await harness.hire("sam", team_id="back", presence="away")
    assert [*await items(api, team="back")] == ["sam"]
    assert [*await items(api, presence="available")] == ["rita"]
    assert [*await items(api, team=["front", "back"], presence=["away", "available"])] == [
        "rita",
        "sam",
    ]
    assert [*await items(api, active=False)] == []


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"presence": "asleep"}, "query/presence/0"),
        ({"team": "a b"}, "query/team/0"),
        ({"missed_since": "yesterday"}, "query/missed_since"),
        ({"missed_since": "2020-01-01T00:00:00Z"}, "query/missed_since"),
        ({"colour": "red"}, "query/colour"),
        ({"cursor": "nonsense"}, "query/cursor"),
    ],
)
async def test_invalid_query_is_refused_with_its_place(
    api: httpx.AsyncClient, params: dict[str, str], place: str
) -> None:
    answer = await api.get("/v1/representatives", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"].startswith(f"{place}:")


async def test_staffing_counts_each_free_slot_once(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await harness.hire("rita", capacity=3, skills=("billing", "orders"), languages=("de", "en"))
    await harness.hire("sam", team_id="back", presence="away")
    await harness.handle_events(received(), received(topic_of_contact="travel"))
    shown = (await api.get("/v1/staffing")).json()
    assert (shown["waiting"], shown["free_slots"]) == (1, 2)
    assert shown["oldest_waiting_s"] > 0
    back, front = shown["teams"]
    assert (front["team_id"], front["available"], front["load"], front["free_slots"]) == (
        "front",
        1,
        1,
        2,
    )
    assert (back["away"], back["capacity"], back["free_slots"]) == (1, 1, 0)


async def test_staffing_of_nobody_is_empty(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/staffing")).json() == {
        "waiting": 0,
        "oldest_waiting_s": None,
        "free_slots": 0,
        "teams": [],
    }
