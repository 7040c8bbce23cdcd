"""Duty: who, when, who steps in, what calendar programs read, and gaps told to operations."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import icalendar
import pytest
from prometheus_client import CollectorRegistry

from common.contracts.escalations import PageRequested
from common.core.clock import monotonic
from common.storage.database import Database
from escalation.main import build
from escalation.metrics import GapMetrics
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from escalation.workers.duty_gaps import GapWatch
from integration.escalation.conftest import Desk, key
from support.service_harness import client

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PLACE = "/v1/duty-schedules/supervisors"
ALL_DAY = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
ROTATION: dict[str, Any] = {
    "zone": "UTC",
    "starts_at": "2026-01-05T00:00:00Z",
    "shift_s": 86400,
    "members": ["sam", "kim"],
}
DUTY: dict[str, Any] = {"rotations": [ROTATION]}


@pytest.fixture
async def duty(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The API where sam and kim take turns, day by day."""
    put = await api.put(PLACE, json=DUTY)
    assert put.status_code == 200, put.text
    return api


async def own_shift(api: httpx.AsyncClient, person: str) -> dict[str, Any]:
    """Return the person's next shift that has not begun."""
    found = (await api.get(f"{PLACE}/shifts")).json()["shifts"]
    return next(one for one in found[1:] if one["person_id"] == person)


async def test_who_is_on_duty(duty: httpx.AsyncClient) -> None:
    at = {"at": "2026-01-06T12:00:00Z"}
    assert (await duty.get(f"{PLACE}/on-duty", params=at)).json() == {
        "at": "2026-01-06T12:00:00Z",
        "person_ids": ["kim"],
    }
    before = await duty.get(f"{PLACE}/on-duty", params={"at": "2025-12-31T00:00:00Z"})
    assert before.json()["person_ids"] == []
    assert (await duty.get(f"{PLACE}/on-duty", params={"at": "never"})).status_code == 422
    assert (await duty.get("/v1/duty-schedules/none/on-duty")).status_code == 404


