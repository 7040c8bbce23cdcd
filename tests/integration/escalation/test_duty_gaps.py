"""Gaps in duty schedules are announced to operations in time, once."""

import asyncio
from datetime import datetime, timedelta
from time import process_time, thread_time
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client import CollectorRegistry

from common.contracts.escalations import PageRequested
from common.storage.database import Database
from escalation.domain.duty_gaps import GapForecast, forecast_gaps
from escalation.metrics import DutyGapMetrics
from escalation.store.unit_of_work import UnitOfWork
from escalation.workers.duty_gaps import GapAnnouncer
from integration.escalation.conftest import EscalationHarness, key
from integration.escalation.duty_examples import PLACE, ROTATION, own_shift

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Replica:
    def __init__(self, database: Database[UnitOfWork]) -> None:
        self.registry = CollectorRegistry()
        self.announcer = GapAnnouncer(database, DutyGapMetrics(self.registry))

    async def announce(self) -> float:
        """Announce gaps; return for how many hours of the week nobody is on duty."""
        await self.announcer.announce_all(asyncio.Event())
        seconds = self.registry.get_sample_value(
            "upstairs_duty_gap_seconds", {"schedule": "supervisors"}
        )
        assert seconds is not None
        assert self.registry.get_sample_value("upstairs_duty_gaps_finished_timestamp_seconds")
        return seconds / 3600


async def pages(service: EscalationHarness) -> list[PageRequested]:
    rows = await service.rows(
        "SELECT data FROM published_events"
        " WHERE type = 'upstairs.page_requested.v1' ORDER BY sequence"
    )
    return [msgspec.convert(row.data, PageRequested) for row in rows]


async def leave(api: httpx.AsyncClient, shift: dict[str, Any]) -> None:
    away = {"absences": [{"from": shift["start"], "until": shift["end"]}]}
    path = f"/v1/absences/{shift['person_id']}"
    put = await api.put(path, json=away, headers=key("ops"))
    assert put.status_code == 200, put.text


async def test_gap_is_announced_once_a_week_and_once_a_day_ahead(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    sams = await own_shift(duty, "sam")
    await leave(duty, sams)
    begins = datetime.fromisoformat(sams["start"])
    service.database.clock.offset += begins - 6 * DAY - await service.now()
    first_replica, second_replica = Replica(service.database), Replica(service.database)
    hours = await asyncio.gather(
        first_replica.announce(),
        second_replica.announce(),
        first_replica.announce(),
        second_replica.announce(),
    )
    assert set(hours) == {24}
    (page,) = await pages(service)
    assert (page.person_id, page.reason, page.respond_by) == ("operations", "duty_gap", begins)
    assert page.duty_gap is not None
    assert page.duty_gap.absent == ("sam",)
    service.database.clock.offset += 5 * DAY + HOUR
    await asyncio.gather(first_replica.announce(), second_replica.announce())
    first, second = await pages(service)
    assert first == page
    assert (second.contact_id, second.duty_gap) == (first.contact_id, first.duty_gap)
    # During the gap it is not announced again; after it the announcement is deleted.
    service.database.clock.offset += DAY
    await first_replica.announce()
    assert len(await pages(service)) == 2
    assert len(await service.rows("SELECT ahead FROM announced_gaps")) == 2
    service.database.clock.offset += 2 * DAY
    assert await first_replica.announce() == 0
    assert await service.rows("SELECT ahead FROM announced_gaps") == []


async def test_forecast_does_not_block_event_loop(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    """With hourly shifts and years of absence the forecast takes about a second."""
    hourly = {"rotations": [{**ROTATION, "shift_s": 3600}]}
    assert (await duty.put(PLACE, json=hourly)).status_code == 200
    away = {"absences": [{"from": "2026-01-01T00:00:00Z", "until": "2199-01-01T00:00:00Z"}]}
    for person in ("sam", "kim"):
        put = await duty.put(f"/v1/absences/{person}", json=away, headers=key("ops"))
        assert put.status_code == 200
    # In CPU time: how long the loop waits for a busy machine says nothing about the forecast.
    began, last, longest = process_time(), thread_time(), 0.0
    async with asyncio.TaskGroup() as tasks:
        forecast = tasks.create_task(Replica(service.database).announce())
        while not forecast.done():
            await asyncio.wait({forecast}, timeout=0.001)
            longest, last = max(longest, thread_time() - last), thread_time()
    assert forecast.result() == 7 * 24
    assert longest < (process_time() - began) / 3


async def test_schedule_that_fails_leaves_the_others_announced(
    duty: httpx.AsyncClient, service: EscalationHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_for_one(schedule_id: str, *rest: Any) -> GapForecast:
        if schedule_id == "a-bad-one":
            raise LookupError("a fault of this version")
        return forecast_gaps(schedule_id, *rest)

    monkeypatch.setattr("escalation.workers.duty_gaps.forecast_gaps", fail_for_one)
    schedule = {"rotations": [ROTATION]}
    put = await duty.put("/v1/duty-schedules/a-bad-one", json=schedule)
    assert put.status_code == 200, put.text
    replica = Replica(service.database)
    assert await replica.announce() == 0
    failures = {"schedule": "a-bad-one"}
    assert replica.registry.get_sample_value("upstairs_duty_gap_failures_total", failures) == 1


async def test_filled_gap_is_not_announced(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    sams = await own_shift(duty, "sam")
    await leave(duty, sams)
    shown = (await duty.get(f"{PLACE}/gaps")).json()["items"]
    assert shown == [{"start": sams["start"], "end": sams["end"]}]
    filled = {"person_id": "kim", "from": sams["start"], "until": sams["end"]}
    assert (await duty.post(f"{PLACE}/overrides", json=filled)).status_code == 200
    assert await Replica(service.database).announce() == 0
    assert await pages(service) == []


async def test_reopened_gap_is_announced_again(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    sams = await own_shift(duty, "sam")
    await leave(duty, sams)
    first_replica, second_replica = Replica(service.database), Replica(service.database)
    assert await first_replica.announce() == 24
    filled = {"person_id": "kim", "from": sams["start"], "until": sams["end"]}
    override = await duty.post(f"{PLACE}/overrides", json=filled)
    assert override.status_code == 200
    assert await second_replica.announce() == 0
    place = f"{PLACE}/overrides/{override.json()['override_id']}"
    assert (await duty.delete(place)).status_code == 204
    assert await first_replica.announce() == 24
    await second_replica.announce()
    first, second = await pages(service)
    assert first.page_id != second.page_id
    assert first.contact_id == second.contact_id
