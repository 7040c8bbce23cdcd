"""What happens at awkward hours: stories on a clock that the test moves, with a real database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest

from common.contracts.contacts import ContactReceived, Customer, SupervisorRequested
from common.contracts.event import ContactId, CustomerId, EscalationId, NotificationId, PageId
from common.contracts.notifications import NotificationActedOn
from common.core.ids import new_id
from common.storage.database import Database
from escalation import handlers
from escalation.main import build
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from support.databases import Postgres, open_database
from support.people import described
from support.service_harness import Keys, ServiceHarness, make_dispatcher, open_client

BERLIN = ZoneInfo("Europe/Berlin")
KEYS = Keys(
    rita="representative:rita:rita-key",
    sam="supervisor:sam:sam-key",
    kim="supervisor:kim:kim-key",
    mia="manager:mia:mia-key",
)
OFFICE = {
    "zone": "Europe/Berlin",
    "hours": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
}
# Two shifts a day, handed over at midnight and at noon on Berlin's walls: sam, then kim.
DUTY = {
    "rotations": [
        {
            "zone": "Europe/Berlin",
            "starts_at": "2026-01-05T00:00:00+01:00",
            "shift_s": 12 * 3600,
            "members": ["sam", "kim"],
        }
    ]
}
LADDER: dict[str, Any] = {
    "levels": [
        {
            "name": "supervisors",
            "acknowledge_within_s": 300,
            "who": [{"kind": "duty", "schedule_id": "supervisors"}],
        },
        {
            "name": "managers",
            "acknowledge_within_s": 600,
            "who": [{"kind": "person", "person_id": "mia"}],
        },
    ],
    "lease_s": 1800,
    "working_lease_s": 7200,
}


def policy(**changes: Any) -> dict[str, Any]:
    return {
        "targets": [{"clock": "first_response", "target_s": 3600}],
        "ladder_id": "default",
        "severity": "medium",
        **changes,
    }


@dataclass
class Story:
    """One contact, the people, and a clock."""

    desk: ServiceHarness[UnitOfWork]
    api: httpx.AsyncClient
    contact_id: ContactId = field(default_factory=lambda: ContactId(new_id()))

    async def it_is(self, when: datetime) -> None:
        """Let time pass until then, each timer firing on its own moment."""
        while True:
            (first,) = await self.desk.rows("SELECT min(due_at) AS due_at FROM timers")
            if first.due_at is None or first.due_at > when:
                break
            await self._move(first.due_at)
            await self.desk.advance_time(0)
        await self._move(when)

    async def _move(self, when: datetime) -> None:
        async with self.desk.database.transaction() as uow:
            self.desk.database.clock.offset += when - uow.now

    async def put(self, path: str, body: dict[str, Any]) -> None:
        response = await self.api.put(f"/v1/{path}", json=body, headers=KEYS("mia"))
        assert response.status_code == 200, response.text

    async def act(self, who: str, path: str, body: object = None) -> dict[str, Any]:
        url = f"/v1/escalations/{await self.escalation_id()}/{path}"
        response = await self.api.post(url, json=body, headers=KEYS(who))
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def receive(self, when: datetime) -> None:
        await self.it_is(when)
        await self.desk.handle_events(
            ContactReceived(
                contact_id=self.contact_id,
                occurred_at=when,
                channel="call",
                customer=Customer(customer_id=CustomerId("c-7"), name="Ada Lovelace"),
                subject="Charged twice",
                topic_of_contact="billing",
                language="en",
                priority="high",
            )
        )

    async def pages(self) -> list[tuple[str, str]]:
        """Return who was told, and why, in order."""
        rows = await self.desk.rows(
            "SELECT data->>'person_id' AS person, data->>'reason' AS reason FROM published_events "
            "WHERE type = 'upstairs.page_requested.v1' ORDER BY id"
        )
        return [(row.person, row.reason) for row in rows]

    async def facts(self, kind: str) -> list[dict[str, Any]]:
        rows = await self.desk.rows(
            f"SELECT data FROM published_events WHERE type = 'upstairs.{kind}.v1' ORDER BY id"
        )
        return [row.data for row in rows]

    async def clock(self) -> dict[str, Any]:
        answer = await self.api.get(f"/v1/contacts/{self.contact_id}/clocks", headers=KEYS("sam"))
        (shown,) = answer.json()["clocks"]
        return dict(shown)

    async def escalation_id(self) -> str:
        (listed,) = (await self.api.get("/v1/escalations", headers=KEYS("sam"))).json()["items"]
        return str(listed["escalation_id"])


@pytest.fixture
async def story(postgres: Postgres, database_name: str) -> AsyncIterator[Story]:
    async with (
        open_database(postgres, database_name, "escalation", UnitOfWork) as database,
        open_client(build, Settings, database, KEYS) as api,
    ):
        story = Story(_inside(database), api)
        await story.desk.handle_events(
            described("mia"), described("sam", "mia"), described("kim", "mia")
        )
        # Duty counts from when it is put, so the story begins before.
        await story.it_is(berlin("2026-01-06", "08:00:00"))
        await story.put("duty-schedules/supervisors", DUTY)
        await story.put("ladders/default", LADDER)
        await story.put("calendars/office", OFFICE)
        yield story


def _inside(database: Database[UnitOfWork]) -> ServiceHarness[UnitOfWork]:
    return ServiceHarness(database, make_dispatcher(database, handlers.SUBSCRIPTIONS))


def berlin(day: str, time: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=BERLIN).astimezone(UTC)


async def test_at_midnight_the_next_shift_is_asked(story: Story) -> None:
    level = {**LADDER["levels"][0], "repeats": 1}
    await story.put("ladders/default", {**LADDER, "levels": [level, LADDER["levels"][1]]})
    await story.put("sla-policies/all", policy())
    await story.receive(berlin("2026-06-10", "22:58:00"))
    await story.it_is(berlin("2026-06-10", "23:58:01"))
    assert await story.pages() == [("kim", "raised")]
    await story.it_is(berlin("2026-06-11", "00:03:01"))
    assert (await story.pages())[1:] == [("sam", "repeated")]


async def test_a_friday_evening_waits_for_monday(story: Story) -> None:
    await story.put("sla-policies/all", policy(calendar_id="office"))
    await story.receive(berlin("2026-06-12", "16:30:00"))
    await story.it_is(berlin("2026-06-15", "09:29:59"))
    assert await story.pages() == []
    await story.it_is(berlin("2026-06-15", "09:30:00"))
    assert await story.pages() == [("sam", "raised")]
    (breached,) = await story.facts("clock_breached")
    assert datetime.fromisoformat(breached["due_at"]) == berlin("2026-06-15", "09:30:00")


@pytest.mark.parametrize(("night", "due"), [("2026-03-29", "05:30:00"), ("2026-10-25", "03:30:00")])
async def test_a_night_that_loses_or_gains_an_hour(story: Story, night: str, due: str) -> None:
    """Four hours pass, whatever the clocks on the wall do."""
    round_the_clock = {
        "zone": "Europe/Berlin",
        "hours": {
            day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        },
    }
    await story.put("calendars/always", round_the_clock)
    targets = [{"clock": "first_response", "target_s": 4 * 3600}]
    await story.put("sla-policies/all", policy(targets=targets, calendar_id="always"))
    await story.receive(berlin(night, "00:30:00"))
    due_at = berlin(night, due)
    await story.it_is(due_at - timedelta(seconds=1))
    assert await story.pages() == []
    await story.it_is(due_at)
    assert await story.pages() == [("sam", "raised")]


async def test_a_shift_that_ends_during_a_lease_returns_it_to_the_next(story: Story) -> None:
    await story.put("sla-policies/all", policy())
    await story.receive(berlin("2026-06-10", "10:46:00"))
    await story.it_is(berlin("2026-06-10", "11:47:00"))
    shown = await story.act("sam", "acknowledge")
    assert datetime.fromisoformat(shown["deadline"]) == berlin("2026-06-10", "12:00:00")
    assert shown["lease_end"] == "shift"
    await story.it_is(berlin("2026-06-10", "11:59:59"))
    assert (await story.pages())[1:] == [("sam", "lease_ending")]
    await story.it_is(berlin("2026-06-10", "12:00:00"))
    assert (await story.pages())[2:] == [("kim", "returned")]
    (returned,) = await story.facts("escalation_returned")
    assert (returned["from_person"], returned["level"]) == ("sam", 0)


async def test_an_empty_level_is_passed_at_once_with_the_reason(story: Story) -> None:
    later = [{**DUTY["rotations"][0], "starts_at": "2026-09-07T00:00:00+02:00"}]
    await story.put("duty-schedules/supervisors", {"rotations": later})
    await story.put("sla-policies/all", policy())
    await story.receive(berlin("2026-06-10", "10:00:00"))
    await story.it_is(berlin("2026-06-10", "11:00:00"))
    assert await story.pages() == [("mia", "raised")]
    (climbed,) = await story.facts("escalation_climbed")
    assert climbed["reason"] == "nobody on duty at supervisors"


async def test_two_causes_at_once_make_one_escalation(story: Story) -> None:
    await story.put("sla-policies/all", policy())
    await story.receive(berlin("2026-06-10", "10:00:00"))
    due_at = berlin("2026-06-10", "11:00:00")
    await story.it_is(due_at)
    await story.desk.handle_events(
        SupervisorRequested(
            contact_id=story.contact_id, occurred_at=due_at, quote="Your manager, now!"
        )
    )
    (raised,) = await story.facts("escalation_raised")
    (added,) = await story.facts("escalation_cause_added")
    assert (raised["cause"], added["cause"]) == ("breach", "customer_request")
    assert (raised["severity"], added["severity"]) == ("medium", "high")
    assert await story.pages() == [("sam", "raised"), ("sam", "updated")]


async def test_a_policy_that_changes_in_mid_clock_keeps_the_time_spent(story: Story) -> None:
    await story.put("sla-policies/all", policy(calendar_id="office"))
    await story.receive(berlin("2026-06-12", "16:30:00"))
    await story.it_is(berlin("2026-06-12", "18:00:00"))
    targets = [{"clock": "first_response", "target_s": 7200}]
    changed = policy(targets=targets, calendar_id="office")
    await story.put("sla-policies/all?open_contacts=retarget", changed)
    await story.it_is(berlin("2026-06-12", "18:00:01"))
    clock = await story.clock()
    assert clock["policy"] == {"id": "all", "version": 2}
    assert datetime.fromisoformat(clock["due_at"]) == berlin("2026-06-15", "10:30:00")
    (retargeted,) = await story.facts("clock_retargeted")
    assert retargeted["elapsed_s"] == 1800
    await story.it_is(berlin("2026-06-15", "10:29:59"))
    assert await story.pages() == []
    await story.it_is(berlin("2026-06-15", "10:30:00"))
    assert await story.pages() == [("sam", "raised")]


async def test_a_supervisor_who_is_absent_is_not_asked(story: Story) -> None:
    away = {"from": "2026-06-08T00:00:00+02:00", "until": "2026-06-13T00:00:00+02:00"}
    await story.put("absences/sam", {"absences": [away]})
    await story.put("sla-policies/all", policy())
    await story.receive(berlin("2026-06-10", "10:00:00"))
    await story.it_is(berlin("2026-06-10", "11:00:00"))
    assert await story.pages() == [("mia", "raised")]


async def test_an_answer_a_millisecond_after_it_climbed_is_taken(story: Story) -> None:
    await story.put("sla-policies/all", policy())
    await story.receive(berlin("2026-06-10", "10:00:00"))
    await story.it_is(berlin("2026-06-10", "11:05:01"))
    assert await story.pages() == [("sam", "raised"), ("mia", "climbed")]
    (climbed,) = await story.facts("escalation_climbed")
    pressed_at = datetime.fromisoformat(climbed["occurred_at"]) + timedelta(milliseconds=1)
    await story.desk.handle_events(
        msgspec.convert(
            {
                "contact_id": story.contact_id,
                "occurred_at": pressed_at,
                "notification_id": NotificationId(new_id()),
                "page_id": PageId(new_id()),
                "person_id": "sam",
                "escalation_id": EscalationId(await story.escalation_id()),
                "action": "acknowledge",
                "medium": "slack",
            },
            NotificationActedOn,
        )
    )
    (acknowledged,) = await story.facts("escalation_acknowledged")
    assert acknowledged["by"] == "sam"
    (listed,) = (await story.api.get("/v1/escalations", headers=KEYS("sam"))).json()["items"]
    assert (listed["state"], listed["holder"], listed["level"]) == ("acknowledged", "sam", 1)