async def test_shifts_and_gaps_of_a_time_with_an_absence(duty: httpx.AsyncClient) -> None:
    away = {"from": "2026-03-02T06:00:00Z", "until": "2026-03-02T12:00:00Z"}
    absent = await duty.put("/v1/people/sam", json={"absences": [away]})
    assert absent.status_code == 200, absent.text
    window = {"from": "2026-03-02T00:00:00Z", "until": "2026-03-04T00:00:00Z"}
    shown = await duty.get(f"{PLACE}/shifts", params=window)
    assert [tuple(one.values()) for one in shown.json()["shifts"]] == [
        ("sam", "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z"),
        ("sam", "2026-03-02T12:00:00Z", "2026-03-03T00:00:00Z"),
        ("kim", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"),
    ]
    missing = await duty.get(f"{PLACE}/gaps", params=window)
    gap = {"start": "2026-03-02T06:00:00Z", "end": "2026-03-02T12:00:00Z"}
    assert missing.json()["gaps"] == [gap]


@pytest.mark.parametrize(
    ("window", "place"),
    [
        ({"from": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}, "query/until"),
        ({"from": "2026-03-02T00:00:00Z", "until": "2027-04-01T00:00:00Z"}, "query/until"),
        ({"from": "2026-03-02"}, "query/from"),
    ],
)
async def test_a_time_that_makes_no_sense_is_refused(
    duty: httpx.AsyncClient, window: dict[str, str], place: str
) -> None:
    for what in ("shifts", "gaps"):
        refused = await duty.get(f"{PLACE}/{what}", params=window)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == place


@pytest.mark.parametrize(
    ("rotations", "place", "said"),
    [
        (
            [{**ROTATION, "hours": ALL_DAY}, {**ROTATION, "hours": {"mon": [["09:00", "17:00"]]}}],
            "body/rotations/1/hours",
            "Overlaps rotations/0, first from Mon 2026-01-05 09:00 to 17:00 UTC.",
        ),
        (
            [{**ROTATION, "hours": {**ALL_DAY, "mon": [["00:00", "17:00"], ["18:00", "24:00"]]}}],
            "body/rotations",
            "Nobody from Mon 2026-01-05 17:00 to 18:00 UTC.",
        ),
        ([{**ROTATION, "zone": "Mars/Phobos"}], "body/rotations/0/zone", "Mars/Phobos"),
        ([], "body/rotations", "at least 1"),
    ],
)
async def test_a_schedule_that_makes_no_sense_is_refused_by_its_place(
    api: httpx.AsyncClient, rotations: list[Any], place: str, said: str
) -> None:
    refused = await api.put(PLACE, json={"rotations": rotations})
    assert refused.status_code == 422
    error = refused.json()["errors"][0]
    assert error["pointer"] == place
    assert said in error["detail"]
    assert (await api.get(PLACE)).status_code == 404


async def test_a_supervisor_gives_away_an_own_shift_and_no_other(duty: httpx.AsyncClient) -> None:
    sams, kims = await own_shift(duty, "sam"), await own_shift(duty, "kim")

    async def give(shift: dict[str, Any], caller: str) -> httpx.Response:
        window = {"from": shift["start"], "until": shift["end"]}
        body = {"person_id": "lee", **window}
        return await duty.post(f"{PLACE}/overrides", json=body, headers=key(caller))

    given = await give(sams, "sam")
    assert (given.status_code, given.json()["version"]) == (200, 2)
    assert (await give(sams, "sam")).json() == given.json()
    refused = await give(kims, "sam")
    assert refused.status_code == 403
    assert "role manager" in refused.json()["detail"]
    assert (await give(kims, "rita")).status_code == 403
    assert (await give(kims, "mia")).json()["version"] == 3
    on = await duty.get(f"{PLACE}/on-duty", params={"at": sams["start"]})
    assert on.json()["person_ids"] == ["lee"]


async def test_two_swap_their_turns(duty: httpx.AsyncClient) -> None:
    sams, kims = await own_shift(duty, "sam"), await own_shift(duty, "kim")
    window = {"from": min(sams["start"], kims["start"]), "until": max(sams["end"], kims["end"])}
    swap = {"first": "kim", "second": "sam", **window}
    swapped = await duty.post(f"{PLACE}/swaps", json=swap, headers=key("kim"))
    assert (swapped.status_code, swapped.json()["version"]) == (200, 2)
    for shift, person in ((sams, "kim"), (kims, "sam")):
        on = await duty.get(f"{PLACE}/on-duty", params={"at": shift["start"]})
        assert on.json()["person_ids"] == [person]


async def test_changes_that_make_no_sense_are_refused(duty: httpx.AsyncClient) -> None:
    sams = await own_shift(duty, "sam")
    window = {"from": sams["start"], "until": sams["end"]}
    same = await duty.post(f"{PLACE}/overrides", json={"person_id": "sam", **window})
    assert (same.status_code, same.json()["type"]) == (409, "urn:upstairs:problem:unchangeable")
    alone = await duty.post(f"{PLACE}/swaps", json={"first": "sam", "second": "sam", **window})
    assert alone.status_code == 422
    for_ever = {"person_id": "lee", "from": sams["start"], "until": "2199-01-01T00:00:00Z"}
    long = await duty.post(f"{PLACE}/overrides", json=for_ever)
    assert (long.status_code, long.json()["errors"][0]["pointer"]) == (422, "body/until")
    unknown = await duty.post(
        "/v1/duty-schedules/none/swaps", json={"first": "sam", "second": "kim", **window}
    )
    assert unknown.status_code == 404


async def test_overrides_at_once_are_all_kept(duty: httpx.AsyncClient) -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    windows = [
        {"from": (start + n * HOUR).isoformat(), "until": (start + (n + 1) * HOUR).isoformat()}
        for n in range(6)
    ]
    answers = await asyncio.gather(
        *(duty.post(f"{PLACE}/overrides", json={"person_id": "lee", **one}) for one in windows)
    )
    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5, 6, 7]
    assert len((await duty.get(PLACE)).json()["body"]["overrides"]) == 6


def events(feed: httpx.Response) -> list[tuple[Any, ...]]:
    assert feed.status_code == 200, feed.text
    assert feed.headers["content-type"] == "text/calendar; charset=utf-8"
    parsed = icalendar.Calendar.from_ical(feed.content)
    assert isinstance(parsed, icalendar.Calendar)
    assert parsed["VERSION"] == "2.0"
    return [
        (str(event["UID"]), event.start, event.end, str(event["SUMMARY"]))
        for event in parsed.events
    ]


