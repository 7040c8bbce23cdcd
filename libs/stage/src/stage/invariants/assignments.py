"""Invariant 3: one live assignment a contact, never above capacity, and always one that fits."""

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
from stage.invariants.findings import Findings
from stage.invariants.snapshot import Record, Representative, Snapshot

AssignmentGrant = ContactAssigned | ContactOffered


@dataclass(frozen=True, slots=True)
class LoadChange:
    """A representative's load changes by `by`.

    The router matches one transaction at a time, and its event ids are UUIDs version 7 made inside
    them: these alone tell the order across contacts. Within one of their milliseconds a place
    counts as free first, so that no order is made up.
    """

    event_id: str
    representative_id: str
    by: int

    @property
    def sort_key(self) -> tuple[int, int, str]:
        return (UUID(self.event_id).int >> 80, self.by, self.event_id)


def check(facts: Snapshot, ledger: Findings) -> None:
    people = {one.representative_id: one for one in facts.representatives}
    held_by: dict[str, str | None] = {}
    moves: list[LoadChange] = []
    for (topic, contact_id), records in facts.streams.items():
        if topic == "assignments":
            held_by[contact_id] = _replay(contact_id, records, moves, ledger)
    _check_capacity(moves, people, ledger)
    _check_fit(facts, people, ledger)
    _check_tables(facts, held_by, ledger)


def _replay(
    contact_id: str, records: Iterable[Record], moves: list[LoadChange], ledger: Findings
) -> str | None:
    """Replay one contact's assignments; return who is left with it or is offered it."""
    holder: str | None = None
    offered = False
    for record in records:
        match record.event:
            case ContactAssigned(representative_id=taker) if offered and taker == holder:
                offered = False
            case ContactAssigned(representative_id=taker) | ContactOffered(representative_id=taker):
                ledger.require(holder is None, "two live assignments", contact_id, holder, taker)
                offered = isinstance(record.event, ContactOffered)
                holder = taker
                moves.append(LoadChange(record.event_id, taker, 1))
            case ContactQueued():
                ledger.require(holder is None, "queued while assigned", contact_id, holder)
            case OfferDeclined() | OfferExpired() | AssignmentReleased() | AssignmentCompleted():
                leaver = record.event.representative_id
                ledger.require(holder == leaver, "left one without it", contact_id, holder, leaver)
                if holder is not None:
                    moves.append(LoadChange(record.event_id, holder, -1))
                holder, offered = None, False
    return holder


def _check_capacity(
    moves: Iterable[LoadChange], people: Mapping[str, Representative], ledger: Findings
) -> None:
    load: Counter[str] = Counter()
    for move in sorted(moves, key=lambda one: one.sort_key):
        load[move.representative_id] += move.by
        person = people.get(move.representative_id)
        limit = max(person.capacity, person.load_limit) if person else 0
        full = load[move.representative_id] > limit
        ledger.require(not full, "above capacity", move.representative_id, move.event_id)


def _check_fit(facts: Snapshot, people: Mapping[str, Representative], ledger: Findings) -> None:
    needs: dict[str, ContactReceived] = {
        event.contact_id: event
        for told in facts.events("contacts").values()
        for event in told
        if isinstance(event, ContactReceived)
    }
    for contact_id, told in facts.events("assignments").items():
        need = needs.get(contact_id)
        for event in told:
            if need and isinstance(event, AssignmentGrant):
                person = people.get(event.representative_id)
                fits = person is not None and _fits(need, person)
                ledger.require(fits, "does not fit", contact_id, event.representative_id)


def _fits(need: ContactReceived, person: Representative) -> bool:
    return need.topic_of_contact in person.skills and need.language in person.languages


def _check_tables(facts: Snapshot, held_by: Mapping[str, str | None], ledger: Findings) -> None:
    load: Counter[str] = Counter()
    for one in facts.assignments:
        replayed = held_by.get(one.contact_id)
        ledger.require(
            one.representative_id == replayed,
            "the topic and the table differ on who has it",
            one.contact_id,
            replayed,
            one.representative_id,
        )
        if one.representative_id is not None:
            load[one.representative_id] += 1
    for person in facts.representatives:
        counted = load[person.representative_id]
        ledger.require(
            person.load == counted,
            "a load that is not what is assigned",
            person.representative_id,
            person.load,
            counted,
        )
