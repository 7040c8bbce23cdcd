"""Calendar feeds of duty, and the signed links that open them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import icalendar
import pytest

from common.storage.database import Database
from escalation.main import build
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from integration.escalation.conftest import EscalationHarness, key
from integration.escalation.duty_examples import PLACE, ROTATION
from support.service_harness import open_client

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


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


async def test_schedule_feed_lists_its_shifts(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    now = await service.now()
    service.database.clock.offset += 40 * DAY
    window = {"from": (now + 11 * DAY).isoformat(), "until": (now + 129 * DAY).isoformat()}
    shown = (await duty.get(f"{PLACE}/shifts", params=window)).json()["items"]
    listed = events(await duty.get(f"{PLACE}/calendar.ics"))
    assert len({uid for uid, *_ in listed}) == len(listed)
    expected = [
        (
            datetime.fromisoformat(shift["start"]),
            datetime.fromisoformat(shift["end"]),
            f"{shift['person_id']} on duty: supervisors",
        )
        for shift in shown[1:-1]
    ]
    assert len(expected) > 110
    assert set(expected) <= {tuple(rest) for _, *rest in listed}
    # A shift that began before the period is whole, and has the same uid a day later.
    assert all(end - start == DAY for _, start, end, _ in listed)
    service.database.clock.offset += DAY
    later = events(await duty.get(f"{PLACE}/calendar.ics"))
    assert len(set(listed) & set(later)) == len(listed) - 1


async def test_feed_says_how_often_to_read_it_and_answers_head(duty: httpx.AsyncClient) -> None:
    for path in (f"{PLACE}/calendar.ics", "/v1/people/kim/duty.ics"):
        feed = await duty.get(path)
        lines = feed.text.splitlines()
        assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in lines
        assert "X-PUBLISHED-TTL:PT1H" in lines
        head = await duty.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == feed.headers["content-type"]
    assert (await duty.head("/v1/duty-schedules/none/calendar.ics")).status_code == 404


async def test_person_feed_lists_shifts_of_all_schedules(
    duty: httpx.AsyncClient,
) -> None:
    other = {"rotations": [{**ROTATION, "members": ["kim", "mia", "lee"]}]}
    await duty.put("/v1/duty-schedules/managers", json=other)
    listed = events(await duty.get("/v1/people/kim/duty.ics"))
    assert {summary for *_, summary in listed} == {
        "kim on duty: supervisors",
        "kim on duty: managers",
    }
    assert events(await duty.get("/v1/people/nobody/duty.ics")) == []


@pytest.fixture
async def signing(
    database: Database[UnitOfWork], duty: httpx.AsyncClient
) -> AsyncIterator[httpx.AsyncClient]:
    """The API of a service that has a secret for links, called by nobody unless a header says."""
    async with open_client(build, Settings, database, key, feed_secret="of the feeds") as api:
        yield api


async def test_signed_link_opens_its_own_feed_only(signing: httpx.AsyncClient) -> None:
    linked = await signing.get(f"{PLACE}/calendar-link", headers=key("sam"))
    path = linked.json()["path"]
    assert linked.json()["url"] == f"http://escalation{path}"
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


async def test_links_need_feed_secret(duty: httpx.AsyncClient) -> None:
    refused = await duty.get(f"{PLACE}/calendar-link")
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:upstairs:problem:no-feed-secret",
    )
    forged = await duty.get(f"{PLACE}/calendar.ics?token=", headers={"Authorization": ""})
    assert forged.status_code == 401
