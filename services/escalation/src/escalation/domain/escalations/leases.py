"""Leases: how long a person holds an escalation, and what extends that; its end is in `timeouts`.

The lengths are settings of the ladder. A timer that was replaced while it fired finds another
lease, and does nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.contracts.escalations import (
    EscalationLeaseRenewed,
    EscalationsEvent,
    LeaseEnd,
)
from common.contracts.event import PersonId
from common.messages import Cancel, Schedule, TimerChange
from escalation.domain.escalations.page_requests import page_person
from escalation.domain.model import Escalation, EscalationState, Lease
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import WARNING_SLOT, LeaseExpires, LeaseWarningDue


@dataclass(frozen=True, slots=True)
class LeaseGrant:
    """An escalation with a new lease until `ends_at`, and the timers of that lease."""

    escalation: Escalation
    ends_at: datetime
    timers: tuple[TimerChange, ...]

    def decision(self, situation: Situation, *events: EscalationsEvent) -> Decision:
        return Decision(situation.with_escalation(self.escalation), events, self.timers)


def grant_lease(
    situation: Situation, escalation: Escalation, holder: PersonId, state: EscalationState
) -> LeaseGrant:
    """Give it to `holder` for as long as the state allows."""
    rules = escalation.ladder.body
    length_s = rules.working_lease_s if state == "taken_over" else rules.lease_s
    ends_at = situation.at + timedelta(seconds=length_s)
    return _grant_until(situation, replace(escalation, state=state), holder, ends_at, "progress")


def snooze_lease(
    situation: Situation, escalation: Escalation, holder: PersonId, until: datetime
) -> LeaseGrant:
    """Snooze it until then, or until the holder's shift ends."""
    snoozed = replace(escalation, snoozes=escalation.snoozes + 1)
    grant = _grant_until(situation, snoozed, holder, until, "snooze")
    lease = grant.escalation.lease
    if lease is not None:
        lease = replace(lease, snoozed_until=grant.ends_at)
    return replace(grant, escalation=replace(grant.escalation, lease=lease))


def restart_lease(situation: Situation, escalation: Escalation, holder: PersonId) -> Decision:
    """Start the lease again; nothing changes if the end of the shift ends it at the same time."""
    grant = grant_lease(situation, escalation, holder, escalation.state)
    if grant.ends_at == escalation.deadline:
        return no_change(situation)
    return grant.decision(situation, lease_renewed(situation, grant, holder))


def lease_renewed(
    situation: Situation, grant: LeaseGrant, holder: PersonId
) -> EscalationLeaseRenewed:
    return EscalationLeaseRenewed(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=grant.escalation.escalation_id,
        by=holder,
        lease_expires_at=grant.ends_at,
    )


def record_progress(situation: Situation, by: PersonId) -> Decision:
    """Restart the lease if `by` is the holder; a snooze stays as it was set."""
    escalation = situation.escalation
    lease = escalation.lease if escalation else None
    if escalation is None or lease is None or lease.holder != by or lease.snoozed_until is not None:
        return no_change(situation)
    return restart_lease(situation, escalation, by)


def release(escalation: Escalation) -> Escalation:
    """Return it without holder and approval; `cancel_warning` goes with it."""
    return replace(escalation, state="raised", lease=None, approval=None)


def cancel_warning(escalation: Escalation) -> tuple[TimerChange, ...]:
    if escalation.warn_at is None:
        return ()
    return (Cancel(escalation.contact_id, WARNING_SLOT),)


def warn_holder(situation: Situation, timer: LeaseWarningDue) -> Decision:
    """Page the holder before the lease ends."""
    escalation = escalation_of_lease(situation, timer)
    if escalation is None or escalation.lease is None or escalation.lease.warn_at is None:
        return no_change(situation)
    warned = replace(escalation, lease=replace(escalation.lease, warn_at=None))
    page = page_person(situation, warned, escalation.lease.holder, "lease_ending")
    return Decision(situation.with_escalation(warned), (page,))


def escalation_of_lease(
    situation: Situation, timer: LeaseWarningDue | LeaseExpires
) -> Escalation | None:
    escalation = situation.escalation
    if (
        escalation is None
        or escalation.escalation_id != timer.escalation_id
        or escalation.lease_no != timer.lease_no
    ):
        return None
    return escalation


def _grant_until(
    situation: Situation,
    escalation: Escalation,
    holder: PersonId,
    ends_at: datetime,
    ends_by: LeaseEnd,
) -> LeaseGrant:
    """Grant the lease; the end of the holder's shift cuts it short."""
    shift_end = _shift_end(situation, escalation, holder)
    if shift_end is not None and shift_end < ends_at:
        ends_at, ends_by = shift_end, "shift"
    warn_at = _warn_at(situation.at, ends_at, escalation, ends_by)
    leased = replace(
        escalation,
        lease=Lease(holder, ends_by, warn_at),
        lease_no=escalation.lease_no + 1,
        deadline=ends_at,
        alarm_since=None,
        top_repeats=0,
    )
    expires = LeaseExpires(
        contact_id=leased.contact_id,
        escalation_id=leased.escalation_id,
        lease_no=leased.lease_no,
    )
    return LeaseGrant(
        leased, ends_at, (Schedule(expires, ends_at), *_schedule_warning(escalation, leased))
    )


def _shift_end(situation: Situation, escalation: Escalation, holder: PersonId) -> datetime | None:
    if not escalation.levels:
        return None
    level = escalation.levels[escalation.level]
    return situation.configuration.shift_end(level, holder, situation.at)


def _warn_at(
    at: datetime, ends_at: datetime, escalation: Escalation, ends_by: LeaseEnd
) -> datetime | None:
    """Return when to warn the holder; the end of a snooze has no warning."""
    ahead = timedelta(seconds=escalation.ladder.body.warn_before_s)
    if ends_by == "snooze" or not ahead:
        return None
    return max(ends_at - ahead, at + (ends_at - at) / 2)


def _schedule_warning(before: Escalation, leased: Escalation) -> tuple[TimerChange, ...]:
    if leased.warn_at is None:
        return cancel_warning(before)
    warning = LeaseWarningDue(
        contact_id=leased.contact_id,
        escalation_id=leased.escalation_id,
        lease_no=leased.lease_no,
    )
    return (Schedule(warning, leased.warn_at),)
