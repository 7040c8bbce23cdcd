"""Supervisors see and act on what is their team's or asked of them; lists and streams agree."""

import random
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from common.contracts.contacts import SupervisorRequested
from common.contracts.event import PersonId, Role, TeamId
from common.storage.database import Database
from escalation.domain.listing import is_listed
from escalation.domain.queries import EscalationQuery
from escalation.domain.visibility import Viewer
from escalation.main import build
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from integration.escalation.conftest import EscalationHarness, assigned, key
from integration.escalation.test_escalation_list import (
    NOON,
    ListedEscalation,
    query,
    random_escalations,
    store,
)
from support.people import described
from support.service_harness import open_client

TEAMS = {"teams/front": {"supervisors": ["sam"]}, "teams/back": {"supervisors": ["kim"]}}
VIEWERS: tuple[tuple[str, Role], ...] = (
    ("sam", "supervisor"),
    ("kim", "supervisor"),
    ("lee", "supervisor"),
    ("mia", "manager"),
    ("rita", "representative"),
)


def concerning(chance: random.Random, row: ListedEscalation) -> ListedEscalation:
    """Let it concern people, as one that was raised and worked on does."""
    people = tuple(map(PersonId, chance.sample(("sam", "kim", "lee", "rita"), 1)))
    return replace(
        row,
        escalation=replace(
            row.escalation,
            responders=people if chance.random() < 0.3 else (),
            participants=people if chance.random() < 0.3 else (),
        ),
        contact=msgspec.structs.replace(
            row.contact,
            representatives=chance.choice([(), (PersonId("rita"),)]),
            team_id=chance.choice([None, TeamId("front"), TeamId("back"), TeamId("third")]),
        ),
    )


@pytest.mark.parametrize("seed", range(2))
async def test_list_has_what_the_stream_has_for_each_viewer_and_filter(
    configured: httpx.AsyncClient, service: EscalationHarness, seed: int
) -> None:
    for path, body in TEAMS.items():
        put = await configured.put(f"/v1/{path}", json=body, headers=key("ops"))
        assert put.status_code == 200, put.text
    # ron works for kim, in whatever team the contact is.
    await service.handle_events(described("ron", "kim"))
    chance = random.Random(seed)
    by_contact: dict[str, ListedEscalation] = {}
    rows = []
    for row in random_escalations(chance, 80):
        made = concerning(chance, row)
        # One contact has one row, whatever number of escalations.
        first = by_contact.setdefault(made.contact.contact_id, made)
        rows.append(replace(made, contact=first.contact))
    await store(service.database, rows)
    total = 0
    for _ in range(60):
        params = EscalationQuery.model_validate(query(chance, rows))
        person, role = chance.choice(VIEWERS)
        viewer = Viewer(PersonId(person), role, chance.choice(["team", "team", "all"]))
        async with service.database.transaction() as uow:
            configuration = await uow.settings.in_force()
            scope = viewer.scope_in(configuration)
            listed = await uow.queries.escalations(params, NOON, None, 1000, viewer, scope)
        expected = {
            row.id
            for row in rows
            if is_listed(params.values, viewer, row.escalation, row.contact, configuration, NOON)
        }
        assert {each.escalation_id for each in listed} == expected, (params, viewer)
        total += len(expected)
    assert total > 200


async def raise_for(service: EscalationHarness, configured: httpx.AsyncClient, team: str) -> Any:
    """Raise the escalation of a contact that rita has, in the team; sam is asked."""
    received = await service.received()
    requested = SupervisorRequested(
        contact_id=received.contact_id, occurred_at=received.occurred_at, quote="Your boss, please"
    )
    await service.handle_events(
        received, msgspec.structs.replace(assigned(received), team_id=TeamId(team)), requested
    )
    listed = await configured.get(f"/v1/escalations?contact_id={received.contact_id}")
    (escalation,) = listed.json()["items"]
    return escalation


@pytest.fixture
async def teams(configured: httpx.AsyncClient, team_api: httpx.AsyncClient) -> httpx.AsyncClient:
    """sam supervises front, kim back; sam is on duty for all."""
    for path, body in TEAMS.items():
        put = await configured.put(f"/v1/{path}", json=body, headers=key("ops"))
        assert put.status_code == 200, put.text
    return team_api


