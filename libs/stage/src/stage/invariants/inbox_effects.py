"""Part of invariant 5: every event in an inbox has had its effect.

Covers events of escalation that always leave a trace and that no other invariant would miss.
"""

from collections.abc import Iterator, Sequence

from common.contracts.assignments import ContactAssigned
from common.contracts.contacts import (
    ContactReceived,
    ContactReopened,
    ContactResolved,
    RepresentativeReplied,
    SupervisorRequested,
)
from common.contracts.event import Event
from stage.invariants.findings import Findings
from stage.invariants.snapshot import Record, ServiceTables, Snapshot, TrackedContact

# The event that ends a clock, whenever it arrives.
_CLOCK_STOPPED_BY: dict[type[Event] | type[None], str] = {
    ContactAssigned: "assignment",
    RepresentativeReplied: "first_response",
}


def check(snapshot: Snapshot, findings: Findings) -> None:
    tables = snapshot.tables.get("escalation", ServiceTables())
    dead_lettered = {letter.event_id for letter in tables.dead_letters}
    handled = {row.event_id for row in tables.inbox} - dead_lettered
    causes = {row.cause for row in tables.journal}
    tracked_contacts = {row.contact_id: row for row in snapshot.tracked_contacts}
    for (topic, contact_id), records in snapshot.streams.items():
        if topic == "contacts":
            for request in _requests_while_open(records):
                effective = request.event_id in causes or request.event_id not in handled
                _require(effective, request, contact_id, findings)
        for record in records:
            if record.event is None or record.event_id not in handled:
                continue
            clock = _stopped_clock(record.event)
            if clock is not None:
                effective = not _ran_at(record.event, clock, tracked_contacts.get(contact_id))
                _require(effective, record, contact_id, findings)


def _requests_while_open(records: Sequence[Record]) -> Iterator[Record]:
    """Yield the requests for a supervisor that arrived while the contact was open."""
    is_open = False
    for record in records:
        match record.event:
            case ContactReceived() | ContactReopened():
                is_open = True
            case ContactResolved():
                is_open = False
            case SupervisorRequested() if is_open:
                yield record


def _stopped_clock(event: Event) -> str | None:
    is_no_reply = isinstance(event, RepresentativeReplied) and event.automatic
    return None if is_no_reply else _CLOCK_STOPPED_BY.get(type(event))


def _ran_at(event: Event, name: str, contact: TrackedContact | None) -> bool:
    """Tell whether the clock runs since before the event; a reopening starts it again."""
    clocks = contact.clocks if contact else ()
    return any(
        clock.name == name and clock.ended_at is None and clock.started_at <= event.occurred_at
        for clock in clocks
    )


def _require(effective: bool, record: Record, contact_id: str, findings: Findings) -> None:  # noqa: FBT001 - as Ledger.require
    message = "in the inbox, and without effect"
    findings.require(effective, message, record.type, contact_id, record.event_id)
