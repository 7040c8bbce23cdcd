"""Settings of people, teams and approval limits."""

from typing import Any

import httpx
import pytest

from common.contracts.event import PersonId, TeamId
from escalation.domain.errors import UnknownPersonError
from escalation.domain.settings.people import Person
from integration.escalation.conftest import (
    DUTY,
    LADDER,
    POLICY,
    EscalationHarness,
    assigned,
    key,
)
from support.departures import access_of, add_keys
from support.people import described

AUGUST = {"from": "2030-08-01T00:00:00Z", "until": "2030-09-01T00:00:00Z", "stand_in": "kim"}
LINE: dict[str, dict[str, Any]] = {
    "absences/sam": {"absences": [AUGUST]},
    "teams/front": {"supervisors": ["sam", "kim"]},
    "approval-limits/supervisor": {"limits": {"EUR": "100.50", "USD": "0"}},
}

MANAGERS: dict[str, Any] = {"limits": {"EUR": "5000", "USD": "0"}}


async def put(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.put(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


@pytest.fixture
async def organised(configured: httpx.AsyncClient, service: EscalationHarness) -> httpx.AsyncClient:
    """Rita reports to sam, and sam and kim to mia."""
    await service.handle_events(
        described("sam", "mia"), described("kim", "mia"), described("rita", "sam")
    )
    answer = await configured.put("/v1/approval-limits/manager", json=MANAGERS, headers=key("ops"))
    assert answer.status_code == 200, answer.text
    for path, body in LINE.items():
        await put(configured, path, body)
    return configured


async def test_shown_setting_can_be_put_again(organised: httpx.AsyncClient) -> None:
    for path, body in LINE.items():
        shown = (await organised.get(f"/v1/{path}")).json()
        assert shown["version"] == 1
        assert await put(organised, path, shown["body"]) == shown
        assert body.items() <= shown["body"].items()
        kind = path.split("/")[0]
        assert shown in (await organised.get(f"/v1/{kind}")).json()["items"]
    assert (await put(organised, "teams/front", {"supervisors": ["kim"]}))["version"] == 2


@pytest.mark.parametrize(
    ("path", "body", "place", "detail"),
    [
        ("teams/front", {"supervisors": []}, "body/supervisors", ""),
        ("approval-limits/supervisor", {"limits": {"EUR": "-1"}}, "body/limits/EUR", ""),
        ("approval-limits/supervisor", {"limits": {"eur": "1"}}, "body/limits/eur", ""),
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
        for caller in ("zendesk", "rita", "kim"):
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


async def in_line(service: EscalationHarness, person: str) -> Person:
    async with service.database.transaction() as uow:
        return (await uow.settings.in_force()).staff[PersonId(person)]


async def test_person_is_taken_up_as_router_describes_it(
    organised: httpx.AsyncClient, service: EscalationHarness
) -> None:
    older = described("rita", "kim")
    await service.handle_events(
        described("rita", "mia", roles=["representative"], team_id="front", name="Rita"), older
    )
    expected = Person(PersonId("mia"), ("representative",), TeamId("front"))
    assert await in_line(service, "rita") == expected
    # Many at once, the last one of each counts.
    many = [described(f"p{n}", f"p{n - 1}" if n else None) for n in range(50)]
    await service.handle_events(*many, described("p7", "p0"), described("rita", active=False))
    assert (await in_line(service, "p7")).reports_to == "p0"
    assert not (await in_line(service, "rita")).active
    stored = await service.rows("SELECT body FROM setting_versions WHERE kind = 'people'")
    assert "Rita" not in str(stored)


async def test_manager_puts_own_absences_and_those_of_people_below(
    organised: httpx.AsyncClient,
) -> None:
    body = {"absences": [AUGUST]}
    for person, caller, status in (
        ("mia", "mia", 200),
        ("rita", "mia", 200),
        ("lee", "mia", 403),
        ("lee", "ops", 200),
        ("max", "ops", 422),
        ("sam", "sam", 200),
        ("kim", "sam", 403),
        ("rita", "rita", 200),
    ):
        put = await organised.put(f"/v1/absences/{person}", json=body, headers=key(caller))
        assert put.status_code == status, (person, caller, put.text)


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
    assert error["detail"] == UnknownPersonError.message("max")


async def test_hand_over_to_unknown_person_is_refused_with_the_id(
    organised: httpx.AsyncClient, service: EscalationHarness
) -> None:
    contact = await service.received()
    await service.handle_events(contact)
    raised = await organised.post(
        "/v1/escalations", json={"contact_id": contact.contact_id, "reason": "look"}
    )
    place = f"/v1/escalations/{raised.json()['escalation_id']}"
    assert (await organised.post(f"{place}/acknowledge")).status_code == 200
    for person, detail in (("max", UnknownPersonError.message("max")), ("lee", "lee has left.")):
        await service.handle_events(described("lee", active=False))
        body = {"to": person, "context": "yours"}
        refused = await organised.post(f"{place}/hand-over", json=body)
        (error,) = refused.json()["errors"]
        assert (refused.status_code, error["pointer"]) == (422, "body/to")
        assert error["detail"] == detail


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


async def test_limit_of_supervisors_allows_nothing_while_managers_have_none(
    configured: httpx.AsyncClient,
) -> None:
    for caller in ("mia", "ops"):
        for body, place in (
            ({"limits": {"EUR": "1"}}, "limits/EUR"),
            ({"unlimited": True}, "unlimited"),
        ):
            path = "/v1/approval-limits/supervisor"
            refused = await configured.put(path, json=body, headers=key(caller))
            (error,) = refused.json()["errors"]
            assert (refused.status_code, error["pointer"]) == (422, f"body/{place}")
            assert "an admin puts that first" in error["detail"]


@pytest.mark.parametrize(
    ("window_days", "status"), [(29, 422), (1, 422), (30, 200), (31, 200), (366, 200)]
)
async def test_same_amount_in_a_shorter_window_is_above_the_limit_of_managers(
    organised: httpx.AsyncClient, window_days: int, status: int
) -> None:
    body = {"limits": {"EUR": "100"}, "window_days": window_days}
    answer = await organised.put("/v1/approval-limits/supervisor", json=body)
    assert answer.status_code == status
    if status == 422:
        assert [error["pointer"] for error in answer.json()["errors"]] == ["body/window_days"]


@pytest.mark.parametrize(
    ("managers", "places"),
    [
        ({"limits": {"EUR": "100.49"}}, ["limits/EUR"]),
        ({"limits": {"USD": "7"}}, ["limits/EUR"]),
        ({"limits": {"EUR": "5000"}, "window_days": 31}, ["window_days"]),
        ({"limits": {"EUR": "100.50"}}, None),
        ({"unlimited": True}, None),
    ],
)
async def test_limit_of_managers_is_not_lowered_below_that_of_supervisors(
    organised: httpx.AsyncClient, managers: dict[str, Any], places: list[str] | None
) -> None:
    path = "/v1/approval-limits/manager"
    before = (await organised.get(path)).json()
    answer = await organised.put(path, json=managers, headers=key("ops"))
    if places is None:
        assert answer.status_code == 200, answer.text
        return
    problem = answer.json()
    assert (answer.status_code, problem["places"]) == (409, places)
    assert problem["type"] == "urn:upstairs:problem:limit-below-supervisors"
    assert (await organised.get(path)).json() == before
    # Theirs is lowered first.
    await put(organised, "approval-limits/supervisor", {"limits": {}})
    assert (await organised.put(path, json=managers, headers=key("ops"))).status_code == 200


async def test_manager_puts_only_teams_of_people_below(
    organised: httpx.AsyncClient, service: EscalationHarness
) -> None:
    """Lee supervises a team by his entry, and is not below mia; nor is the director dora."""
    await service.handle_events(
        described("dora"),
        described("mia", "dora"),
        described("lee", "dora", roles=["supervisor"], team_id="back"),
    )
    for team, supervisors, caller, status in (
        ("front", ["sam", "dora"], "mia", 403),
        ("front", ["lee"], "mia", 403),
        ("back", ["sam"], "mia", 403),
        ("new", ["mia", "kim"], "mia", 200),
        ("back", ["lee", "sam"], "ops", 200),
        ("back", ["sam"], "mia", 403),
    ):
        answer = await organised.put(
            f"/v1/teams/{team}", json={"supervisors": supervisors}, headers=key(caller)
        )
        assert answer.status_code == status, (team, supervisors, caller, answer.text)
    for team, caller, status in (("back", "mia", 403), ("new", "mia", 204), ("back", "ops", 204)):
        answer = await organised.delete(f"/v1/teams/{team}", headers=key(caller))
        assert answer.status_code == status, (team, caller)


async def test_access_of_a_person_who_leaves_ends(
    service: EscalationHarness,
) -> None:
    await add_keys(service.database, "lee")
    await service.handle_events(described("lee", None))
    assert await access_of(service.database, "lee") == ["channel", "manager", "token"]
    await service.handle_events(described("lee", None, active=False))
    assert await access_of(service.database, "lee") == ["channel"]