async def test_the_feed_of_a_schedule_is_its_shifts(duty: httpx.AsyncClient, desk: Desk) -> None:
    now = await desk.now()
    window = {"from": (now - 29 * DAY).isoformat(), "until": (now + 89 * DAY).isoformat()}
    shown = (await duty.get(f"{PLACE}/shifts", params=window)).json()["shifts"]
    found = events(await duty.get(f"{PLACE}/calendar.ics"))
    assert len({uid for uid, *_ in found}) == len(found)
    expected = [
        (
            datetime.fromisoformat(one["start"]),
            datetime.fromisoformat(one["end"]),
            f"{one['person_id']} on duty: supervisors",
        )
        for one in shown[1:-1]
    ]
    assert len(expected) > 110
    assert set(expected) <= {tuple(rest) for _, *rest in found}
    # The one that has begun before is whole, and known by the same id a day later.
    assert all(end - start == DAY for _, start, end, _ in found)
    desk.database.clock.offset += DAY
    later = events(await duty.get(f"{PLACE}/calendar.ics"))
    assert len(set(found) & set(later)) == len(found) - 1


async def test_the_feed_of_a_person_has_that_one_s_shifts_of_all_schedules(
    duty: httpx.AsyncClient,
) -> None:
    other = {"rotations": [{**ROTATION, "members": ["kim", "mia", "lee"]}]}
    await duty.put("/v1/duty-schedules/managers", json=other)
    found = events(await duty.get("/v1/people/kim/duty.ics"))
    assert {summary for *_, summary in found} == {
        "kim on duty: supervisors",
        "kim on duty: managers",
    }
    assert events(await duty.get("/v1/people/nobody/duty.ics")) == []


@pytest.fixture
async def signing(
    database: Database[UnitOfWork], duty: httpx.AsyncClient
) -> AsyncIterator[httpx.AsyncClient]:
    """The API of a service that has a secret for links, called by nobody unless a header says."""
    async with client(build, Settings, database, key, feed_secret="of the feeds") as api:
        yield api


async def test_a_link_opens_its_own_feed_and_nothing_else(signing: httpx.AsyncClient) -> None:
    linked = await signing.get(f"{PLACE}/calendar-link", headers=key("sam"))
    path = linked.json()["path"]
    assert events(await signing.get(path))
    token = path.partition("token=")[2]
    for elsewhere in ("/v1/people/sam/duty.ics", f"{PLACE}/shifts", PLACE):
        refused = await signing.get(f"{elsewhere}?token={token}")
        assert refused.status_code in (401, 422)
    for forged in ("", "x", token[:-2], f"{token}é"):
        assert (await signing.get(f"{PLACE}/calendar.ics?token={forged}")).status_code == 401
    mine = await signing.get("/v1/people/sam/duty-link", headers=key("sam"))
    assert events(await signing.get(mine.json()["path"]))
    assert (await signing.get(f"{PLACE}/calendar-link")).status_code == 401


async def test_without_a_secret_there_are_no_links(duty: httpx.AsyncClient) -> None:
    refused = await duty.get(f"{PLACE}/calendar-link")
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:upstairs:problem:no-feed-secret",
    )
    forged = await duty.get(f"{PLACE}/calendar.ics?token=", headers={"Authorization": ""})
    assert forged.status_code == 401


class Replica:
    def __init__(self, database: Database[UnitOfWork]) -> None:
        self.registry = CollectorRegistry()
        self.watch = GapWatch(database, GapMetrics(self.registry))

    async def look(self) -> float:
        """Look ahead; return for how many hours nobody will be on duty."""
        await self.watch.look_ahead(asyncio.Event())
        seconds = self.registry.get_sample_value(
            "upstairs_duty_gap_seconds", {"schedule": "supervisors"}
        )
        assert seconds is not None
        assert self.registry.get_sample_value("upstairs_duty_gaps_finished_timestamp_seconds")
        return seconds / 3600


async def pages(desk: Desk) -> list[PageRequested]:
    found = await desk.rows(
        "SELECT data FROM outbox WHERE type = 'upstairs.page_requested.v1' ORDER BY sequence"
    )
    return [PageRequested.model_validate(row.data) for row in found]


