"""Assignments, representatives and events for the unit tests of router."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from common.contracts.contacts import (
    ContactAbandoned,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    Customer,
)
from common.contracts.escalations import (
    EscalationClosed,
    EscalationHandedBack,
    EscalationTakenOver,
)
from common.contracts.event import ContactId, CustomerId, EscalationId, PersonId, TeamId
from router.domain.assignments import Assignment, Decision, State
from router.domain.staffing.people import Person
from router.domain.staffing.representatives import Representative

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
C1 = ContactId("c1")
RITA = PersonId("rita")
MIA = PersonId("mia")
PERSON = Person(
    "Rita",
    person_id=RITA,
    version=1,
    roles=("representative",),
    team_id=TeamId("front"),
    skills=("billing",),
    languages=("en",),
)


def representative(person_id: str, *, idle_s: int = 0, **changes: Any) -> Representative:
    person = Representative(
        representative_id=PersonId(person_id),
        name=person_id,
        team_id=TeamId("front"),
        skills=("billing",),
        languages=("en",),
        usual_capacity=changes.get("capacity", 2),
        capacity=2,
        auto_accept=True,
        offer_s=20,
        active=True,
        presence="available",
        presence_reason=None,
        presence_since=NOW - timedelta(seconds=idle_s),
        load=0,
        load_limit=changes.get("capacity", 2),
        idle_since=NOW - timedelta(seconds=idle_s),
    )
    return replace(person, **changes)


HOLDER = representative("rita", name="Rita", load=1)


def assignment(state: State, **changes: Any) -> Assignment:
    has_holder = state in ("offered", "assigned")
    example = Assignment(
        C1,
        state=state,
        since=NOW - timedelta(seconds=5),
        skill="billing",
        language="en",
        priority_rank=1,
        waiting_since=NOW - timedelta(minutes=1),
        representative_id=RITA if has_holder else None,
        reason="Rita: billing, en; the only one free" if has_holder else "",
        offer=1,
    )
    return replace(example, **changes)


def only(decision: Decision) -> Assignment:
    (state,) = decision.assignments
    return state


def freed(decision: Decision) -> Representative:
    (person,) = decision.representatives
    return person


RECEIVED = ContactReceived(
    contact_id=C1,
    occurred_at=NOW - timedelta(seconds=1),
    channel="chat",
    customer=Customer(customer_id=CustomerId("u1")),
    subject="Charged twice",
    topic_of_contact="billing",
    language="en",
    priority="high",
)
TAKEN_OVER = EscalationTakenOver(
    contact_id=C1, occurred_at=NOW, escalation_id=EscalationId("e1"), by=MIA
)
HANDED_BACK = EscalationHandedBack(
    contact_id=C1,
    occurred_at=NOW,
    escalation_id=EscalationId("e1"),
    by=MIA,
    guidance="Refund it.",
)
CLOSED = EscalationClosed(
    contact_id=C1, occurred_at=NOW, escalation_id=EscalationId("e1"), reason="resolved below"
)
RESOLVED = ContactResolved(contact_id=C1, occurred_at=NOW)
ABANDONED = ContactAbandoned(contact_id=C1, occurred_at=NOW)
REOPENED = ContactReopened(contact_id=C1, occurred_at=NOW, reason="It came back.")
