"""The promises that are about to break, of all contacts."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from common.contracts.contacts import WaitingOnCustomer
from common.contracts.event import ContactId, PersonId, TeamId
from common.core.ids import new_id
from common.messages import Schedule
from escalation.domain.model import SlaClock, Threshold, TrackedContact
from escalation.domain.queries import ClockFilter
from escalation.domain.settings.people import SupervisorScope
from escalation.domain.settings.registry import Ref
from escalation.domain.timers import ClockDue
from escalation.domain.visibility import Viewer
from integration.escalation.conftest import EscalationHarness, assigned, key
from support.databases import Postgres
from support.table_reads import record_reads


async def listed(api: httpx.AsyncClient, caller: str = "mia", **params: Any) -> list[Any]:
    answer = await api.get("/v1/clocks", params=params, headers=key(caller))
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return items


async def test_clocks_come_by_their_deadline_with_what_is_known(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    received = await service.received()
    await service.handle_events(received)
    items = await listed(configured)
    assert [item["clock"] for item in items] == ["assignment", "first_response", "resolution"]
    first_response = items[1]
    assert first_response["contact_id"] == received.contact_id
    assert first_response["policy"]["id"] == "gold"
    assert first_response["next_threshold"]["action"] == "warn_representative"
    assert 90 < first_response["left_s"] <= 100
    assert first_response["left_business_s"] == pytest.approx(first_response["left_s"], abs=0.01)
    contact = first_response["contact"]
    assert (contact["subject"], contact["customer"], contact["team_id"]) == (
        "Charged twice",
        "Ada Lovelace",
        None,
    )


async def test_clock_that_breached_or_pauses_or_was_met_is_not_listed(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    breached, waiting = await service.received(), await service.received()
    await service.handle_events(breached, waiting, assigned(waiting))
    await service.handle_events(
        WaitingOnCustomer(contact_id=waiting.contact_id, occurred_at=waiting.occurred_at)
    )
    await service.advance_time(70)
    clocks = {(item["contact_id"], item["clock"]) for item in await listed(configured)}
    assert (breached.contact_id, "assignment") not in clocks
    assert (breached.contact_id, "resolution") in clocks
    assert (waiting.contact_id, "resolution") not in clocks, "it pauses"
    assert (waiting.contact_id, "assignment") not in clocks, "it was met"


async def test_filters_and_pages(configured: httpx.AsyncClient, service: EscalationHarness) -> None:
    first, other = await service.received(), await service.received(topic_of_contact="travel")
    await service.handle_events(first, assigned(first), other)
    soon = (await service.now() + timedelta(seconds=80)).isoformat()
    assert [item["clock"] for item in await listed(configured, due_before=soon)] == ["assignment"]
    assert {item["contact_id"] for item in await listed(configured, topic="travel")} == {
        other.contact_id
    }
    for filters in ({"team": "front"}, {"representative": "rita"}):
        assert {item["contact_id"] for item in await listed(configured, **filters)} == {
            first.contact_id
        }
    assert await listed(configured, policy="silver") == []
    whole = await listed(configured, clock=["first_response", "resolution"], priority="high")
    assert len(whole) == 4
    collected: list[Any] = []
    cursor: dict[str, Any] = {}
    due_before = (await service.now() + timedelta(hours=1)).isoformat()
    while True:
        clocks = ["first_response", "resolution"]
        params: dict[str, Any] = {"limit": 1, "due_before": due_before, "clock": clocks}
        page = (await configured.get("/v1/clocks", params={**params, **cursor})).json()
        collected += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    place = ("contact_id", "clock", "due_at")
    assert [[item[name] for name in place] for item in collected] == [
        [item[name] for name in place] for item in whole
    ]


async def test_pages_go_on_after_the_time_until_which_they_are_listed(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    contacts = [await service.received() for _ in range(2)]
    await service.handle_events(*contacts)
    due_before = (await service.now() + timedelta(hours=1)).isoformat()
    params: dict[str, Any] = {"limit": 1, "due_before": due_before}
    page = (await configured.get("/v1/clocks", params=params)).json()
    service.database.clock.offset += timedelta(hours=2)
    cursor = {"cursor": page["next_cursor"]}
    late = await configured.get("/v1/clocks", params={**params, **cursor})
    assert late.status_code == 200, late.text
    assert (await configured.get("/v1/clocks", params=params)).status_code == 422


async def test_supervisor_sees_the_promises_of_the_own_team_only(
    configured: httpx.AsyncClient, team_api: httpx.AsyncClient, service: EscalationHarness
) -> None:
    for team, supervisor in (("front", "sam"), ("back", "kim")):
        body = {"supervisors": [supervisor]}
        put = await configured.put(f"/v1/teams/{team}", json=body, headers=key("ops"))
        assert put.status_code == 200, put.text
    with_team, without = await service.received(), await service.received()
    await service.handle_events(with_team, assigned(with_team), without)
    both = {with_team.contact_id, without.contact_id}
    assert {item["contact_id"] for item in await listed(team_api, "sam")} == both
    assert {item["contact_id"] for item in await listed(team_api, "kim")} == {without.contact_id}


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"clock": "lunch"}, "query/clock/0"),
        ({"due_before": "soon"}, "query/due_before"),
        ({"due_before": "2020-01-01T00:00:00Z"}, "query/due_before"),
        ({"due_before": "2999-01-01T00:00:00Z"}, "query/due_before"),
        ({"priority": "most"}, "query/priority/0"),
        ({"colour": "red"}, "query/colour"),
        ({"cursor": "nonsense"}, "query/cursor"),
    ],
)
async def test_invalid_query_is_refused_with_its_place(
    api: httpx.AsyncClient, params: dict[str, str], place: str
) -> None:
    answer = await api.get("/v1/clocks", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"].startswith(f"{place}:")


def tracked(due_at: datetime) -> TrackedContact:
    clock = SlaClock(
        "resolution",
        Ref("gold", 1),
        None,
        due_at - timedelta(hours=1),
        3600,
        (Threshold(100, due_at),),
    )
    return TrackedContact(
        ContactId(new_id()), opened_at=due_at, team_id=TeamId("back"), clocks=(clock,)
    )


@pytest.mark.parametrize("visibility", ["team", "all"])
async def test_list_reads_the_contacts_that_are_due_and_no_others(
    service: EscalationHarness, postgres: Postgres, database_name: str, visibility: Any
) -> None:
    now = await service.now()
    contacts = [
        tracked(now + (timedelta(minutes=5) if n < 20 else timedelta(days=3))) for n in range(3000)
    ]
    async with service.database.transaction() as uow:
        for contact in contacts:
            uow.contacts.mark_absent(contact.contact_id)
            uow.contacts.put(contact)
        uow.timers.set(
            Schedule(
                ClockDue(contact_id=contact.contact_id),
                contact.clocks[0].due_at,
            )
            for contact in contacts
        )
    await postgres.execute(
        "ANALYZE escalation.escalations, escalation.tracked_contacts, escalation.timers",
        database_name,
    )
    scope = SupervisorScope(frozenset(("back",)), frozenset())
    async with (
        service.database.transaction() as uow,
        record_reads(uow.connection, "timers", "tracked_contacts") as reads,
    ):
        # After some calls the planner may no longer look at the parameters.
        for _ in range(_CALLS):
            page = await uow.due_clocks.page(
                ClockFilter(),
                now + timedelta(hours=1),
                None,
                51,
                Viewer(PersonId("sam"), "supervisor", visibility),
                scope if visibility == "team" else None,
            )
            assert len(page) == 20
    for read in reads:
        assert read.scans == 0, read
        # The planner looks at the ends of an index too.
        assert read.rows <= 25 * _CALLS, read


_CALLS = 8
