"""Settings are versioned, validated, and in force from the next message on."""

import asyncio
from typing import Any

import httpx
import pytest

from integration.escalation.conftest import (
    DUTY,
    LADDER,
    POLICY,
    EscalationHarness,
    describe_people,
    key,
)

CALENDAR: dict[str, Any] = {
    "zone": "Europe/Berlin",
    "hours": {"mon": [["09:00", "12:30"], ["13:00", "17:00"]]},
    "holidays": [{"country": "DE", "region": "BY"}],
    "special": {"2026-12-24": [["09:00", "12:00"]]},
    "closed": ["2026-12-28"],
}


async def test_changed_body_makes_new_version_and_same_body_does_not(
    configured: httpx.AsyncClient,
) -> None:
    again = await configured.put("/v1/sla-policies/gold", json=POLICY)
    assert again.json()["version"] == 1
    changed = await configured.put("/v1/sla-policies/gold", json={**POLICY, "severity": "high"})
    assert changed.json()["version"] == 2
    shown = (await configured.get("/v1/sla-policies/gold")).json()
    assert (shown["id"], shown["version"], shown["body"]["severity"]) == ("gold", 2, "high")
    listed = (await configured.get("/v1/sla-policies")).json()
    assert ([setting["id"] for setting in listed["items"]], listed["next_cursor"]) == (
        ["gold"],
        None,
    )


async def test_setting_is_shown_as_put(api: httpx.AsyncClient, service: EscalationHarness) -> None:
    await describe_people(service)
    bodies = {
        "duty-schedules/supervisors": DUTY,
        "calendars/berlin": CALENDAR,
        "ladders/default": LADDER,
        "sla-policies/gold": {
            **POLICY,
            "calendar_id": "berlin",
            "calendar_by_region": {"DACH": "berlin"},
        },
    }
    for path, body in bodies.items():
        put = await api.put(f"/v1/{path}", json=body)
        assert put.status_code == 200, put.text
        shown = (await api.get(f"/v1/{path}")).json()
        assert shown == put.json()
        # What is shown can be put again, and says nothing new.
        assert (await api.put(f"/v1/{path}", json=shown["body"])).json() == shown


