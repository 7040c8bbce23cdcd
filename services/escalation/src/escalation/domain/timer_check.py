"""Which timers a contact's state needs, computed independently of the decisions that set them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from common.contracts.escalations import TimerMissing
from common.contracts.event import ContactId, PageId
from common.core.ids import derived_id
from common.messages import Schedule, Timer
from escalation.domain.model import Escalation, SlaClock
from escalation.domain.situation import Decision, Situation
from escalation.domain.timers import (
    AcknowledgementDue,
    ClockDue,
    LeaseExpires,
    LeaseWarningDue,
    WaitExpires,
)

TIMERS: dict[str, type[Timer]] = {
    kind.type: kind
    for kind in (ClockDue, AcknowledgementDue, LeaseWarningDue, LeaseExpires, WaitExpires)
}


@dataclass(frozen=True, slots=True)
class TimerSnapshot:
    """A contact's clocks, open escalation and timers at one moment.

    `unknown_slots` have timers of a newer version of the service, which checks them itself.
    """

    contact_id: ContactId
    clocks: tuple[SlaClock, ...]
    escalation: Escalation | None
    timers: frozenset[Schedule]
    wait_ends_at: datetime | None = None
    unknown_slots: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MissingTimer:
    """A timer that is not there; `instead` is when the timer in its slot would fire."""

    expected: Schedule
    instead: datetime | None

    @property
    def page_id(self) -> PageId:
        """The same at each check, so that a missing timer is reported once."""
        timer, due_at = self.expected.timer, self.expected.due_at
        return PageId(derived_id(timer.contact_id, "timer", timer.slot, due_at.isoformat()))


def expected_timers(
    contact_id: ContactId,
    clocks: Iterable[SlaClock],
    escalation: Escalation | None,
    wait_ends_at: datetime | None = None,
) -> Iterator[Schedule]:
    """Yield each timer that this state needs."""
    if wait_ends_at is not None:
        yield Schedule(WaitExpires(contact_id=contact_id), wait_ends_at)
    thresholds = (clock.next_threshold for clock in clocks)
    due_times = [threshold.due_at for threshold in thresholds if threshold is not None]
    if due_times:
        yield Schedule(ClockDue(contact_id=contact_id), min(due_times))
    if escalation is not None and (timer := _escalation_timer(escalation)) is not None:
        # An open escalation always has a deadline; one without should have moved on at once.
        yield Schedule(timer, escalation.deadline or escalation.raised_at)
        if escalation.warn_at is not None:
            yield Schedule(_warning_timer(escalation), escalation.warn_at)


def _escalation_timer(escalation: Escalation) -> Timer | None:
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


def _warning_timer(escalation: Escalation) -> Timer:
    return LeaseWarningDue(
        contact_id=escalation.contact_id,
        escalation_id=escalation.escalation_id,
        lease_no=escalation.lease_no,
    )


def find_missing(snapshot: TimerSnapshot) -> list[MissingTimer]:
    """Compare the timers with the expected ones.

    A further timer in a slot is no error: a timer that was replaced while it fired is left to its
    own transaction, and its handler changes nothing.
    """
    due_by_slot = {schedule.timer.slot: schedule.due_at for schedule in snapshot.timers}
    expected = expected_timers(
        snapshot.contact_id, snapshot.clocks, snapshot.escalation, snapshot.wait_ends_at
    )
    return [
        MissingTimer(schedule, due_by_slot.get(schedule.timer.slot))
        for schedule in expected
        if schedule not in snapshot.timers and schedule.timer.slot not in snapshot.unknown_slots
    ]


def repair(situation: Situation, missing: Iterable[MissingTimer]) -> Decision:
    """Recreate the missing timers and report each of them."""
    timers = tuple(missing)
    return Decision(
        situation,
        tuple(_report(situation, timer) for timer in timers),
        tuple(timer.expected for timer in timers),
    )


def _report(situation: Situation, missing: MissingTimer) -> TimerMissing:
    return TimerMissing(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        page_id=missing.page_id,
        slot=missing.expected.timer.slot,
        due_at=missing.expected.due_at,
        instead=missing.instead,
    )
