"""Pages: who is told what, and until when the escalation waits for an answer."""

from dataclasses import replace
from datetime import datetime, timedelta

from msgspec import structs

from common.contracts.clocks import ClockState
from common.contracts.escalations import PagedCause, PageReason, PageRequested
from common.contracts.event import OPERATIONS, PageId, PersonId
from common.contracts.page_subjects import PagedAbsence, PagedApproval, PagedContact
from common.core.ids import derived_id
from common.messages import Schedule
from escalation.domain.duty.calendars import add_business_time
from escalation.domain.escalations.causes import last_people
from escalation.domain.escalations.responders import (
    NextStop,
    absence_behind,
    find_responders,
    is_on_duty,
)
from escalation.domain.model import (
    Approval,
    AwaitedPage,
    Escalation,
    EscalationCause,
    SlaClock,
    TrackedContact,
)
from escalation.domain.settings.registry import NO_LADDER_RETRY_S
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import AcknowledgementDue


def page_level(
    situation: Situation,
    escalation: Escalation,
    stop: NextStop,
    explanation: str | None,
    reason: PageReason | None = None,
) -> Decision:
    """Page the people of the stop and wait for one of them; without people only wait."""
    deadline = acknowledgement_deadline(situation, escalation, stop.level)
    waiting = replace(
        escalation,
        round=escalation.round + 1,
        awaited=(*stop.paged_before, *stop.people),
        responders=last_people(escalation.responders, stop.people),
        deadline=deadline,
    )
    due = AcknowledgementDue(
        contact_id=waiting.contact_id,
        escalation_id=waiting.escalation_id,
        level=waiting.level,
        round=waiting.round,
    )
    reason = reason or _page_reason(situation, waiting)
    pages = tuple(
        structs.replace(
            page_person(situation, waiting, person, reason, explanation),
            absence=stop.absence or _absence_behind(situation, waiting, person),
        )
        for person in stop.people
    )
    earlier = escalation.pages if stop.paged_before else ()
    requested = (AwaitedPage(page.page_id, page.person_id, waiting.round) for page in pages)
    after = situation.with_escalation(replace(waiting, pages=(*earlier, *requested)))
    return Decision(after, pages, (Schedule(due, deadline),))


def acknowledgement_deadline(situation: Situation, escalation: Escalation, level: int) -> datetime:
    """Return until when the people of a level have time to answer, if they are paged now."""
    if not escalation.levels:
        return situation.at + timedelta(seconds=NO_LADDER_RETRY_S)
    rules = escalation.levels[level]
    within = timedelta(seconds=_time_to_answer_s(escalation, rules.acknowledge_within_s))
    if rules.calendar_id is None:
        return situation.at + within
    calendar = situation.configuration.calendar(rules.calendar_id)
    return add_business_time(calendar, situation.at, within)


def _time_to_answer_s(escalation: Escalation, within_s: float) -> float:
    """Double the time at each repeat of the top, up to the ladder's bound."""
    longest_s = max(within_s, escalation.ladder.body.longest_repeat_s)
    # A factor beyond all bounds, but still a number.
    return min(within_s * 2.0 ** min(escalation.top_repeats, 40), longest_s)


def page_operations(
    situation: Situation, explanation: str | None, reason: PageReason = "unanswered"
) -> Decision:
    escalation = situation.escalation
    if escalation is None:
        return no_change(situation)
    page = page_person(situation, escalation, OPERATIONS, reason, explanation)
    # The media of the level are for the people of that level.
    changes: dict[str, None] = {"media": None}
    if reason == "unreachable":
        # Contact methods must be corrected whatever becomes of the escalation.
        changes |= {"escalation_id": None, "respond_by": None}
    return Decision(situation, (structs.replace(page, **changes),))


def page_person(
    situation: Situation,
    escalation: Escalation,
    person: PersonId,
    reason: PageReason,
    explanation: str | None = None,
) -> PageRequested:
    """Page a person once about the escalation as it is from now on."""
    level = escalation.levels[escalation.paged_level] if escalation.levels else None
    return PageRequested(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        page_id=_page_id(escalation, person, reason),
        person_id=person,
        reason=reason,
        escalation_id=escalation.escalation_id,
        severity=escalation.severity,
        level_name=escalation.name_of(escalation.paged_level),
        respond_by=escalation.deadline,
        lease_end=escalation.lease.ends_by if escalation.lease else None,
        media=level.media if level else None,
        contact=paged_contact(situation.contact),
        causes=paged_causes(situation.contact, escalation),
        cause_count=escalation.cause_count,
        explanation=explanation,
        approval=_paged_approval(escalation.approval),
        on_duty=level is not None and is_on_duty(situation, level, person),
    )


def _absence_behind(
    situation: Situation, escalation: Escalation, person: PersonId
) -> PagedAbsence | None:
    """The level goes first; others may have added people of theirs."""
    if not situation.configuration.has_stand_ins:
        return None
    levels, first = escalation.levels, escalation.paged_level
    for level in (*levels[first:], *levels[:first]):
        absence = absence_behind(situation, (level,), person)
        if absence is not None or person in find_responders(situation, level).people:
            return absence
    return None


def paged_contact(contact: TrackedContact) -> PagedContact | None:
    details = contact.details
    if details is None:
        return None
    return PagedContact(
        channel=details.channel,
        topic=details.topic,
        subject=details.subject,
        priority=details.priority,
        language=details.language,
        tier=details.tier,
        customer_name=details.customer,
        representative_id=contact.representative_id,
        customer_id=contact.customer_id,
        received_from=details.received_from,
        campaign=details.campaign,
    )


def paged_causes(contact: TrackedContact, escalation: Escalation) -> tuple[PagedCause, ...]:
    return tuple(paged_cause(contact, cause) for cause in escalation.causes)


def paged_cause(contact: TrackedContact, cause: EscalationCause) -> PagedCause:
    clock = contact.clock(cause.clock) if cause.clock else None
    return PagedCause(
        cause=cause.kind,
        reason=cause.reason,
        at=cause.at,
        by=cause.by,
        about=cause.about,
        score=cause.score,
        clock=cause.clock,
        due_at=cause.due_at,
        clock_state=clock_state_of(clock) if clock else None,
        count=cause.count,
        complaint_id=cause.complaint_id,
    )


def clock_state_of(clock: SlaClock) -> ClockState:
    """A clock that was breached and then met is met late."""
    if clock.met_at is not None:
        return "met_late" if clock.met_at > clock.due_at else "met"
    return clock.state


def _paged_approval(approval: Approval | None) -> PagedApproval | None:
    if approval is None:
        return None
    return PagedApproval(
        by=approval.asked_by,
        outcome=approval.outcome,
        amount=approval.amount,
        currency=approval.currency,
        note=approval.note,
    )


def _page_reason(situation: Situation, waiting: Escalation) -> PageReason:
    before = situation.escalation
    if before is None or (not before.awaited and before.lease_no == 0):
        return "raised"
    return "climbed" if waiting.level > before.level else "repeated"


def _page_id(escalation: Escalation, person: PersonId, reason: PageReason) -> PageId:
    turn = escalation.level, escalation.round, escalation.lease_no, escalation.cause_count
    return PageId(derived_id(escalation.escalation_id, *turn, reason, person))