async def test_concurrent_changes_get_different_versions(configured: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(
            configured.put("/v1/ladders/default", json={**LADDER, "lease_s": lease_s})
            for lease_s in range(300, 305)
        )
    )
    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("calendars/x", {**CALENDAR, "zone": "Mars/Phobos"}, "body/zone"),
        ("calendars/x", {**CALENDAR, "hours": {}}, "body/hours"),
        (
            "calendars/x",
            {**CALENDAR, "holidays": [{"country": "DE", "region": "XX"}]},
            "body/holidays/0/region",
        ),
        ("calendars/x", {**CALENDAR, "holidays": [{"country": "ZZ"}]}, "body/holidays/0/country"),
        (
            "calendars/x",
            {**CALENDAR, "special": {"2026-12-24": [["12:00", "9:00"]]}},
            "body/special/2026-12-24/0/1",
        ),
        ("ladders/x", {**LADDER, "levels": []}, "body/levels"),
        ("ladders/x", LADDER, "body/levels/0/who/0/schedule_id"),
        ("sla-policies/x", POLICY, "body/ladder_id"),
        ("sla-policies/x", {**POLICY, "targets": []}, "body/targets"),
        ("sla-policies/x", {**POLICY, "ladder_id": "nul\x00"}, "body/ladder_id"),
        (
            "duty-schedules/x",
            {"rotations": [{**DUTY["rotations"][0], "members": []}]},
            "body/rotations/0/members",
        ),
        (
            "duty-schedules/x",
            {"rotations": [{**DUTY["rotations"][0], "starts_at": "2026-01-01T00:00:00"}]},
            "body/rotations/0/starts_at",
        ),
    ],
)
async def test_invalid_setting_is_refused_with_its_place(
    api: httpx.AsyncClient, service: EscalationHarness, path: str, body: dict[str, Any], place: str
) -> None:
    refused = await api.put(f"/v1/{path}", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == place
    assert await service.rows("SELECT * FROM setting_versions") == []


async def test_only_managers_put_settings(api: httpx.AsyncClient) -> None:
    for caller in ("zendesk", "rita", "sam"):
        refused = await api.put("/v1/calendars/x", json=CALENDAR, headers=key(caller))
        assert refused.status_code == 403
    assert (await api.get("/v1/calendars/x")).status_code == 404


async def test_new_version_applies_to_next_contact(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    first = await service.received()
    await service.handle_events(first)
    await configured.put("/v1/sla-policies/gold", json={**POLICY, "severity": "critical"})
    second = await service.received()
    await service.handle_events(second)
    severities = await service.rows("SELECT severity FROM tracked_contacts ORDER BY contact_id")
    assert [row.severity for row in severities] == ["medium", "critical"]
    shown = await configured.get(f"/v1/contacts/{second.contact_id}/clocks")
    assert shown.json()["clocks"][0]["policy"] == {"id": "gold", "version": 2}


async def test_schedule_put_with_old_etag_does_not_overwrite_another(
    configured: httpx.AsyncClient,
) -> None:
    place = "/v1/duty-schedules/supervisors"
    schedule = await configured.get(place)
    assert schedule.headers["ETag"] == '"1"'
    two = {"rotations": [{**DUTY["rotations"][0], "members": ["sam", "kim"]}]}
    changed = await configured.put(place, json=two)
    assert changed.json()["version"] == 2
    longer = {**schedule.json()["body"], "rotations": [{**DUTY["rotations"][0], "shift_s": 172800}]}

    async def put(etag: str) -> httpx.Response:
        return await configured.put(place, json=longer, headers={"If-Match": etag})

    stale = await put(schedule.headers["ETag"])
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"2"')
    problem = stale.json()
    present = (await configured.get(place)).json()
    assert problem["type"] == "urn:upstairs:problem:stale"
    assert problem["current"] == {name: present[name] for name in ("id", "version", "body")}
    assert present["body"]["rotations"][0]["members"] == ["sam", "kim"]
    merged = await put(stale.headers["ETag"])
    assert (merged.status_code, merged.headers["ETag"]) == (200, '"3"')


@pytest.mark.parametrize(
    "path", ["sla-policies/gold?open_contacts=retarget", "ladders/default", "teams/none"]
)
async def test_put_with_unknown_etag_is_refused(
    configured: httpx.AsyncClient, service: EscalationHarness, path: str
) -> None:
    body = {"sla-policies": POLICY, "ladders": LADDER, "teams": {"supervisors": ["mia"]}}
    versions = await service.rows("SELECT * FROM setting_versions")
    stale = await configured.put(
        f"/v1/{path}", json=body[path.partition("/")[0]], headers={"If-Match": '"7"'}
    )
    is_new = path.startswith("teams")
    detail = "There is no such setting." if is_new else "The setting has changed since you read it."
    assert (stale.status_code, stale.json()["detail"]) == (412, detail)
    assert (stale.json()["current"] is None) == is_new
    assert await service.rows("SELECT * FROM setting_versions") == versions
    wrong = await configured.put("/v1/teams/x", json={}, headers={"If-Match": "7"})
    assert wrong.json()["errors"] == [
        {
            "pointer": "header/if-match",
            "detail": 'Send the ETag that you have read, for example "3", or *.',
        }
    ]


async def test_star_in_if_match_is_refused_for_a_new_setting(
    configured: httpx.AsyncClient,
) -> None:
    async def put(setting_id: str) -> httpx.Response:
        path = f"/v1/ladders/{setting_id}"
        return await configured.put(path, json=LADDER, headers={"If-Match": "*"})

    assert (await put("default")).status_code == 200
    refused = await put("new")
    assert (refused.status_code, refused.json()["detail"]) == (412, "There is no such setting.")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sla-policies/silver", POLICY),
        ("ladders/other", LADDER),
        ("teams/back", {"supervisors": ["mia"]}),
        ("duty-schedules/nights", DUTY),
    ],
)
async def test_new_setting_is_put_only_if_none_of_its_id_is_in_force(
    configured: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    place, if_new = f"/v1/{path}", {"If-None-Match": "*"}
    first = await configured.put(place, json=body, headers=if_new)
    second = await configured.put(place, json=body, headers=if_new)
    assert (first.status_code, second.status_code) == (200, 412)
    assert (second.json()["current"]["version"], second.headers["ETag"]) == (1, '"1"')
    wrong = await configured.put(place, json=body, headers={"If-None-Match": '"1"'})
    assert wrong.json()["errors"][0]["pointer"] == "header/if-none-match"


async def test_archived_setting_is_new_again(configured: httpx.AsyncClient) -> None:
    place, if_new = "/v1/sla-policies/silver", {"If-None-Match": "*"}
    await configured.put(place, json=POLICY)
    assert (await configured.delete(place)).status_code == 204
    again = await configured.put(place, json=POLICY, headers=if_new)
    assert (again.status_code, again.json()["version"]) == (200, 3)
