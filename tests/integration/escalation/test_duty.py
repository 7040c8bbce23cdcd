"""Duty schedules: who is on duty when, overrides and swaps."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from common.core.clock import TimeSource
from integration.escalation.conftest import EscalationHarness, key
from integration.escalation.duty_examples import PLACE, ROTATION, own_shift

HOUR = timedelta(hours=1)
ALL_DAY = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


async def test_on_duty_is_shown_for_any_instant(duty: httpx.AsyncClient) -> None:
    at = {"at": "2026-01-06T12:00:00Z"}
    assert (await duty.get(f"{PLACE}/on-duty", params=at)).json() == {
        "at": "2026-01-06T12:00:00Z",
        "person_ids": ["kim"],
    }
    before = await duty.get(f"{PLACE}/on-duty", params={"at": "2025-12-31T00:00:00Z"})
    assert before.json()["person_ids"] == []
    assert (await duty.get(f"{PLACE}/on-duty", params={"at": "never"})).status_code == 422
    assert (await duty.get("/v1/duty-schedules/none/on-duty")).status_code == 404


async def test_absence_leaves_gap_between_shifts(duty: httpx.AsyncClient) -> None:
    away = {"from": "2026-03-02T06:00:00Z", "until": "2026-03-02T12:00:00Z"}
    absent = await duty.put("/v1/people/sam", json={"absences": [away]})
    assert absent.status_code == 200, absent.text
    window = {"from": "2026-03-02T00:00:00Z", "until": "2026-03-04T00:00:00Z"}
    shown = await duty.get(f"{PLACE}/shifts", params=window)
    assert [tuple(shift.values()) for shift in shown.json()["items"]] == [
        ("sam", "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z"),
        ("sam", "2026-03-02T12:00:00Z", "2026-03-03T00:00:00Z"),
        ("kim", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"),
    ]
    missing = await duty.get(f"{PLACE}/gaps", params=window)
    gap = {"start": "2026-03-02T06:00:00Z", "end": "2026-03-02T12:00:00Z"}
    assert missing.json()["items"] == [gap]


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
        ([{**ROTATION, "zone": "Mars/Phobos"}], "body/rotations/0/zone", "Mars/Phobos"),
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
    duty: httpx.AsyncClient,
) -> None:
    kims = await own_shift(duty, "kim")
    window = {"from": kims["start"], "until": kims["end"]}
    assert (await duty.put("/v1/people/rita", json={"active": False})).status_code == 200
    for person in ("max", "rita"):
        refused = await duty.post(f"{PLACE}/overrides", json={"person_id": person, **window})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (
            422,
            "body/person_id",
        )
    answer = await duty.post(f"{PLACE}/overrides", json={"person_id": "lee", **window})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
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
        assert (answer.status_code, answer.json()["version"]) == (200, 2)


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


async def test_concurrent_overrides_are_all_kept(duty: httpx.AsyncClient) -> None:
    start = datetime(2126, 3, 2, tzinfo=UTC)
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
    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5, 6, 7]
    assert len((await duty.get(PLACE)).json()["body"]["overrides"]) == 6
