"""Assignments, events and a representative for the router's unit tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from common.contracts.contacts import ContactReceived, ContactReopened, ContactResolved, Customer
from common.contracts.escalations import (
    EscalationClosed,
    EscalationHandedBack,
    EscalationTakenOver,
)
from common.contracts.event import ContactId, CustomerId, EscalationId, PersonId, TeamId
from router.domain import assignments
from router.domain.assignments import Assignment, Decision
from router.domain.representatives import (
    Profile,
    appear,
    describe,
    seat,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
C1 = ContactId("c1")
RITA = PersonId("rita")
MIA = PersonId("mia")
PROFILE = Profile(
    name="Rita",
    team_id=TeamId("front"),
    skills=("billing",),
    languages=("en",),
    capacity=2,
)

HOLDER = seat(appear(describe(None, RITA, PROFILE, at=NOW), "available", at=NOW), at=NOW)


def assignment(state: assignments.State, **changes: Any) -> Assignment:
    held = state in ("offered", "assigned")
    known = Assignment(
        C1,
        state=state,
        since=NOW - timedelta(seconds=5),
        skill="billing",
        language="en",
        urgency=1,
        waiting_since=NOW - timedelta(minutes=1),
        representative_id=RITA if held else None,
        because="Rita: billing, en; the only one free" if held else "",
        offer=1,
    )
    return replace(known, **changes)


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

ENDED = EscalationClosed(
    contact_id=C1, occurred_at=NOW, escalation_id=EscalationId("e1"), because="resolved below"
)

RESOLVED = ContactResolved(contact_id=C1, occurred_at=NOW)
REOPENED = ContactReopened(contact_id=C1, occurred_at=NOW, reason="It came back.")


def only(decision: Decision) -> Assignment:
    (state,) = decision.assignments
    return state
