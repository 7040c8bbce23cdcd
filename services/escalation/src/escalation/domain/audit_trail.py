"""The audit trail: entries of an escalation, chained by hashes so that every change is detected.

The escalation stores the head of the chain, so that a removed tail is detected too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any, Final

import msgspec
import orjson

from common.contracts.escalations import (
    ApprovalAsked,
    ApprovalRefused,
    EscalationAcknowledged,
    EscalationCausesMet,
    EscalationClimbed,
    EscalationClosed,
    EscalationHandedBack,
    EscalationHandedOver,
    EscalationRaised,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
    EscalationSnoozed,
    EscalationsOwnEvent,
    EscalationTakenOver,
    EscalationUnanswered,
)
from common.contracts.event import ContactId, EscalationId
from escalation.domain.model import Escalation, TrailHead

# The fields in which an event may have its reason, in the order of search.
_REASONS = ("reason", "guidance", "context", "text", "proposal", "note")
_TIMER = "timer:"
_BEGINNING = TrailHead()


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """`number` counts from 1. `actor` is a person, or the message or timer that did it.

    `data` is the event's JSON. `hash` covers all other fields, among them `previous`, the hash of
    the entry before.
    """

    escalation_id: EscalationId
    number: int
    contact_id: ContactId
    at: datetime
    actor: str
    action: str
    reason: str
    data: dict[str, Any]
    previous: str
    hash: str = ""

    def sealed(self) -> "TrailEntry":
        return replace(self, hash=self.digest())

    def digest(self) -> str:
        """Hash the content as PostgreSQL returns it: keys sorted by jsonb, times in UTC."""
        content = (
            self.escalation_id,
            self.number,
            self.contact_id,
            self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            self.actor,
            self.action,
            self.reason,
            self.data,
            self.previous,
        )
        return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class TrailChain:
    """Entries of one escalation in their order, and the head that the escalation stores.

    A part of a chain begins after the entry `after`, or does not reach the end.
    """

    escalation_id: EscalationId
    length: int
    head: str
    entries: tuple[TrailEntry, ...]
    after: TrailHead = _BEGINNING
    reaches_end: bool = True


@dataclass(frozen=True, slots=True)
class TrailChainHead:
    """The last entry of a chain at some time, as it is kept outside of the database."""

    escalation_id: EscalationId
    length: int
    head: str


@dataclass(frozen=True, slots=True)
class ChainBreak:
    escalation_id: EscalationId
    number: int
    detail: str


@dataclass(frozen=True, slots=True)
class Step:
    """An entry by which an escalation came to who has it now; `data` is the event's JSON."""

    type: str
    at: datetime
    actor: str
    data: dict[str, Any]


def append_entries(
    escalation: Escalation, events: Iterable[EscalationsOwnEvent], cause: str
) -> tuple[Escalation, list[TrailEntry]]:
    """Count a change of the escalation, and append an entry to its trail for each event."""
    entries: list[TrailEntry] = []
    head = escalation.trail
    for event in events:
        entry = TrailEntry(
            escalation_id=escalation.escalation_id,
            number=head.length + 1,
            contact_id=escalation.contact_id,
            at=event.occurred_at,
            actor=_actor(event, cause),
            action=_action(type(event)),
            reason=_reason(event),
            data=msgspec.to_builtins(event),
            previous=head.hash,
        ).sealed()
        head = TrailHead(entry.number, entry.hash)
        entries.append(entry)
    return replace(escalation, version=escalation.version + 1, trail=head), entries


def find_breaks(chain: TrailChain) -> Iterator[ChainBreak]:
    """Yield each place at which the chain was changed."""
    expected, previous = chain.after.length + 1, chain.after.hash
    for entry in chain.entries:
        for detail in _differences(entry, expected, previous):
            yield ChainBreak(chain.escalation_id, entry.number, detail)
        expected, previous = entry.number + 1, entry.hash
    if not chain.reaches_end:
        return
    last = expected - 1
    if last != chain.length:
        detail = f"the escalation has {chain.length} entries, but {last} are there"
        yield ChainBreak(chain.escalation_id, last, detail)
    if previous != chain.head:
        detail = "its hash differs from the hash that the escalation stores"
        yield ChainBreak(chain.escalation_id, last, detail)


def find_rewritten(chain: TrailChain, kept: Iterable[TrailChainHead]) -> Iterator[ChainBreak]:
    """Yield each kept head that the chain, though it may be intact, does not contain."""
    hashes = {entry.number: entry.hash for entry in chain.entries}
    for head in kept:
        if hashes.get(head.length) != head.head:
            detail = "it differs from the head that was kept outside of the database"
            yield ChainBreak(chain.escalation_id, head.length, detail)


def _differences(entry: TrailEntry, expected: int, previous: str) -> Iterator[str]:
    if entry.number != expected:
        yield f"entry {expected} was expected here"
    if entry.previous != previous:
        yield "it does not follow the entry before it"
    if not _matches_hash(entry):
        yield "its content does not match its hash"


def _matches_hash(entry: TrailEntry) -> bool:
    try:
        return entry.hash == entry.digest()
    except (TypeError, ValueError):
        # Data that we do not write, such as a number of more than 64 bits.
        return False


def _actor(event: EscalationsOwnEvent, cause: str) -> str:
    """Return the person who did it, or the timer or message if no person did."""
    if cause.startswith(_TIMER):
        return cause
    acting = (getattr(event, field, None) for field in ("approved_by", "by"))
    return next((person for person in acting if person), cause)


@cache
def _action(kind: type[EscalationsOwnEvent]) -> str:
    """Return the type in words: `escalation handed back`."""
    return kind.type.removeprefix("upstairs.").removesuffix(".v1").replace("_", " ")


# What decides who must act: by its action in the trail, the type of its event.
STEP_TYPES: Final[Mapping[str, str]] = {
    _action(kind): kind.type
    for kind in (
        EscalationRaised,
        EscalationClimbed,
        EscalationUnanswered,
        EscalationCausesMet,
        EscalationReturned,
        EscalationHandedOver,
        EscalationAcknowledged,
        EscalationTakenOver,
        EscalationSnoozed,
        ApprovalAsked,
        ApprovalRefused,
        EscalationReopened,
        EscalationHandedBack,
        EscalationResolved,
        EscalationClosed,
    )
}


def step_of(entry: TrailEntry) -> Step:
    return Step(STEP_TYPES[entry.action], entry.at, entry.actor, entry.data)


def _reason(event: EscalationsOwnEvent) -> str:
    reasons = (getattr(event, field, None) for field in _REASONS)
    return next((reason for reason in reasons if reason), "")
