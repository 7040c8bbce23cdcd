"""Invariant 3: one live assignment per contact, never above capacity, always a fitting one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from common.contracts.assignments import (
    AssignmentCompleted,
    AssignmentReleased,
    ContactAssigned,
    ContactOffered,
    ContactQueued,
    OfferDeclined,
    OfferExpired,
)
from common.contracts.contacts import ContactReceived
from common.core.languages import language_distance
from stage.invariants.findings import Findings
from stage.invariants.snapshot import Record, Representative, Snapshot

AssignmentGrant = ContactAssigned | ContactOffered


@dataclass(frozen=True, slots=True)
class LoadChange:
    """A representative's load changes by `by`.

    The router matches in one transaction at a time and creates its event ids, UUIDs version 7,
    inside it: only they give the order across contacts. Within one millisecond the decreases come
    first, because the true order is unknown.
    """

    event_id: str
    representative_id: str
    by: int

    @property
    def sort_key(self) -> tuple[int, int, str]:
        return (UUID(self.event_id).int >> 80, self.by, self.event_id)


def check(snapshot: Snapshot, findings: Findings) -> None:
    people = {person.representative_id: person for person in snapshot.representatives}
    replayed_holders: dict[str, str | None] = {}
    changes: list[LoadChange] = []
    for (topic, contact_id), records in snapshot.streams.items():
        if topic == "assignments":
            replayed_holders[contact_id] = _replay(contact_id, records, changes, findings)
    _check_capacity(changes, people, findings)
    _check_fit(snapshot, people, findings)
    _check_tables(snapshot, replayed_holders, findings)


def _replay(
    contact_id: str, records: Iterable[Record], changes: list[LoadChange], findings: Findings
) -> str | None:
    """Replay one contact's assignments; return who has the last assignment or offer."""
    holder: str | None = None
    offered = False
    for record in records:
        match record.event:
            case ContactAssigned(representative_id=person_id) if offered and person_id == holder:
                offered = False
            case (
                ContactAssigned(representative_id=person_id)
                | ContactOffered(representative_id=person_id)
            ):
                findings.require(
                    holder is None, "two live assignments", contact_id, holder, person_id
                )
                offered = isinstance(record.event, ContactOffered)
                holder = person_id
                changes.append(LoadChange(record.event_id, person_id, 1))
            case ContactQueued():
                findings.require(holder is None, "queued while assigned", contact_id, holder)
            case OfferDeclined() | OfferExpired() | AssignmentReleased() | AssignmentCompleted():
                former = record.event.representative_id
                findings.require(
                    holder == former,
                    "ended for a representative who did not have it",
                    contact_id,
                    holder,
                    former,
                )
                if holder is not None:
                    changes.append(LoadChange(record.event_id, holder, -1))
                holder, offered = None, False
            case _:
                pass
    return holder


def _check_capacity(
    changes: Iterable[LoadChange], people: Mapping[str, Representative], findings: Findings
) -> None:
    load: Counter[str] = Counter()
    for change in sorted(changes, key=lambda change: change.sort_key):
        load[change.representative_id] += change.by
        person = people.get(change.representative_id)
        limit = max(person.capacity, person.load_limit) if person else 0
        full = load[change.representative_id] > limit
        findings.require(not full, "above capacity", change.representative_id, change.event_id)


def _check_fit(
    snapshot: Snapshot, people: Mapping[str, Representative], findings: Findings
) -> None:
    received: dict[str, ContactReceived] = {
        event.contact_id: event
        for events in snapshot.events("contacts").values()
        for event in events
        if isinstance(event, ContactReceived)
    }
    for contact_id, events in snapshot.events("assignments").items():
        contact = received.get(contact_id)
        for event in events:
            if contact and isinstance(event, AssignmentGrant):
                person = people.get(event.representative_id)
                fits = person is not None and _fits(contact, person)
                findings.require(fits, "does not fit", contact_id, event.representative_id)


def _fits(contact: ContactReceived, person: Representative) -> bool:
    spoken = (language_distance(contact.language, language) for language in person.languages)
    return contact.topic_of_contact in person.skills and any(
        distance is not None for distance in spoken
    )


def _check_tables(
    snapshot: Snapshot, replayed_holders: Mapping[str, str | None], findings: Findings
) -> None:
    load: Counter[str] = Counter()
    for assignment in snapshot.assignments:
        replayed = replayed_holders.get(assignment.contact_id)
        findings.require(
            assignment.representative_id == replayed,
            "the topic and the table differ on the representative",
            assignment.contact_id,
            replayed,
            assignment.representative_id,
        )
        if assignment.representative_id is not None:
            load[assignment.representative_id] += 1
    for person in snapshot.representatives:
        counted = load[person.representative_id]
        findings.require(
            person.load == counted,
            "the load differs from the assignments",
            person.representative_id,
            person.load,
            counted,
        )
