"""A small sound history; each test breaks it in one place.

Ada's contact is assigned to Rita, who is late: its clock warns and breaches, an escalation is
raised, and Slack pages Sara. Then Rita, who has capacity for one contact, gets Bo's, which is
resolved in time.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
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
    ClockWarned,
)
from common.contracts.contacts import ContactReceived, ContactResolved, Customer
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationClosed,
    EscalationRaised,
    EscalationTakenOver,
    EscalationUnanswered,
    PageRequested,
)
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
from common.contracts.services import EVENT_SERVICES, TOPIC_OWNERS
from stage.invariants import Snapshot
from stage.invariants import snapshot as rows
from stage.invariants.reader import projected_types, subscribed_types
from stage.invariants.snapshot import Clock, ServiceTables, Threshold

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA, BO = ContactId("ada"), ContactId("bo")
RITA, SARA, MARCO = PersonId("rita"), PersonId("sara"), PersonId("marco")
RAISED, PAGE, NOTIFICATION = (
    EscalationId("escalation"),
    PageId("page"),
    NotificationId("notification"),
)
SUBSCRIBED = {service: subscribed_types(service) for service in EVENT_SERVICES}


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
        contact_id=contact,
        occurred_at=at(12),
        representative_id=RITA,
        kind="taken_over",
        reason="taken over",
    )


def completed(contact: ContactId) -> AssignmentCompleted:
    return AssignmentCompleted(contact_id=contact, occurred_at=at(15), representative_id=RITA)


def started(contact: ContactId) -> ClocksStarted:
    clock = ClockDeadline(
        clock="first_response", due_at=at(10), run=1, started_at=NOON, target_s=600, thresholds=()
    )
    return ClocksStarted(
        contact_id=contact,
        occurred_at=NOON,
        policy_id="p",
        policy_version=1,
        clocks=(clock,),
        reason="received",
    )


def warned(contact: ContactId) -> ClockWarned:
    return ClockWarned(
        contact_id=contact,
        occurred_at=at(5),
        clock="first_response",
        threshold_percent=50,
        threshold_due_at=at(5),
        action="warn_representative",
        due_at=at(10),
        lateness_ms=0.0,
        policy_id="p",
        policy_version=1,
    )


def breached(contact: ContactId, **changes: Any) -> ClockBreached:
    terms: dict[str, Any] = {
        "occurred_at": at(10.001),
        "due_at": at(10),
        "lateness_ms": 1.0,
        "run": 1,
        "policy_id": "p",
        "policy_version": 1,
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


def notification_sent(contact: ContactId) -> NotificationSent:
    return NotificationSent(
        contact_id=contact,
        occurred_at=at(10.1),
        notification_id=NOTIFICATION,
        page_id=PAGE,
        person_id=SARA,
        medium="slack",
        attempt=1,
    )


def acknowledged(by: PersonId, until: datetime) -> EscalationAcknowledged:
    return EscalationAcknowledged(
        contact_id=ADA,
        occurred_at=at(15),
        escalation_id=RAISED,
        by=by,
        lease_expires_at=until,
    )


def taken_over(by: PersonId) -> EscalationTakenOver:
    return EscalationTakenOver(contact_id=ADA, occurred_at=at(16), escalation_id=RAISED, by=by)


def climbed(lateness_ms: float | None) -> EscalationClimbed:
    return EscalationClimbed(
        contact_id=ADA,
        occurred_at=at(20),
        escalation_id=RAISED,
        from_level=0,
        to_level=1,
        level_name="managers",
        reason="no answer",
        lateness_ms=lateness_ms,
    )


UNANSWERED = EscalationUnanswered(
    contact_id=ADA, occurred_at=at(30), escalation_id=RAISED, level=0, lateness_ms=1.0
)


@dataclass
class Topics:
    """Records, and the tables of services that handled each of them correctly."""

    records: list[rows.Record] = field(default_factory=list)
    journals: dict[str, list[rows.JournalRow]] = field(default_factory=dict)

    def publish(self, event: Event, cause: str | None = None) -> None:
        journal = self.journals.setdefault(TOPIC_OWNERS[event.topic], [])
        number = len(self.records)
        sequence = 1 + sum((row.topic, row.key) == (event.topic, event.key) for row in journal)
        data = msgspec.to_builtins(event)
        self.records.append(
            rows.Record(
                topic=event.topic,
                partition=0,
                offset=sum(record.topic == event.topic for record in self.records),
                origin=f"{event.topic}/{number}",
                type=event.type,
                event_id=event_id(number),
                sequence=sequence,
                event=event,
                value=orjson.dumps(data),
            )
        )
        journal.append(
            rows.JournalRow(
                event.key,
                event.topic,
                sequence,
                event_id(number),
                event.type,
                event.occurred_at,
                cause,
                data,
            )
        )

    def _representatives(self) -> list[rows.ContactRepresentative]:
        kept: dict[tuple[str, str], rows.ContactRepresentative] = {}
        for record in self.records:
            match record.event:
                case ContactAssigned(contact_id=contact_id, representative_id=person_id):
                    kept[contact_id, person_id] = rows.ContactRepresentative(
                        contact_id, person_id, record.sequence, is_released=False
                    )
                case AssignmentReleased(contact_id=contact_id, representative_id=person_id):
                    if row := kept.get((contact_id, person_id)):
                        kept[contact_id, person_id] = replace(row, is_released=True)
                case _:
                    pass
        return list(kept.values())

    def tables(self, service: str) -> ServiceTables:
        journal = self.journals[service]
        subscribed = SUBSCRIBED[service]
        projected = projected_types(service)
        return ServiceTables(
            subscribed_types=subscribed,
            projected_types=projected,
            contact_representatives=self._representatives() if service == "intake" else (),
            journal=journal,
            inbox=[
                rows.InboxRow(record.event_id)
                for record in self.records
                if record.type in subscribed - projected
            ],
        )


def sound_history() -> Snapshot:
    topics = Topics()
    for event in (
        received(ADA),
        assigned(ADA),
        started(ADA),
        warned(ADA),
        breached(ADA),
        raised(ADA),
        page(ADA),
        notification_sent(ADA),
        released(ADA),
        received(BO),
        assigned(BO),
        started(BO),
        met(BO),
        ContactResolved(contact_id=BO, occurred_at=at(15)),
        completed(BO),
    ):
        topics.publish(event)
    tables = {service: topics.tables(service) for service in EVENT_SERVICES}
    tables["escalation"] = replace(tables["escalation"], timers=[acknowledgement_due()])
    breached_clock = Clock(
        "first_response",
        (
            Threshold(50, at(5), at(5), action="warn_representative"),
            Threshold(100, at(10), at(10.001)),
        ),
        at(0),
    )
    met_clock = Clock("first_response", (Threshold(100, at(10)),), at(0), met_at=at(4))
    return Snapshot(
        at=at(20),
        accepted_contacts=frozenset((ADA, BO)),
        records=topics.records,
        committed_offsets={
            (service, topic, 0): len(topics.records)
            for service in EVENT_SERVICES
            for topic in TOPIC_OWNERS
        },
        tables=tables,
        contacts=[rows.Contact(ADA, "open"), rows.Contact(BO, "resolved")],
        assignments=[
            rows.Assignment(ADA, "with_supervisor", None, 0),
            rows.Assignment(BO, "completed", None, 0),
        ],
        representatives=[rows.Representative(RITA, ("billing",), ("en",), 1, 0, 1)],
        tracked_contacts=[
            rows.TrackedContact(ADA, {}, None, (breached_clock,), RAISED),
            rows.TrackedContact(BO, {}, at(15), (met_clock,), None),
        ],
        escalations=[rows.Escalation(RAISED, ADA, "raised", 0, 1, 0, at(60))],
        notifications=[
            rows.Notification(
                NOTIFICATION,
                f"{PAGE}/slack",
                "page",
                "sent",
                PAGE,
                RAISED,
                "slack",
                ambiguous=False,
            )
        ],
        attempts=[rows.Attempt(NOTIFICATION, 1, "sent")],
        recipients=[rows.Recipient(SARA, (rows.Address("slack"),))],
        receipts={NOTIFICATION: 1},
    )


def acknowledgement_due() -> rows.TimerRow:
    data = {"escalation_id": RAISED, "level": 0, "round": 1}
    return rows.TimerRow(1, at(60), ADA, "escalation", "AcknowledgementDue", data)
