"""The simulated centre of `make run`: its people do all that people do, and outlive a service."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import islice

import pytest

import devstack
from common.contracts.assignments import ContactReferred, OfferDeclined, OfferExpired
from common.contracts.clocks import ClockBreached
from common.contracts.contacts import (
    ContactReceived,
    ContactResolved,
    FeedbackReceived,
    RepresentativeReplied,
    SupervisorRequested,
    WaitingOnCustomerEnded,
)
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationHandedBack,
    EscalationTakenOver,
)
from common.contracts.event import ContactId, Event
from common.contracts.people import PresenceChanged
from common.http.examples import MANAGER, REPRESENTATIVE, SUPERVISOR
from stage.actors import Actors, running_system
from stage.centre import CENTRE_ROLES, Pace, simulated_centre
from stage.event_log import EventLog, open_event_log
from stage.sample_settings import ROLES
from stage.system import Replica, System

# It is started once.
pytestmark = pytest.mark.xdist_group("simulated centre")
# An hour of a centre passes in three minutes.
PACE = Pace(contacts_per_minute=8, seed=3, speed=20)
VIEWERS = {REPRESENTATIVE, SUPERVISOR, MANAGER}


@dataclass
class Centre:
    system: System
    actors: Actors
    event_log: EventLog
    reports: list[str] = field(default_factory=list)

    async def until_there_is(self, kind: type[Event], number: int = 1) -> None:
        def last() -> Event | None:
            return next(islice(self.all_of(kind), number - 1, None), None)

        await self.event_log.wait_until(last, f"{kind.__name__} number {number}")

    def all_of(self, kind: type[Event]) -> list[Event]:
        return [entry.event for entry in self.event_log.entries if isinstance(entry.event, kind)]


@pytest.fixture(scope="module")
async def centre(
    stack: devstack.Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Centre]:
    logs = tmp_path_factory.mktemp("logs")
    roles = {**ROLES, **CENTRE_ROLES}
    async with (
        running_system(stack, logs, roles=roles) as (system, actors),
        open_event_log(system) as event_log,
    ):
        centre = Centre(system, actors, event_log)
        async with simulated_centre(actors, PACE, centre.reports.append):
            yield centre
        assert centre.reports == []
        for service in system.ports:
            page = await actors.call("ops", service, "GET", "/dead-letters")
            assert page["items"] == [], f"{service} has dead letters"


@pytest.mark.parametrize(
    "kind",
    [
        OfferDeclined,
        OfferExpired,
        RepresentativeReplied,
        WaitingOnCustomerEnded,
        ContactReferred,
        ContactResolved,
        FeedbackReceived,
        SupervisorRequested,
        PresenceChanged,
        ClockBreached,
        EscalationAcknowledged,
        EscalationClimbed,
        EscalationTakenOver,
        EscalationHandedBack,
    ],
    ids=lambda kind: kind.__name__,
)
async def test_people_do_what_people_do(centre: Centre, kind: type[Event]) -> None:
    await centre.until_there_is(kind)


async def test_viewer_is_paged_and_nobody_acts_for_viewers(centre: Centre) -> None:
    await centre.until_there_is(EscalationTakenOver, 2)
    pages = [entry.event for entry in centre.event_log.entries]
    assert SUPERVISOR in {getattr(page, "person_id", None) for page in pages}
    acts = [*centre.all_of(EscalationAcknowledged), *centre.all_of(EscalationTakenOver)]
    replies = centre.all_of(RepresentativeReplied)
    people = {getattr(act, "by", None) or getattr(act, "person_id", None) for act in acts + replies}
    assert not people & VIEWERS


async def test_contact_of_somebody_else_is_left_alone(centre: Centre) -> None:
    contact = {
        "channel": "chat",
        "customer": {"customer_id": "c-viewer"},
        "subject": "Mine",
        "topic": "payment",
    }
    made = await centre.actors.call("shop", "intake", "POST", "/contacts", contact)
    contact_id = ContactId(made["contact_id"])
    await centre.event_log.wait_for(ClockBreached, contact_id)
    assert not centre.event_log.find_all(RepresentativeReplied, contact_id)


async def test_there_is_duty_with_a_gap_and_a_swap_to_answer(centre: Centre) -> None:
    call, base = centre.actors.call, "/duty-schedules"
    who = await call("sara", "escalation", "GET", "/ladders/floor/who")
    people = [[person["person_id"] for person in level["people"]] for level in who["levels"]]
    assert people == [["sara", "nadia"], ["marco", "mona"], ["dora"]]
    gaps = await call("sara", "escalation", "GET", f"{base}/floor-managers/gaps")
    assert gaps["items"]
    (request,) = (await call("sara", "escalation", "GET", f"{base}/floor/change-requests"))["items"]
    assert (request["asked_by"], request["person_id"]) == ("nadia", "sara")


@pytest.mark.parametrize("service", ["intake", "router", "escalation"])
async def test_service_that_restarts_is_waited_for(centre: Centre, service: str) -> None:
    centre.system.processes[service].kill()
    process = centre.system.launch_replica(Replica(service))
    await process.wait_ready()
    for kind in (ContactReceived, ContactResolved, EscalationAcknowledged):
        await centre.until_there_is(kind, len(centre.all_of(kind)) + 3)
