"""Settings of people, teams and approval limits."""

from typing import Any

import httpx
import pytest

from integration.escalation.conftest import (
    DUTY,
    LADDER,
    POLICY,
    EscalationHarness,
    assigned,
    key,
)

AUGUST = {"from": "2026-08-01T00:00:00Z", "until": "2026-09-01T00:00:00Z"}
LINE: dict[str, dict[str, Any]] = {
    "people/mia": {"role": "manager"},
    "people/sam": {"reports_to": "mia", "role": "supervisor", "absences": [AUGUST]},
    "people/rita": {"reports_to": "sam", "role": "representative"},
    "teams/front": {"supervisors": ["sam", "kim"]},
    "approval-limits/supervisor": {"limits": {"EUR": "100.50", "USD": "0"}},
}


async def put(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.put(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


@pytest.fixture
async def organised(configured: httpx.AsyncClient) -> httpx.AsyncClient:
    for path, body in LINE.items():
        await put(configured, path, body)
    return configured


async def test_shown_setting_can_be_put_again(organised: httpx.AsyncClient) -> None:
    for path, body in LINE.items():
        shown = (await organised.get(f"/v1/{path}")).json()
        # The fixture has put people without a line before.
        assert shown["version"] == (2 if path.startswith("people") else 1)
        assert await put(organised, path, shown["body"]) == shown
        assert body.items() <= shown["body"].items()
        kind = path.split("/")[0]
        assert shown in (await organised.get(f"/v1/{kind}")).json()["items"]
    assert (await put(organised, "teams/front", {"supervisors": ["kim"]}))["version"] == 2


@pytest.mark.parametrize(
    ("path", "body", "place", "detail"),
    [
        (
            "people/mia",
            {"reports_to": "rita"},
            "body/reports_to",
            "That would be a cycle: mia → rita → sam → mia.",
        ),
        ("people/lee", {"reports_to": "lee"}, "body/reports_to", "cycle: lee → lee"),
        ("people/lee", {"reports_to": "max"}, "body/reports_to", "There is no person max."),
        ("people/lee", {"role": "king"}, "body/role", "representative"),
        ("teams/front", {"supervisors": []}, "body/supervisors", ""),
        ("approval-limits/supervisor", {"limits": {"EUR": "-1"}}, "body/limits/EUR", ""),
        ("approval-limits/supervisor", {"limits": {"eur": "1"}}, "body/limits/eur/[key]", ""),
        ("approval-limits/admin", {"limits": {}}, "path/setting_id", "manager"),
        (
            "ladders/default",
            {**LADDER, "levels": LADDER["levels"][:1]},
            "body/levels/0/who",
            "must name a person",
        ),
        (
            "ladders/default",
            {**LADDER, "levels": [{**LADDER["levels"][1], "calendar_id": "mars"}]},
            "body/levels/0/calendar_id",
            "There is no calendar mars.",
        ),
        (
            "sla-policies/gold",
            {**POLICY, "ladder_by_severity": {"critical": "fast"}},
            "body/ladder_by_severity/critical",
            "There is no ladder fast.",
        ),
        (
            "sla-policies/gold",
            {**POLICY, "raise_when": {"repeated": {"contacts": 1, "within_days": 7}}},
            "body/raise_when/repeated/contacts",
            "",
        ),
        (
            "sla-policies/gold",
            {**POLICY, "raise_when": {"feedback_at_most": 6}},
            "body/raise_when/feedback_at_most",
            "",
        ),
    ],
)
async def test_invalid_people_setting_is_refused_with_its_place(
    organised: httpx.AsyncClient, path: str, body: dict[str, Any], place: str, detail: str
) -> None:
    before = (await organised.get(f"/v1/{path}")).text
    refused = await organised.put(f"/v1/{path}", json=body)
    assert refused.status_code == 422
    error = refused.json()["errors"][0]
    assert error["pointer"] == place
    assert detail in error["detail"]
    assert (await organised.get(f"/v1/{path}")).text == before


async def test_only_managers_put_people_settings(organised: httpx.AsyncClient) -> None:
    for path, body in LINE.items():
        for caller in ("zendesk", "rita", "sam"):
            refused = await organised.put(f"/v1/{path}", json=body, headers=key(caller))
            assert refused.status_code == 403
        assert (await organised.get(f"/v1/{path}", headers=key("rita"))).status_code == 200


async def test_ladder_pages_reporting_line_and_team_supervisors(
    organised: httpx.AsyncClient, service: EscalationHarness
) -> None:
    team = {
        "name": "team",
        "acknowledge_within_s": 50,
        "who": [{"kind": "team_supervisors"}, {"kind": "reporting_line", "steps": 2}],
        "media": ["slack"],
    }
    await put(organised, "ladders/default", {**LADDER, "levels": [team, LADDER["levels"][1]]})
    contact = await service.received()
    await service.handle_events(contact)
    await service.handle_events(assigned(contact))
    raised = await organised.post(
        "/v1/escalations", json={"contact_id": contact.contact_id, "reason": "look"}
    )
    assert raised.json()["awaited"] == ["sam", "kim", "mia"]
    pages = await service.rows(
        "SELECT data->>'person_id' AS person, data->>'media' AS media FROM published_events"
        " WHERE type = 'upstairs.page_requested.v1' ORDER BY id"
    )
    assert [(page.person, page.media) for page in pages] == [
        ("sam", '["slack"]'),
        ("kim", '["slack"]'),
        ("mia", '["slack"]'),
    ]


async def test_reporting_line_is_published_with_the_setting_that_changes_it(
    organised: httpx.AsyncClient, service: EscalationHarness
) -> None:
    await put(organised, "people/rita", {"reports_to": "mia", "role": "representative"})
    await put(organised, "people/rita", {"reports_to": "mia", "absences": [AUGUST]})
    await put(organised, "people/rita", {"active": False})
    events = await service.rows(
        "SELECT topic, sequence, data->>'manager_id' AS manager, data->>'role' AS role,"
        " data->'active' AS active FROM published_events"
        " WHERE key = 'rita' ORDER BY sequence"
    )
    assert [tuple(event) for event in events] == [
        ("reporting", 1, None, None, True),
        ("reporting", 2, "sam", "representative", True),
        ("reporting", 3, "mia", "representative", True),
        ("reporting", 4, "mia", None, True),
        ("reporting", 5, None, None, False),
    ]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        (
            "ladders/default",
            {
                **LADDER,
                "levels": [
                    {**LADDER["levels"][1], "who": [{"kind": "person", "person_id": "max"}]}
                ],
            },
            "body/levels/0/who/0/person_id",
        ),
        ("teams/front", {"supervisors": ["sam", "max"]}, "body/supervisors/1"),
        (
            "duty-schedules/supervisors",
            {"rotations": [{**DUTY["rotations"][0], "members": ["max"]}]},
            "body/rotations/0/members/0",
        ),
    ],
)
async def test_unknown_person_is_refused_in_settings(
    organised: httpx.AsyncClient, path: str, body: dict[str, Any], pointer: str
) -> None:
    refused = await organised.put(f"/v1/{path}", json=body)
    error = refused.json()["errors"][0]
    assert (refused.status_code, error["pointer"]) == (422, pointer)
    assert error["detail"] == "There is no person max."


