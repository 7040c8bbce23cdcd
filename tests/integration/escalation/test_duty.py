"""Duty schedules: who is on duty when, overrides and swaps."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from common.core.clock import TimeSource
from integration.escalation.conftest import EscalationHarness, key
from integration.escalation.duty_examples import PLACE, ROTATION, own_shift
from support.people import described

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALL_DAY = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


async def test_on_duty_is_shown_for_any_instant(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    tomorrow = (await service.now()).replace(hour=12, minute=0, second=0, microsecond=0) + DAY
    kims_days = (tomorrow - datetime(2026, 1, 5, 12, tzinfo=UTC)).days % 2
    answer = await duty.get(f"{PLACE}/on-duty", params={"at": tomorrow.isoformat()})
    assert datetime.fromisoformat(answer.json()["at"]) == tomorrow
    assert answer.json()["person_ids"] == [["sam", "kim"][kims_days]]
    # Before the schedule was put, whatever its rotation says.
    assert await on_duty_at(duty, "2026-01-06T12:00:00Z") == []
    assert (await duty.get(f"{PLACE}/on-duty", params={"at": "never"})).status_code == 422
    assert (await duty.get("/v1/duty-schedules/none/on-duty")).status_code == 404


async def test_absence_leaves_gap_between_shifts(duty: httpx.AsyncClient) -> None:
    sams = await own_shift(duty, "sam")
    start, end = (datetime.fromisoformat(sams[edge]) for edge in ("start", "end"))
    times = [start, start + 6 * HOUR, start + 12 * HOUR, end, end + DAY]
    begins, leaves, returns, ends, next_ends = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in times)
    away = {"from": leaves, "until": returns}
    absent = await duty.put("/v1/absences/sam", json={"absences": [away]}, headers=key("ops"))
    assert absent.status_code == 200, absent.text
    window = {"from": begins, "until": next_ends}
    shown = await duty.get(f"{PLACE}/shifts", params=window)
    assert [tuple(shift.values()) for shift in shown.json()["items"]] == [
        ("sam", begins, leaves),
        ("sam", returns, ends),
        ("kim", ends, next_ends),
    ]
    missing = await duty.get(f"{PLACE}/gaps", params=window)
    assert missing.json()["items"] == [{"start": leaves, "end": returns}]


@pytest.mark.parametrize(
    ("window", "place"),
    [
        ({"from": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}, "query/until"),
        ({"from": "2026-03-02T00:00:00Z", "until": "2027-04-01T00:00:00Z"}, "query/until"),
        ({"from": "2026-03-02"}, "query/from"),
    ],
)
async def test_invalid_period_is_refused(
    duty: httpx.AsyncClient, window: dict[str, str], place: str
) -> None:
    for resource in ("shifts", "gaps"):
        refused = await duty.get(f"{PLACE}/{resource}", params=window)
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
        (
            [{**ROTATION, "zone": "Mars/Phobos"}],
            "body/rotations/0/zone",
            "must be a time zone of IANA",
        ),
        ([], "body/rotations", "at least 1"),
    ],
)
async def test_invalid_schedule_is_refused_with_its_place(
    api: httpx.AsyncClient, rotations: list[Any], place: str, said: str
) -> None:
    refused = await api.put(PLACE, json={"rotations": rotations})
    assert refused.status_code == 422
    error = refused.json()["errors"][0]
    assert error["pointer"] == place
    assert said in error["detail"]
    assert (await api.get(PLACE)).status_code == 404


async def test_own_shift_goes_to_colleague_who_accepts(duty: httpx.AsyncClient) -> None:
    sams, kims = await own_shift(duty, "sam"), await own_shift(duty, "kim")

    async def give(shift: dict[str, Any], caller: str, to: str = "kim") -> httpx.Response:
        window = {"from": shift["start"], "until": shift["end"]}
        body = {"person_id": to, **window}
        return await duty.post(f"{PLACE}/overrides", json=body, headers=key(caller))

    answer = await give(sams, "sam")
    request = answer.json()
    assert (answer.status_code, request["state"], request["person_id"]) == (202, "asked", "kim")
    assert (await give(sams, "sam")).json() == request
    assert (await on_duty_at(duty, sams["start"])) == ["sam"]
    place = f"{PLACE}/change-requests/{request['request_id']}"
    for caller in ("sam", "mia"):
        refused = await duty.post(f"{place}/accept", headers=key(caller))
        assert refused.status_code == 404
    accepted = await duty.post(f"{place}/accept", headers=key("kim"))
    assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
    assert (await on_duty_at(duty, sams["start"])) == ["kim"]
    assert (await duty.post(f"{place}/refuse", headers=key("kim"))).status_code == 409
    refused = await give(kims, "sam", "sam")
    assert refused.status_code == 403
    assert "role manager" in refused.json()["detail"]
    assert (await give(kims, "rita")).status_code == 403


async def on_duty_at(duty: httpx.AsyncClient, at: str) -> list[str]:
    shown = await duty.get(f"{PLACE}/on-duty", params={"at": at})
    return list(shown.json()["person_ids"])


async def test_manager_gives_any_shift_but_to_nobody_who_is_unknown_or_has_left(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    kims = await own_shift(duty, "kim")
    window = {"from": kims["start"], "until": kims["end"]}
    await service.handle_events(described("rita", active=False))
    for person in ("max", "rita"):
        refused = await duty.post(f"{PLACE}/overrides", json={"person_id": person, **window})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (
            422,
            "body/person_id",
        )
    answer = await duty.post(f"{PLACE}/overrides", json={"person_id": "lee", **window})
    assert (answer.status_code, answer.json()["person_id"]) == (200, "lee")
    assert (await on_duty_at(duty, kims["start"])) == ["lee"]


@pytest.mark.parametrize("caller", ["kim", "mia"])
@pytest.mark.parametrize("length", [HOUR, 3 * HOUR])
async def test_change_of_duty_in_past_is_refused(
    duty: httpx.AsyncClient, caller: str, length: timedelta
) -> None:
    start = TimeSource().utc_now() - 2 * HOUR
    window = {"from": start.isoformat(), "until": (start + length).isoformat()}
    for path, people in (
        ("overrides", {"person_id": "lee"}),
        ("swaps", {"first": "kim", "second": "sam"}),
    ):
        body = {**people, **window}
        refused = await duty.post(f"{PLACE}/{path}", json=body, headers=key(caller))
        problem = refused.json()
        assert (refused.status_code, problem["type"]) == (
            409,
            "urn:upstairs:problem:invalid-change",
        )
        assert "It starts in the past" in problem["detail"]


async def test_change_of_duty_that_starts_now_is_applied(duty: httpx.AsyncClient) -> None:
    start = TimeSource().utc_now() - timedelta(minutes=1)
    window = {"from": start.isoformat(), "until": (start + HOUR).isoformat()}
    body = {"person_id": "lee", **window}
    for _ in range(2):
        answer = await duty.post(f"{PLACE}/overrides", json=body, headers=key("mia"))
        assert answer.status_code == 200, answer.text
    assert len((await duty.get(f"{PLACE}/overrides")).json()["items"]) == 1


async def test_swap_exchanges_turns_once_the_other_accepts(duty: httpx.AsyncClient) -> None:
    sams, kims = await own_shift(duty, "sam"), await own_shift(duty, "kim")
    window = {"from": min(sams["start"], kims["start"]), "until": max(sams["end"], kims["end"])}
    swap = {"first": "kim", "second": "sam", **window}
    answer = await duty.post(f"{PLACE}/swaps", json=swap, headers=key("kim"))
    assert (answer.status_code, answer.json()["person_id"]) == (202, "sam")
    listed = await duty.get(f"{PLACE}/change-requests", headers=key("sam"))
    assert listed.json()["items"] == [answer.json()]
    place = f"{PLACE}/change-requests/{answer.json()['request_id']}"
    assert (await duty.post(f"{place}/accept", headers=key("sam"))).status_code == 200
    for shift, person in ((sams, "kim"), (kims, "sam")):
        assert (await on_duty_at(duty, shift["start"])) == [person]
    assert (await duty.get(f"{PLACE}/change-requests")).json()["items"] == []


async def test_outsider_swaps_nobody(duty: httpx.AsyncClient) -> None:
    sams = await own_shift(duty, "sam")
    window = {"from": sams["start"], "until": sams["end"]}
    lees = {"first": "lee", "second": "sam", **window}
    for caller in ("sam", "mia"):
        refused = await duty.post(f"{PLACE}/swaps", json=lees, headers=key(caller))
        assert (refused.status_code, refused.json()["detail"]) == (
            409,
            "lee has no turn in that time.",
        )
    nobodys = {"first": "max", "second": "sam", **window}
    unknown = await duty.post(f"{PLACE}/swaps", json=nobodys, headers=key("sam"))
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "body/first")


async def test_expired_or_refused_request_changes_nothing(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    sams, kims = await own_shift(duty, "sam"), await own_shift(duty, "kim")
    window = {"from": min(sams["start"], kims["start"]), "until": max(sams["end"], kims["end"])}
    swap = {"first": "kim", "second": "sam", **window}
    first = (await duty.post(f"{PLACE}/swaps", json=swap, headers=key("kim"))).json()
    place = f"{PLACE}/change-requests/{first['request_id']}"
    assert (await duty.post(f"{place}/refuse", headers=key("sam"))).json()["state"] == "refused"
    assert (await duty.post(f"{place}/accept", headers=key("sam"))).status_code == 409
    second = (await duty.post(f"{PLACE}/swaps", json=swap, headers=key("kim"))).json()
    await service.advance_time(48 * 3600)
    place = f"{PLACE}/change-requests/{second['request_id']}"
    assert (await duty.post(f"{place}/accept", headers=key("sam"))).status_code == 409
    assert (await on_duty_at(duty, sams["start"])) == ["sam"]


async def test_invalid_changes_are_refused(duty: httpx.AsyncClient) -> None:
    sams = await own_shift(duty, "sam")
    window = {"from": sams["start"], "until": sams["end"]}
    same = await duty.post(f"{PLACE}/overrides", json={"person_id": "sam", **window})
    assert (same.status_code, same.json()["type"]) == (409, "urn:upstairs:problem:invalid-change")
    alone = await duty.post(f"{PLACE}/swaps", json={"first": "sam", "second": "sam", **window})
    assert alone.status_code == 422
    for_ever = {"person_id": "lee", "from": sams["start"], "until": "2199-01-01T00:00:00Z"}
    long = await duty.post(f"{PLACE}/overrides", json=for_ever)
    assert (long.status_code, long.json()["errors"][0]["pointer"]) == (422, "body/until")
    unknown = await duty.post(
        "/v1/duty-schedules/none/swaps", json={"first": "sam", "second": "kim", **window}
    )
    assert unknown.status_code == 404


async def test_concurrent_overrides_are_all_kept(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    start = await service.now() + DAY
    windows = [
        {"from": (start + n * HOUR).isoformat(), "until": (start + (n + 1) * HOUR).isoformat()}
        for n in range(6)
    ]
    answers = await asyncio.gather(
        *(
            duty.post(f"{PLACE}/overrides", json={"person_id": "lee", **window})
            for window in windows
        )
    )
    listed = (await duty.get(f"{PLACE}/overrides")).json()["items"]
    assert len(listed) == 6
    assert {each["override_id"] for each in listed} == {
        answer.json()["override_id"] for answer in answers
    }


async def test_changes_of_everything_leave_the_past(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    """A rotation, an override taken back, an absence said afterwards, somebody who left."""
    now = await service.now()
    sick = {"person_id": "lee", "from": now.isoformat(), "until": (now + 2 * HOUR).isoformat()}
    lent = await duty.post(f"{PLACE}/overrides", json=sick)
    assert lent.status_code == 200, lent.text
    await service.advance_time(3600)
    past = (await service.now()) - 60 * timedelta(seconds=1)
    window = {"from": (now + timedelta(seconds=1)).isoformat(), "until": past.isoformat()}

    async def answers() -> tuple[list[str], Any]:
        at = await on_duty_at(duty, past.isoformat())
        return at, (await duty.get(f"{PLACE}/shifts", params=window)).json()["items"]

    before = await answers()
    assert before[0] == ["lee"]
    place = f"{PLACE}/overrides/{lent.json()['override_id']}"
    assert (await duty.delete(place)).status_code == 204
    assert (await duty.delete(place)).status_code == 404
    assert await on_duty_at(duty, (await service.now()).isoformat()) != ["lee"]
    away = {"absences": [{"from": now.isoformat(), "until": (now + 9 * DAY).isoformat()}]}
    await service.handle_events(described("lee", active=False))
    assert await answers() == before
    changes: list[tuple[str, dict[str, Any]]] = [
        ("/v1/absences/sam", away),
        (PLACE, {"rotations": [{**ROTATION, "members": ["kim"]}]}),
        (PLACE, {"rotations": [{**ROTATION, "members": ["rita", "mia"], "shift_s": 3600}]}),
    ]
    for path, body in changes:
        put = await duty.put(path, json=body, headers=key("ops"))
        assert put.status_code == 200, put.text
        assert await answers() == before
    await service.advance_time(3 * 86400)
    assert await answers() == before


async def test_version_counts_from_next_hand_over_or_from_its_moment(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    now = await service.now()
    current = (await duty.get(f"{PLACE}/shifts")).json()["items"][0]
    others = {"rotations": [{**ROTATION, "members": ["lee", "mia"]}]}
    put = await duty.put(PLACE, json=others)
    assert put.json()["body"]["from"] == current["end"]
    assert await on_duty_at(duty, now.isoformat()) == [current["person_id"]]
    assert await on_duty_at(duty, current["end"]) in (["lee"], ["mia"])
    week = (now + 7 * DAY).replace(microsecond=0)
    ritas = {"rotations": [{**ROTATION, "members": ["rita"]}], "from": week.isoformat()}
    assert (await duty.put(PLACE, json=ritas)).status_code == 200
    before = week - timedelta(seconds=1)
    assert await on_duty_at(duty, before.isoformat()) in (["lee"], ["mia"])
    assert await on_duty_at(duty, week.isoformat()) == ["rita"]
    refused = await duty.put(PLACE, json={**others, "from": (now - DAY).isoformat()})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "body/from")


async def test_override_in_the_past_or_for_somebody_absent_is_refused(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    now = await service.now()

    async def override(start: datetime, end: datetime, **others: str) -> httpx.Response:
        window = {"from": start.isoformat(), "until": end.isoformat()}
        return await duty.post(f"{PLACE}/overrides", json={"person_id": "lee", **window, **others})

    past = await override(now - 2 * DAY, now - DAY)
    assert (past.status_code, past.json()["type"]) == (409, "urn:upstairs:problem:invalid-change")
    away = {"absences": [{"from": (now + DAY).isoformat(), "until": (now + 3 * DAY).isoformat()}]}
    put = await duty.put("/v1/absences/lee", json=away, headers=key("ops"))
    assert put.status_code == 200, put.text
    absent = await override(now + 2 * DAY, now + 4 * DAY)
    assert absent.status_code == 409
    assert "lee is absent from" in absent.json()["detail"]


async def test_cover_and_swap_are_listed_and_taken_back_one_by_one(
    duty: httpx.AsyncClient,
) -> None:
    sams, kims = await own_shift(duty, "sam"), await own_shift(duty, "kim")
    window = {"from": min(sams["start"], kims["start"]), "until": max(sams["end"], kims["end"])}
    cover = {"person_id": "lee", "instead_of": "sam", **window}
    covered = await duty.post(f"{PLACE}/overrides", json=cover)
    assert covered.json() == {**cover, "override_id": covered.json()["override_id"]}
    assert await on_duty_at(duty, sams["start"]) == ["lee"]
    assert await on_duty_at(duty, kims["start"]) == ["kim"]
    place = f"{PLACE}/overrides/{covered.json()['override_id']}"
    # Who covers asks whose turn it is; others may not.
    assert (await duty.delete(place, headers=key("kim"))).status_code == 403
    assert (await duty.get(f"{PLACE}/overrides")).json()["items"] == [covered.json()]
    assert (await duty.delete(place, headers=key("sam"))).status_code == 204
    assert (await duty.get(f"{PLACE}/overrides")).json()["items"] == []
    assert await on_duty_at(duty, sams["start"]) == ["sam"]
    swap = await duty.post(f"{PLACE}/swaps", json={"first": "kim", "second": "sam", **window})
    assert (await duty.get(f"{PLACE}/swaps")).json()["items"] == [swap.json()]
    place = f"{PLACE}/swaps/{swap.json()['swap_id']}"
    answer = await duty.delete(place, headers=key("kim"))
    assert (answer.status_code, answer.json()["person_id"], answer.json()["removes"]) == (
        202,
        "sam",
        True,
    )
    assert await on_duty_at(duty, sams["start"]) == ["kim"]
    accept = f"{PLACE}/change-requests/{answer.json()['request_id']}/accept"
    accepted = await duty.post(accept, headers=key("sam"))
    assert accepted.status_code == 200, accepted.text
    assert await on_duty_at(duty, sams["start"]) == ["sam"]
    assert (await duty.delete(place)).status_code == 404
    assert (await duty.delete(f"{PLACE}/overrides/{NOBODY}")).status_code == 404


async def test_follow_the_sun_with_odd_weeks_is_accepted_with_named_warning(
    duty: httpx.AsyncClient,
) -> None:
    days = ("mon", "tue", "wed", "thu", "fri")

    def office(zone: str, opens: str, closes: str, who: str) -> dict[str, Any]:
        hours = {day: [[opens, closes]] for day in days}
        return {**ROTATION, "zone": zone, "members": [who], "hours": hours}

    europe = office("Europe/Berlin", "08:00", "16:00", "sam")
    america = office("America/New_York", "10:00", "18:00", "kim")
    covers = {"zone": "Europe/Berlin", "hours": europe["hours"]}
    put = await duty.put(PLACE, json={"rotations": [europe, america], "covers": covers})
    assert put.status_code == 200, put.text
    (warning,) = put.json()["warnings"]
    assert (warning["code"], warning["place"]) == ("duty-overlap", "rotations/1/hours")
    assert "rotations/0 is asked first" in warning["detail"]
    # Between their changes of clocks, in 2027: half past three in Berlin.
    assert await on_duty_at(duty, "2027-03-16T14:30:00Z") == ["sam", "kim"]
    assert await on_duty_at(duty, "2027-04-06T13:30:00Z") == ["sam"]
    assert await on_duty_at(duty, "2027-04-06T14:30:00Z") == ["kim"]


NOBODY = "00000000-0000-4000-8000-000000000000"
