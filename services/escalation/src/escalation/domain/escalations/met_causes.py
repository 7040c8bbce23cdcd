"""What happens once all that an escalation was raised for has been done, though late.

Or it is no longer at stake: no policy promises it any more, or the target was made so long that
the warning is to come again. Only clocks are met. An escalation that a person, a rule or a
complaint gave another cause climbs on, and so does one that was reopened by hand. The
acknowledgement clock is about the escalation itself, so it is no reason for it.
"""

from dataclasses import replace
from typing import assert_never

from msgspec import structs

from common.contracts.clocks import ClockName
from common.contracts.escalations import EscalationCausesMet, PageRequested
from escalation.domain import wording
from escalation.domain.change_reasons import promises_over
from escalation.domain.escalations.actions import close_escalation
from escalation.domain.escalations.climbing import repeat_level
from escalation.domain.escalations.page_requests import page_person
from escalation.domain.model import (
    Escalation,
    EscalationCause,
    SlaClock,
    Threshold,
    TrackedContact,
)
from escalation.domain.situation import Decision, Situation, no_change


def are_met(contact: TrackedContact, escalation: Escalation) -> bool:
    """Tell whether every reason of the escalation has been met, or is no longer at stake."""
    causes = [cause for cause in escalation.causes if cause.clock != "acknowledgement"]
    return (
        bool(causes)
        and not escalation.reopened
        and all(_is_met(contact, each) or _is_off_stake(contact, each) for each in causes)
    )


def _clocks_met(
    contact: TrackedContact, escalation: Escalation
) -> tuple[tuple[ClockName, ...], tuple[ClockName, ...]]:
    """Return the clocks that were breached before they were met, and the others."""
    causes = [cause for cause in escalation.causes if _is_met(contact, cause)]
    breached = {
        cause.clock: None
        for cause in causes
        if cause.clock and (cause.kind == "breach" or _is_breached(contact, cause))
    }
    in_time = {cause.clock: None for cause in causes if cause.clock and cause.clock not in breached}
    return tuple(breached), tuple(in_time)


def _is_breached(contact: TrackedContact, cause: EscalationCause) -> bool:
    clock = contact.clock(cause.clock) if cause.clock else None
    return clock is not None and clock.run == cause.clock_run and clock.breached


def _is_met(contact: TrackedContact, cause: EscalationCause) -> bool:
    clock = contact.clock(cause.clock) if cause.clock else None
    if clock is None:
        return False
    # A run may also have been cancelled, and another one owes the same.
    return clock.met_at is not None or clock.met_run >= cause.clock_run


def _is_off_stake(contact: TrackedContact, cause: EscalationCause) -> bool:
    """Tell whether a changed policy or priority took the promise or the risk away."""
    clock = contact.clock(cause.clock) if cause.clock else None
    if clock is None or clock.run != cause.clock_run:
        return False
    if is_withdrawn(contact, clock):
        return True
    return cause.kind == "warning" and not clock.breached and _raises_again(clock)


def is_withdrawn(contact: TrackedContact, clock: SlaClock) -> bool:
    """Tell whether it was cancelled while the contact stayed open: no policy promises it."""
    if clock.cancelled_at is None or contact.opened_at is None:
        return False
    return contact.is_open and clock.cancelled_at >= contact.opened_at


def _raises_again(clock: SlaClock) -> bool:
    """Tell whether each threshold that raised is to raise again, at a share of a new target."""
    raised = {_place(each) for each in clock.fired_thresholds if each.action == "raise"}
    return raised <= {_place(each) for each in clock.thresholds if each.fired_at is None}


def _place(threshold: Threshold) -> tuple[object, ...]:
    percent = threshold.percent if threshold.offset_s is None else None
    return threshold.action, percent, threshold.offset_s


def settle(situation: Situation) -> Decision:
    """A clock was met: close an escalation that has no reason left, or let it stand."""
    escalation = situation.escalation
    if escalation is None or escalation.state != "raised":
        return no_change(situation)
    if not are_met(situation.contact, escalation):
        return no_change(situation)
    return _end_climb(situation, escalation)


def stop_climb(situation: Situation, escalation: Escalation, explanation: str | None) -> Decision:
    """Its time is over, though its reasons were met: close it, or page its level again."""
    match escalation.ladder.body.when_met:
        case "close":
            return _end_climb(situation.with_escalation(escalation), escalation)
        case "stay":
            return repeat_level(situation, escalation, explanation)
        case _:
            assert_never(escalation.ladder.body.when_met)


def _end_climb(situation: Situation, escalation: Escalation) -> Decision:
    """Tell those who were asked; what was breached stays so."""
    when_met = escalation.ladder.body.when_met
    late, in_time = _clocks_met(situation.contact, escalation)
    off_stake = (
        cause.clock
        for cause in escalation.causes
        if cause.clock and _is_off_stake(situation.contact, cause)
    )
    reason = wording.met(escalation, late, in_time, tuple(dict.fromkeys(off_stake)))
    event = EscalationCausesMet(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        level=escalation.level,
        level_name=escalation.level_name,
        breached_clocks=late,
        when_met=when_met,
        reason=reason,
    )
    pages = tuple(
        page_person(situation, escalation, person, "met", reason) for person in escalation.awaited
    )
    if when_met == "close":
        # There is nothing to answer any more.
        over = {"escalation_id": None, "respond_by": None}
        pages = tuple(structs.replace(page, **over) for page in pages)
        met = Decision(situation, (event,))
        return met.then(close_escalation, promises_over(reason)).then(_emit, pages)
    standing = replace(escalation, alarm_since=None, top_repeats=0)
    return Decision(situation.with_escalation(standing), (event, *pages))


def _emit(situation: Situation, pages: tuple[PageRequested, ...]) -> Decision:
    return Decision(situation, pages)