async def test_limit_is_set_from_above_the_role_that_it_binds(
    organised: httpx.AsyncClient,
) -> None:
    limits = {"limits": {"EUR": "5000"}}
    for role, caller, status in (
        ("supervisor", "sam", 403),
        ("supervisor", "mia", 200),
        ("manager", "mia", 403),
        ("manager", "ops", 200),
    ):
        answer = await organised.put(
            f"/v1/approval-limits/{role}", json=limits, headers=key(caller)
        )
        assert answer.status_code == status, (role, caller)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"limits": {"EUR": "1000.01"}}, "limits/EUR"),
        ({"limits": {"USD": "1"}}, "limits/USD"),
        ({"limits": {"EUR": "1"}, "per_customer": {"EUR": "1000.01"}}, "per_customer/EUR"),
        ({"unlimited": True}, "unlimited"),
        ({"limits": {"EUR": "1000"}}, None),
    ],
)
async def test_limit_of_supervisors_is_not_above_that_of_managers(
    organised: httpx.AsyncClient, body: dict[str, Any], place: str | None
) -> None:
    managers = {"limits": {"EUR": "1000"}}
    put = await organised.put("/v1/approval-limits/manager", json=managers, headers=key("ops"))
    assert put.status_code == 200, put.text
    answer = await organised.put("/v1/approval-limits/supervisor", json=body, headers=key("mia"))
    if place is None:
        assert answer.status_code == 200, answer.text
    else:
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["pointer"]) == (422, f"body/{place}")
