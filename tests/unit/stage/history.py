"""A small history in which everything is right, to be broken in one place at a time.

Ada's contact is assigned to Rita, who is late: it is warned of, breached and raised to Sara, and
Slack has told her. Then Rita's only place goes to Bo's contact, which is resolved in time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import orjson

from common.contracts.assignments import (
    AssignmentCompleted,
    AssignmentReleased,
    ContactAssigned,
    ContactOffered,
)
from common.contracts.clocks import (
    ClockBreached,
    ClockDeadline,
    ClockMet,
    ClocksStarted,
    ClockThreshold,
    ClockWarned,
)
from common.contracts.contacts import ContactReceived, ContactResolved, Customer
from common.contracts.escalations import EscalationClosed, EscalationRaised, PageRequested
from common.contracts.event import (
    ContactId,
    CustomerId,
    EscalationId,
    Event,
    NotificationId,
    PageId,
    PersonId,
    TeamId,
)
from common.contracts.notifications import NotificationSent
from stage.invariants import Facts
from stage.invariants import facts as rows
from stage.invariants.facts import OWNERS, Books, Clock, Threshold
from stage.invariants.reading import subscribed

T = TypeVar("T")

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA, BO = ContactId("ada"), ContactId("bo")
RITA, SARA = PersonId("rita"), PersonId("sara")
RAISED, PAGE, TOLD = EscalationId("escalation"), PageId("page"), NotificationId("notification")
SUBSCRIBED = {service: subscribed(service) for service in OWNERS.values()}


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def event_id(number: int) -> str:
    """A UUID version 7 whose millisecond is the number."""
    return f"00000000-{number:04x}-7000-8000-000000000000"


def received(contact: ContactId) -> ContactReceived:
    return ContactReceived(
        contact_id=contact,
        occurred_at=NOON,
        channel="chat",
        customer=Customer(customer_id=CustomerId(contact)),
        subject="Charged twice",
        topic_of_contact="billing",
        language="en",
        priority="normal",
    )


def assigned(contact: ContactId, to: PersonId = RITA) -> ContactAssigned:
    return ContactAssigned(
        contact_id=contact,
        occurred_at=NOON,
        representative_id=to,
        team_id=TeamId("care"),
        reason="the only one free",
    )


def offered(contact: ContactId, to: PersonId = RITA) -> ContactOffered:
    return ContactOffered(
        contact_id=contact, occurred_at=NOON, representative_id=to, expires_at=at(20)
    )


def released(contact: ContactId) -> AssignmentReleased:
    return AssignmentReleased(
        contact_id=contact, occurred_at=at(12), representative_id=RITA, reason="taken over"
    )


def completed(contact: ContactId) -> AssignmentCompleted:
    return AssignmentCompleted(contact_id=contact, occurred_at=at(15), representative_id=RITA)


def started(contact: ContactId) -> ClocksStarted:
    clock = ClockDeadline(
        clock="first_response",
        due_at=at(10),
        run=1,
        started_at=NOON,
        target_s=600,
        thresholds=(ClockThreshold(percent=100, due_at=at(10), action="raise"),),
    )
    return ClocksStarted(
        contact_id=contact,
        occurred_at=NOON,
        policy_id="p",
        policy_version=1,
        clocks=(clock,),
        reason="contact received",
    )


def warned(contact: ContactId) -> ClockWarned:
    return ClockWarned(
        contact_id=contact,
        occurred_at=at(5),
        clock="first_response",
        threshold_percent=50,
        due_at=at(10),
        lateness_ms=0.0,
        threshold_due_at=at(5),
        action="warn_representative",
        policy_id="p",
        policy_version=1,
    )


def breached(contact: ContactId, **changes: Any) -> ClockBreached:
    terms: dict[str, Any] = {
        "occurred_at": at(10.001),
        "due_at": at(10),
        "lateness_ms": 1.0,
        "policy_id": "p",
        "policy_version": 1,
        "run": 1,
    }
    return ClockBreached(contact_id=contact, clock="first_response", **{**terms, **changes})


def met(contact: ContactId) -> ClockMet:
    return ClockMet(
        contact_id=contact,
        occurred_at=at(4),
        clock="first_response",
        due_at=at(10),
        met_at=at(4),
        run=1,
    )


def raised(contact: ContactId, escalation: EscalationId = RAISED) -> EscalationRaised:
    return EscalationRaised(
        contact_id=contact,
        occurred_at=at(10.001),
        escalation_id=escalation,
        cause="breach",
        reason="No reply within 10 s",
        severity="medium",
        ladder_id="default",
        ladder_version=1,
        level=0,
        level_name="supervisor",
    )


def closed(contact: ContactId) -> EscalationClosed:
    return EscalationClosed(
        contact_id=contact, occurred_at=at(11), escalation_id=RAISED, reason="resolved"
    )


def page(contact: ContactId) -> PageRequested:
    return PageRequested(
        contact_id=contact,
        occurred_at=at(10.001),
        page_id=PAGE,
        person_id=SARA,
        reason="raised",
        escalation_id=RAISED,
    )


def told(contact: ContactId) -> NotificationSent:
    return NotificationSent(
        contact_id=contact,
        occurred_at=at(10.1),
        notification_id=TOLD,
        page_id=PAGE,
        person_id=SARA,
        medium="slack",
        attempt=1,
    )


@dataclass
class Topics:
    """Records and what services keep of them, as if all went well with each event."""

    records: list[rows.Record] = field(default_factory=list)
    journals: dict[str, list[rows.JournalRow]] = field(default_factory=dict)

    def say(self, event: Event, cause: str | None = None) -> None:
        journal = self.journals.setdefault(OWNERS[event.topic], [])
        number = len(self.records)
        sequence = 1 + sum(row.contact_id == event.contact_id for row in journal)
        data = event.model_dump(mode="json")
        self.records.append(
            rows.Record(
                topic=event.topic,
                partition=0,
                offset=sum(record.topic == event.topic for record in self.records),
                place=f"{event.topic}/{number}",
                type=event.type,
                event_id=event_id(number),
                sequence=sequence,
                event=event,
                value=orjson.dumps(data),
            )
        )
        journal.append(
            rows.JournalRow(
                event.contact_id,
                sequence,
                event_id(number),
                event.type,
                event.occurred_at,
                cause,
                data,
            )
        )

    def books(self, service: str) -> Books:
        journal = self.journals[service]
        wanted = SUBSCRIBED[service]
        last = {row.contact_id: row.sequence for row in journal}
        return Books(
            subscribed=wanted,
            journal=journal,
            inbox=[
                rows.InboxRow(service, record.event_id)
                for record in self.records
                if record.type in wanted
            ],
            streams=[rows.StreamRow(contact, sequence) for contact, sequence in last.items()],
        )


def good() -> Facts:
    topics = Topics()
    for event in (
        received(ADA),
        assigned(ADA),
        started(ADA),
        warned(ADA),
        breached(ADA),
        raised(ADA),
        page(ADA),
        told(ADA),
        released(ADA),
        received(BO),
        assigned(BO),
        started(BO),
        met(BO),
        ContactResolved(contact_id=BO, occurred_at=at(15)),
        completed(BO),
    ):
        topics.say(event)
    books = {service: topics.books(service) for service in OWNERS.values()}
    books["escalation"] = replace(books["escalation"], timers=[acknowledgement_due()])
    late = Clock(
        "first_response", (Threshold(50, at(5), at(5)), Threshold(100, at(10), at(10.001)))
    )
    kept = Clock("first_response", (Threshold(100, at(10)),), met_at=at(4))
    return Facts(
        at=at(20),
        accepted=frozenset((ADA, BO)),
        records=topics.records,
        committed={
            (service, topic, 0): len(topics.records)
            for service in OWNERS.values()
            for topic in OWNERS
        },
        books=books,
        contacts=[rows.Contact(ADA, "open"), rows.Contact(BO, "resolved")],
        assignments=[
            rows.Assignment(ADA, "with_supervisor", None, 0),
            rows.Assignment(BO, "completed", None, 0),
        ],
        representatives=[rows.Representative(RITA, ("billing",), ("en",), 1, 0, 1)],
        watches=[
            rows.Watch(ADA, {}, None, (late,), RAISED),
            rows.Watch(BO, {}, at(15), (kept,), None),
        ],
        escalations=[rows.Escalation(RAISED, ADA, "raised", 0, 1, 0, at(60))],
        notifications=[
            rows.Notification(
                TOLD, f"{PAGE}/slack", "page", "sent", PAGE, RAISED, "slack", ambiguous=False
            )
        ],
        attempts=[rows.Attempt(TOLD, 1, "sent")],
        recipients=[rows.Recipient(SARA, (rows.Address("slack"),))],
        received={TOLD: 1},
    )


def acknowledgement_due() -> rows.TimerRow:
    data = {"escalation_id": RAISED, "level": 0, "round": 1}
    return rows.TimerRow(1, at(60), ADA, "escalation", "AcknowledgementDue", data)


Change = Callable[[Facts], Facts]


def telling(*events: Event) -> Change:
    """Publish these as well, as if their services had meant to."""

    def change(facts: Facts) -> Facts:
        topics = Topics(
            list(facts.records), {name: list(book.journal) for name, book in facts.books.items()}
        )
        for event in events:
            topics.say(event)
        return replace(
            facts,
            records=topics.records,
            books={
                name: replace(topics.books(name), timers=book.timers)
                for name, book in facts.books.items()
            },
        )

    return change


def with_(**changes: Any) -> Change:
    return lambda facts: replace(facts, **changes)


def each(name: str, **changes: Any) -> Change:
    """Change every row of a table."""
    return lambda facts: with_(**{name: [replace(row, **changes) for row in getattr(facts, name)]})(
        facts
    )


def book(service: str, **changes: Any) -> Change:
    return lambda facts: replace(
        facts, books={**facts.books, service: replace(facts.books[service], **changes)}
    )


def without(name: str, number: int) -> Change:
    """Lose one row of a table, or one record."""
    return lambda facts: with_(**{name: _without(getattr(facts, name), number)})(facts)


def without_in(service: str, name: str, number: int) -> Change:
    """Lose one row of a service's own tables."""

    def change(facts: Facts) -> Facts:
        found = getattr(facts.books[service], name)
        return book(service, **{name: _without(found, number)})(facts)

    return change


def _without(found: Sequence[T], number: int) -> list[T]:
    return [row for n, row in enumerate(found) if n != number % len(found)]
