"""Which timers a contact's state waits for, worked out apart from the decisions that set them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import NAMESPACE_OID, uuid5

from common.contracts.escalations import TimerMissing
from common.contracts.event import ContactId, PageId
from common.messages import Schedule, Timer
from escalation.domain import wording
from escalation.domain.model import Clock, Escalation
from escalation.domain.situation import Decision, Situation
from escalation.domain.timers import AcknowledgementDue, ClockDue, LeaseEnding, LeaseExpires

TIMERS: dict[str, type[Timer]] = {
    kind.type: kind for kind in (ClockDue, AcknowledgementDue, LeaseEnding, LeaseExpires)
}


@dataclass(frozen=True, slots=True)
class Books:
    """A contact's clocks, its open escalation, and the timers that stand, all of one moment.

    `foreign` are the slots of timers that a newer version of the service has set, and audits.
    """

    contact_id: ContactId
    clocks: tuple[Clock, ...]
    escalation: Escalation | None
    standing: frozenset[Schedule]
    foreign: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Missing:
    """A timer that is waited for in vain; `instead` is when the one in its place would fire."""

    expected: Schedule
    instead: datetime | None

    @property
    def page_id(self) -> PageId:
        """The same whenever it is found, so that it is told once."""
        timer, due_at = self.expected.timer, self.expected.due_at
        name = f"{timer.contact_id}/timer/{timer.slot}/{due_at.isoformat()}"
        return PageId(str(uuid5(NAMESPACE_OID, name)))


def awaited(
    contact_id: ContactId, clocks: Iterable[Clock], escalation: Escalation | None
) -> Iterator[Schedule]:
    """Yield each timer that must stand while it is so."""
    for clock in clocks:
        threshold = clock.next_threshold
        if threshold is not None:
            due = ClockDue(contact_id=contact_id, clock=clock.name, percent=threshold.percent)
            yield Schedule(due, threshold.due_at)
    if escalation is not None and (timer := _of(escalation)) is not None:
        # An open one without a deadline should long have gone on.
        yield Schedule(timer, escalation.deadline or escalation.raised_at)
        if escalation.warn_at is not None:
            yield Schedule(_warning(escalation), escalation.warn_at)


def _of(escalation: Escalation) -> Timer | None:
    match escalation.state:
        case "raised" | "approval_asked":
            return AcknowledgementDue(
                contact_id=escalation.contact_id,
                escalation_id=escalation.escalation_id,
                level=escalation.level,
                round=escalation.round,
            )
        case "acknowledged" | "taken_over":
            return LeaseExpires(
                contact_id=escalation.contact_id,
                escalation_id=escalation.escalation_id,
                lease_no=escalation.lease_no,
            )
        case "handed_back" | "resolved" | "closed":
            return None
        case _:
            assert_never(escalation.state)


def _warning(escalation: Escalation) -> Timer:
    return LeaseEnding(
        contact_id=escalation.contact_id,
        escalation_id=escalation.escalation_id,
        lease_no=escalation.lease_no,
    )


def missing(books: Books) -> list[Missing]:
    """Hold what stands against what is awaited.

    A further timer in a slot is no fault: one that was being fired when it was replaced is left to
    its own transaction, and its handler finds nothing to do.
    """
    by_slot = {one.timer.slot: one.due_at for one in books.standing}
    return [
        Missing(expected, by_slot.get(expected.timer.slot))
        for expected in awaited(books.contact_id, books.clocks, books.escalation)
        if expected not in books.standing and expected.timer.slot not in books.foreign
    ]


def mend(situation: Situation, found: Iterable[Missing]) -> Decision:
    """Set what is missing, and tell operations that it was."""
    lost = tuple(found)
    return Decision(
        situation,
        tuple(_alarm(situation, one) for one in lost),
        tuple(one.expected for one in lost),
    )


def _alarm(situation: Situation, lost: Missing) -> TimerMissing:
    slot, due_at = lost.expected.timer.slot, lost.expected.due_at
    return TimerMissing(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        page_id=lost.page_id,
        slot=slot,
        due_at=due_at,
        instead=lost.instead,
        headline=wording.lost_timer_headline(situation.contact_id, slot),
        why=wording.lost_timer(due_at, lost.instead),
    )
