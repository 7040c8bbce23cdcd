"""The people, settings and events that the tests of escalation share."""

from datetime import UTC, datetime, timedelta

from common.contracts.assignments import ContactAssigned, ContactReferred
from common.contracts.contacts import ContactReceived, ContactResolved, Customer
from common.contracts.event import ContactId, CustomerId, PersonId, TeamId
from escalation.domain.duty.schedules import DutySchedule, Rotation
from escalation.domain.settings.ladders import Ladder, Level, NamedPerson, PersonOnDuty
from escalation.domain.settings.people import Person
from escalation.domain.settings.policies import SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Configuration, Versioned

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CONTACT = ContactId("018f0000-0000-7000-8000-000000000001")
RITA, SAM, MIA, DAN, KIM = (PersonId(name) for name in ("rita", "sam", "mia", "dan", "kim"))

DUTY = DutySchedule((Rotation("UTC", START - timedelta(days=1), 365 * 86400, (SAM,)),))
LADDER = Ladder(
    levels=(
        Level("supervisors", 5, (PersonOnDuty("duty", "supervisors"),)),
        Level("managers", 7, (NamedPerson("person", MIA),)),
    ),
    lease_s=20,
    working_lease_s=60,
)
POLICY = SlaPolicy(
    targets=(
        Target("assignment", 4, (ThresholdRule("warn_representative", 50),)),
        Target("first_response", 10, (ThresholdRule("warn_representative", 70),)),
        Target("resolution", 100),
    ),
    ladder_id="default",
    severity="medium",
)
SETTINGS = Configuration(
    policies={"gold": Versioned("gold", 3, POLICY)},
    ladders={"default": Versioned("default", 1, LADDER)},
    schedules={"supervisors": Versioned("supervisors", 1, DUTY)},
    people={name: Versioned(name, 1, Person()) for name in (RITA, SAM, MIA, DAN, KIM)},
)


def second(seconds: float) -> datetime:
    """Return the time so many seconds after START."""
    return START + timedelta(seconds=seconds)


def contact_received(at: datetime) -> ContactReceived:
    return ContactReceived(
        contact_id=CONTACT,
        occurred_at=at,
        channel="ticket",
        customer=Customer(customer_id=CustomerId("c"), name="Ada Lovelace"),
        subject="Charged twice",
        topic_of_contact="billing",
        language="en",
        priority="high",
    )


def contact_assigned(at: datetime) -> ContactAssigned:
    return ContactAssigned(
        contact_id=CONTACT,
        occurred_at=at,
        representative_id=RITA,
        team_id=TeamId("t"),
        reason="only one free",
    )


def contact_referred(at: datetime) -> ContactReferred:
    return ContactReferred(
        contact_id=CONTACT, occurred_at=at, representative_id=RITA, reason="too angry for me"
    )


def contact_resolved(at: datetime) -> ContactResolved:
    return ContactResolved(contact_id=CONTACT, occurred_at=at, by=RITA)
