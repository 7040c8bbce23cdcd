"""Part of invariant 5: what was claimed in an inbox has had its effect.

Asked of what the other invariants would not miss: escalation's facts that always leave a trace.
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

# What ends which clock, whenever it comes.
_CLOCK_STOPPED_BY: dict[type[Event] | type[None], str] = {
    ContactAssigned: "assignment",
    RepresentativeReplied: "first_response",
}


def check(facts: Snapshot, ledger: Findings) -> None:
    books = facts.tables.get("escalation", ServiceTables())
    buried = {letter.event_id for letter in books.dead_letters}
    handled = {row.event_id for row in books.inbox} - buried
    causes = {row.cause for row in books.journal}
    watches = {one.contact_id: one for one in facts.tracked_contacts}
    for (topic, contact_id), records in facts.streams.items():
        if topic == "contacts":
            for request in _requests_while_open(records):
                heard = request.event_id in causes or request.event_id not in handled
                _require(heard, request, contact_id, ledger)
        for record in records:
            clock = _CLOCK_STOPPED_BY.get(type(record.event))
            if clock and record.event_id in handled:
                heard = not _is_running(clock, watches.get(contact_id))
                _require(heard, record, contact_id, ledger)


def _requests_while_open(records: Sequence[Record]) -> Iterator[Record]:
    """Yield the requests for someone higher that came while the contact was open."""
    is_open = False
    for record in records:
        match record.event:
            case ContactReceived() | ContactReopened():
                is_open = True
            case ContactResolved():
                is_open = False
            case SupervisorRequested() if is_open:
                yield record


def _is_running(name: str, watch: TrackedContact | None) -> bool:
    clocks = watch.clocks if watch else ()
    return any(clock.name == name and clock.ended_at is None for clock in clocks)


def _require(heard: bool, record: Record, contact_id: str, ledger: Findings) -> None:  # noqa: FBT001 - as Ledger.require
    told = "in the inbox, and without effect"
    ledger.require(heard, told, record.type, contact_id, record.event_id)
