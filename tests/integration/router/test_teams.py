"""Contacts with a team on a real database: who gets them, and when others may."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from common.contracts.contacts import ContactReceived
from integration.router.conftest import RouterHarness
from integration.router.examples import assert_loads_are_consistent, complete, decline, received
from router.domain.routing.strategies import ABSENCE_GRACE, EXCLUSION, TEAM_WAIT
from router.settings import Settings
from support.probe import record_statements

PAST_THE_WAIT = TEAM_WAIT.total_seconds() + 1


def of_team(harness: RouterHarness, team: str = "vip", **changes: Any) -> ContactReceived:
    """Return a contact that has just come for the team."""
    return received(team=team, occurred_at=now(harness), **changes)


def now(harness: RouterHarness) -> datetime:
    return harness.database.clock.utc_now()


async def holder(harness: RouterHarness, contact: ContactReceived) -> str | None:
    return (await harness.assignment(contact.contact_id)).representative_id


async def test_contact_waits_for_its_team_while_others_are_free(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    await harness.hire("rita", capacity=2)
    await harness.hire("vera", team_id="vip")
    first, second = of_team(harness), of_team(harness)

    await harness.handle_events(first)
    await harness.handle_events(second)

    assert await holder(harness, first) == "vera"
    shown = (await api.get(f"/v1/assignments/{second.contact_id}")).json()
    assert (shown["state"], shown["queue"]) == ("queued", "billing/en")
    assert (shown["team_id"], shown["waits_for_team"]) == ("vip", True)
    assert shown["reason"].startswith("nobody of team vip who can take billing, en is free; ")
    (queue,) = (await api.get("/v1/queues")).json()["items"]
    assert {team["team_id"]: team["waiting"] for team in queue["teams"]} == {"front": 0, "vip": 1}

    await complete(harness, first.contact_id)
    assert await holder(harness, second) == "vera"
    await assert_loads_are_consistent(harness)


async def test_slot_of_another_team_takes_only_contacts_that_may_go_there(
    harness: RouterHarness,
) -> None:
    await harness.hire("vera", team_id="vip", presence="offline")
    vip = of_team(harness, priority="urgent")
    general = received(priority="low")
    await harness.handle_events(vip, general)

    await harness.hire("rita")

    assert (await holder(harness, vip), await holder(harness, general)) == (None, "rita")


async def test_contact_goes_to_others_when_the_wait_for_its_team_ends(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita")
    await harness.hire("vera", team_id="vip", presence="offline")
    contact = of_team(harness)
    await harness.handle_events(contact)

    await harness.advance_time(TEAM_WAIT.total_seconds() - 5)
    assert await holder(harness, contact) is None
    await harness.advance_time(6)

    assert await holder(harness, contact) == "rita"
    assert await harness.published(contact.contact_id) == ["ContactQueued", "ContactAssigned"]
    assert await harness.rows("SELECT 1 FROM timers") == []


async def test_contact_that_waited_long_enough_waits_in_the_queue_of_all(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    await harness.hire("vera", team_id="vip", presence="offline")
    contact = of_team(harness)
    await harness.handle_events(contact)
    await harness.advance_time(PAST_THE_WAIT)
    shown = (await api.get(f"/v1/assignments/{contact.contact_id}")).json()
    assert shown["reason"].endswith("; the time for team vip alone is over")

    await harness.hire("rita")

    assert await holder(harness, contact) == "rita"


@pytest.mark.parametrize(
    "change", [{"active": False}, {"skills": ("orders",)}, {"team_id": "front"}]
)
async def test_contact_of_a_team_whose_last_person_goes_is_for_all(
    harness: RouterHarness, change: dict[str, Any]
) -> None:
    await harness.hire("vera", team_id="vip", presence="away")
    contact = of_team(harness)
    await harness.handle_events(contact)
    await harness.hire("rita", skills=("billing", "orders"))
    assert await holder(harness, contact) is None

    await harness.hire("vera", presence="away", **{"team_id": "vip", **change})

    assert await holder(harness, contact) == "rita"
    assert await harness.rows("SELECT 1 FROM timers") == []


async def test_contact_of_an_unknown_team_is_kept_and_goes_to_all(harness: RouterHarness) -> None:
    await harness.hire("rita")
    contact = of_team(harness, team="no such team / 1")

    await harness.handle_events(contact)

    assert await holder(harness, contact) == "rita"


async def test_declined_contact_waits_for_its_team_again(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita")
    await harness.hire("vera", team_id="vip", auto_accept=False)
    contact = of_team(harness)
    await harness.handle_events(contact)
    await decline(harness, contact.contact_id)
    assert await holder(harness, contact) is None

    await harness.advance_time(EXCLUSION.total_seconds() + 1)

    assert await holder(harness, contact) == "vera"


async def test_contact_that_waits_for_its_team_goes_to_who_had_it_once_that_one_is_back(
    harness: RouterHarness,
) -> None:
    await harness.hire("vera", team_id="vip", presence="away")
    contact = of_team(harness)
    await harness.handle_events(contact)
    await harness.advance_time(PAST_THE_WAIT)
    await harness.hire("rita")
    await harness.hire("rita", presence="offline")
    await harness.advance_time(ABSENCE_GRACE.total_seconds() + 1)
    other = of_team(harness, priority="urgent")
    await harness.handle_events(other)
    assert await holder(harness, contact) is None
    assert (await harness.assignment(contact.contact_id)).waits_for_team

    await harness.hire("rita")

    assert (await holder(harness, contact), await holder(harness, other)) == ("rita", None)
    (timer,) = await harness.rows("SELECT contact_id FROM timers")
    assert str(timer.contact_id) == other.contact_id


@pytest.mark.parametrize("size", [1, 20])
async def test_contacts_with_a_team_take_the_same_round_trips(
    harness: RouterHarness, size: int
) -> None:
    await harness.hire("rita", capacity=1000)
    await harness.hire("vera", team_id="vip", capacity=5)
    await harness.handle_events(of_team(harness))
    contacts = [of_team(harness) for _ in range(size)]
    async with record_statements(harness.database) as sent:
        await harness.handle_events(*contacts)
    assert len(sent) == 5


def test_setting_is_the_routing_policy_and_has_a_bound() -> None:
    fields = {"database_url": "postgresql+asyncpg://a@b/c", "kafka_bootstrap": "127.0.0.1:9"}
    settings = Settings.model_validate(fields | {"team_wait_s": 90})
    assert settings.routing_policy.team_wait == timedelta(seconds=90)
    with pytest.raises(ValidationError, match="team_wait_s"):
        Settings.model_validate(fields | {"team_wait_s": 24 * 3600 + 1})
