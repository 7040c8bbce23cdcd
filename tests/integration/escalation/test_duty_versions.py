"""All versions of a duty schedule are listed, also those that are planned."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from integration.escalation.conftest import EscalationHarness, key
from integration.escalation.duty_examples import DUTY_OF_TWO, PLACE, ROTATION

DAY = timedelta(days=1)


def plan(*members: str, begin: datetime | None = None) -> dict[str, Any]:
    body = {"rotations": [{**ROTATION, "members": list(members)}]}
    return body if begin is None else {**body, "from": begin.isoformat()}


async def put(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    response = await api.put(PLACE, json=body)
    assert response.status_code == 200, response.text


async def listed(api: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await api.get(f"{PLACE}/versions", params=query, headers=key("rita"))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def states(api: httpx.AsyncClient) -> dict[int, str]:
    return {each["version"]: each["state"] for each in (await listed(api))["items"]}


async def test_planned_versions_are_listed_with_their_begin(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    """A version that another one replaces before it begins says so."""
    now = await service.now()
    monday, sunday, later = (now + days * DAY for days in (5, 4, 9))
    await put(duty, plan("kim", begin=monday))
    assert await states(duty) == {2: "planned", 1: "in_force"}
    await put(duty, plan("lee", begin=later))
    assert await states(duty) == {3: "planned", 2: "planned", 1: "in_force"}
    await put(duty, plan("mia", begin=sunday))
    items = (await listed(duty))["items"]
    assert [(each["version"], each["state"]) for each in items] == [
        (4, "planned"),
        (3, "replaced"),
        (2, "replaced"),
        (1, "in_force"),
    ]
    assert [datetime.fromisoformat(each["from"]) for each in items[:3]] == [sunday, later, monday]
    assert [each["until"] is None for each in items] == [True, False, False, False]
    assert datetime.fromisoformat(items[3]["until"]) == sunday
    assert items[0]["put_by"] == "mia"
    assert items[0]["body"]["rotations"][0]["members"] == ["mia"]


async def test_versions_agree_with_who_is_on_duty(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    now = await service.now()
    begins = {2: now + 3 * DAY, 3: now + 6 * DAY}
    await put(duty, plan("lee", begin=begins[2]))
    await put(duty, plan("mia", begin=begins[3]))
    for version, begin in begins.items():
        shown = next(each for each in (await listed(duty))["items"] if each["version"] == version)
        at = (begin + timedelta(seconds=1)).isoformat()
        on_duty = (await duty.get(f"{PLACE}/on-duty", params={"at": at})).json()["person_ids"]
        assert on_duty == shown["body"]["rotations"][0]["members"]
    service.database.clock.offset += 4 * DAY
    assert await states(duty) == {3: "planned", 2: "in_force", 1: "past"}


async def test_planned_version_is_taken_back_by_the_one_before_it(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    monday = await service.now() + 5 * DAY
    await put(duty, plan("lee", begin=monday))
    await put(duty, {**DUTY_OF_TWO, "from": monday.isoformat()})
    assert await states(duty) == {3: "planned", 2: "replaced", 1: "in_force"}


async def test_versions_come_in_pages(duty: httpx.AsyncClient, service: EscalationHarness) -> None:
    now = await service.now()
    for days, person in enumerate(("lee", "mia", "kim"), start=3):
        await put(duty, plan(person, begin=now + days * DAY))
    first = await listed(duty, limit=3)
    second = await listed(duty, limit=3, cursor=first["next_cursor"])
    assert [each["version"] for each in first["items"] + second["items"]] == [4, 3, 2, 1]
    assert second["next_cursor"] is None
    missing = await duty.get("/v1/duty-schedules/nowhere/versions")
    assert missing.status_code == 404


async def test_archived_schedule_that_is_put_again_keeps_its_versions(
    duty: httpx.AsyncClient,
) -> None:
    nights = "/v1/duty-schedules/nights"
    assert (await duty.put(nights, json=plan("lee"))).status_code == 200
    assert (await duty.delete(nights)).status_code == 204
    assert (await duty.get(f"{nights}/versions")).status_code == 404
    assert (await duty.put(nights, json=plan("mia"))).status_code == 200
    shown = (await duty.get(f"{nights}/versions")).json()["items"]
    assert [(each["version"], each["state"]) for each in shown] == [(3, "in_force"), (1, "past")]


async def test_past_of_an_archived_schedule_is_still_answered(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    """Who was on duty when something was raised has one answer, also once the schedule is gone."""
    nights = PLACE.replace("supervisors", "nights")
    answer = await duty.put(nights, json=plan("sam", "kim"))
    assert answer.status_code == 200, answer.text
    at = (await service.now()).isoformat()
    period = {"from": at, "until": (await service.now() + DAY).isoformat()}
    queries = (("on-duty", {"at": at}), ("shifts", period), ("gaps", period))
    before = [(await duty.get(f"{nights}/{path}", params=query)).json() for path, query in queries]
    assert before[0]["person_ids"]
    assert (await duty.delete(nights)).status_code == 204
    after = [(await duty.get(f"{nights}/{path}", params=query)).json() for path, query in queries]
    assert after == before
    override = {"person_id": "kim", **period}  # It has no future.
    assert (await duty.post(f"{nights}/overrides", json=override)).status_code == 404