async def test_supervisor_finds_nothing_of_another_team(
    teams: httpx.AsyncClient, service: EscalationHarness
) -> None:
    escalation = await raise_for(service, teams, "front")
    path = f"/v1/escalations/{escalation['escalation_id']}"
    contact = f"/v1/contacts/{escalation['contact_id']}"
    for place in (path, f"{path}/audit-trail", f"{contact}/clocks", f"{contact}/responders"):
        statuses = [
            (await teams.get(place, headers=key(who))).status_code for who in ("sam", "kim")
        ]
        assert statuses == [200, 404], place
    refused = await teams.post(f"{path}/acknowledge", headers=key("kim"))
    assert refused.status_code == 404
    mine = (await teams.get("/v1/escalations", headers=key("kim"))).json()
    assert mine["items"] == []
    assert len((await teams.get("/v1/escalations", headers=key("sam"))).json()["items"]) == 1
    streamed = await teams.get(
        "/v1/escalations/stream",
        params={"escalation_id": escalation["escalation_id"]},
        headers=key("kim"),
    )
    assert streamed.status_code == 404


@pytest.mark.parametrize(
    ("visibility", "expected"), [("team", ["sam", "kim"]), ("all", ["sam", "kim", "stranger"])]
)
async def test_read_for_others_says_which_supervisors_may_see_it(
    teams: httpx.AsyncClient,
    service: EscalationHarness,
    database: Database[UnitOfWork],
    visibility: str,
    expected: list[str],
) -> None:
    """kim is in the contact's team, and sam was asked."""
    escalation = await raise_for(service, teams, "back")
    path = f"/v1/escalations/{escalation['escalation_id']}"
    params = {"supervisors": ["sam", "kim", "stranger"]}
    async with open_client(build, Settings, database, key, visibility=visibility) as api:
        for who in ("mia", "sam"):
            shown = await api.get(path, params=params, headers=key(who))
            assert shown.json()["visible_to"] == expected, who
        of_representative = await api.get(path, params=params, headers=key("rita"))
        assert of_representative.json()["visible_to"] == []
        assert (await api.get(path, headers=key("sam"))).json()["visible_to"] == []


async def test_responder_sees_escalation_that_has_gone_up(
    teams: httpx.AsyncClient, service: EscalationHarness
) -> None:
    escalation = await raise_for(service, teams, "back")
    assert escalation["awaited"] == ["sam"]
    await service.advance_time(60)
    path = f"/v1/escalations/{escalation['escalation_id']}"
    shown = await teams.get(path, headers=key("sam"))
    assert (shown.status_code, shown.json()["awaited"]) == (200, ["mia"])
    taken = await teams.post(f"{path}/take-over", headers=key("sam"))
    assert taken.status_code == 200
    assert (await teams.get(path, headers=key("kim"))).status_code == 200, "it is her team's"


async def test_contact_without_a_team_is_for_all_supervisors(
    teams: httpx.AsyncClient, service: EscalationHarness
) -> None:
    received = await service.received()
    await service.handle_events(received)
    await service.advance_time(70)
    for who in ("sam", "kim"):
        (item,) = (await teams.get("/v1/escalations", headers=key(who))).json()["items"]
        assert item["contact"]["team_id"] is None


async def test_setting_shows_supervisors_the_escalations_of_all_teams(
    teams: httpx.AsyncClient, service: EscalationHarness, database: Database[UnitOfWork]
) -> None:
    escalation = await raise_for(service, teams, "front")
    path = f"/v1/escalations/{escalation['escalation_id']}"
    async with open_client(build, Settings, database, key, visibility="all") as api:
        assert (await api.get(path, headers=key("kim"))).status_code == 200
        assert (await api.post(f"{path}/take-over", headers=key("kim"))).status_code == 200


async def test_contacts_of_people_below_are_shown_whatever_their_team(
    teams: httpx.AsyncClient, service: EscalationHarness
) -> None:
    escalation = await raise_for(service, teams, "front")
    path = f"/v1/escalations/{escalation['escalation_id']}"
    assert (await teams.get(path, headers=key("kim"))).status_code == 404
    await service.handle_events(described("lee", "kim"), described("rita", "lee"))
    assert (await teams.get(path, headers=key("kim"))).status_code == 200