async def leave(api: httpx.AsyncClient, shift: dict[str, Any]) -> None:
    away = {"absences": [{"from": shift["start"], "until": shift["end"]}]}
    put = await api.put(f"/v1/people/{shift['person_id']}", json=away)
    assert put.status_code == 200, put.text


async def test_a_gap_is_told_once_by_all_replicas_together_a_week_and_a_day_ahead(
    duty: httpx.AsyncClient, desk: Desk
) -> None:
    sams = await own_shift(duty, "sam")
    await leave(duty, sams)
    begins = datetime.fromisoformat(sams["start"])
    desk.database.clock.offset += begins - 6 * DAY - await desk.now()
    one, other = Replica(desk.database), Replica(desk.database)
    looks = await asyncio.gather(one.look(), other.look(), one.look(), other.look())
    assert set(looks) == {24}
    (page,) = await pages(desk)
    assert (page.person_id, page.reason, page.respond_by) == ("operations", "duty_gap", begins)
    assert "sam" in page.why
    desk.database.clock.offset += 5 * DAY + HOUR
    await asyncio.gather(one.look(), other.look())
    first, second = await pages(desk)
    assert first == page
    assert (second.contact_id, second.headline) == (first.contact_id, first.headline)
    # While it lasts nobody is told again; then it is forgotten.
    desk.database.clock.offset += DAY
    await one.look()
    assert len(await pages(desk)) == 2
    assert len(await desk.rows("SELECT ahead FROM announced_gaps")) == 2
    desk.database.clock.offset += 2 * DAY
    assert await one.look() == 0
    assert await desk.rows("SELECT ahead FROM announced_gaps") == []


async def test_all_else_goes_on_while_it_looks_far(duty: httpx.AsyncClient, desk: Desk) -> None:
    """For hours as shifts and nobody there for years it works for a second, on its own."""
    hourly = {"rotations": [{**ROTATION, "shift_s": 3600}]}
    assert (await duty.put(PLACE, json=hourly)).status_code == 200
    away = {"absences": [{"from": "2026-01-01T00:00:00Z", "until": "2199-01-01T00:00:00Z"}]}
    for person in ("sam", "kim"):
        assert (await duty.put(f"/v1/people/{person}", json=away)).status_code == 200
    # One attempt may be held up by whatever else this machine does.
    looks = [await _timed_look(desk) for _ in range(3)]
    assert looks[0][0] == 7 * 24
    assert min(share for _, share in looks) < 1 / 3


async def _timed_look(desk: Desk) -> tuple[float, float]:
    """Return the gaps announced, and which share of the time held up the event loop at once."""
    began = last = monotonic()
    longest = 0.0
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(Replica(desk.database).look())
        while not looking.done():
            await asyncio.wait({looking}, timeout=0.001)
            longest, last = max(longest, monotonic() - last), monotonic()
    return looking.result(), longest / (last - began)


async def test_a_gap_that_is_filled_is_not_told(duty: httpx.AsyncClient, desk: Desk) -> None:
    sams = await own_shift(duty, "sam")
    await leave(duty, sams)
    shown = (await duty.get(f"{PLACE}/gaps")).json()["gaps"]
    assert shown == [{"start": sams["start"], "end": sams["end"]}]
    filled = {"person_id": "kim", "from": sams["start"], "until": sams["end"]}
    assert (await duty.post(f"{PLACE}/overrides", json=filled)).status_code == 200
    assert await Replica(desk.database).look() == 0
    assert await pages(desk) == []


async def test_a_gap_that_was_filled_and_opens_again_is_told_again(
    duty: httpx.AsyncClient, desk: Desk
) -> None:
    sams = await own_shift(duty, "sam")
    await leave(duty, sams)
    one, other = Replica(desk.database), Replica(desk.database)
    assert await one.look() == 24
    filled = {"person_id": "kim", "from": sams["start"], "until": sams["end"]}
    assert (await duty.post(f"{PLACE}/overrides", json=filled)).status_code == 200
    assert await other.look() == 0
    await duty.put(PLACE, json=DUTY)
    assert await one.look() == 24
    await other.look()
    first, second = await pages(desk)
    assert first.page_id != second.page_id
    assert first.contact_id == second.contact_id
