"""Leases: for how long a person has an escalation, and what makes that longer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.contracts.escalations import EscalationLeaseRenewed, EscalationsEvent
from common.contracts.event import PersonId
from common.messages import Cancel, Schedule, TimerChange
from escalation.domain.escalations.climbing import NO_LADDER_RETRY_S
from escalation.domain.model import Escalation, EscalationState, LeaseEnd
from escalation.domain.settings.ladders import Ladder
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.timers import WARNING_SLOT, LeaseEnding, LeaseExpires
from escalation.domain.values import replace

_WITHOUT_LADDER = Ladder((), lease_s=NO_LADDER_RETRY_S, working_lease_s=NO_LADDER_RETRY_S)


@dataclass(frozen=True, slots=True)
class Lease:
    """An escalation that somebody has until `ends_at`, and the timers that go with it."""

    escalation: Escalation
    ends_at: datetime
    timers: tuple[TimerChange, ...]

    def decision(self, situation: Situation, *events: EscalationsEvent) -> Decision:
        return Decision(replace(situation, escalation=self.escalation), events, self.timers)


def rules(escalation: Escalation) -> Ladder:
    return escalation.ladder.body if escalation.ladder else _WITHOUT_LADDER


def lease(
    situation: Situation, escalation: Escalation, holder: PersonId, state: EscalationState
) -> Lease:
    """Let `holder` have it for as long as that state allows."""
    working = state == "taken_over"
    length = rules(escalation).working_lease_s if working else rules(escalation).lease_s
    until = situation.at + timedelta(seconds=length)
    awake = replace(escalation, state=state, snoozed_until=None)
    return _until(situation, awake, holder, until, "progress")


def snooze(
    situation: Situation, escalation: Escalation, holder: PersonId, until: datetime
) -> Lease:
    """Let it sleep until then, or until the holder's shift ends."""
    asleep = replace(escalation, snoozes=escalation.snoozes + 1)
    slept = _until(situation, asleep, holder, until, "snooze")
    known = replace(slept.escalation, snoozed_until=slept.ends_at)
    return replace(slept, escalation=known)


def renew(situation: Situation, escalation: Escalation, holder: PersonId) -> Decision:
    """Start the lease anew; where the end of the shift ends it all the same, nothing changes."""
    fresh = lease(situation, escalation, holder, escalation.state)
    if fresh.ends_at == escalation.deadline:
        return nothing(situation)
    return fresh.decision(situation, renewal(situation, fresh, holder))


def renewal(situation: Situation, fresh: Lease, holder: PersonId) -> EscalationLeaseRenewed:
    return EscalationLeaseRenewed(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=fresh.escalation.escalation_id,
        by=holder,
        lease_expires_at=fresh.ends_at,
    )


def progress(situation: Situation, by: PersonId) -> Decision:
    """Renew the lease of one who works on what that one has; a snooze lasts as it was set."""
    escalation = situation.escalation
    if escalation is None or escalation.holder != by or escalation.snoozed_until is not None:
        return nothing(situation)
    return renew(situation, escalation, by)


def released(escalation: Escalation) -> Escalation:
    """Return it as nobody's, and nothing is asked for it; `no_warning` goes with it."""
    return replace(
        escalation,
        state="raised",
        holder=None,
        lease_end=None,
        warn_at=None,
        snoozed_until=None,
        approval=None,
    )


def no_warning(escalation: Escalation) -> tuple[TimerChange, ...]:
    if escalation.warn_at is None:
        return ()
    return (Cancel(escalation.contact_id, WARNING_SLOT),)


def _until(
    situation: Situation,
    escalation: Escalation,
    holder: PersonId,
    until: datetime,
    end: LeaseEnd,
) -> Lease:
    """Make the lease, which the end of the holder's shift cuts short."""
    shift_ends = _shift_end(situation, escalation, holder)
    if shift_ends is not None and shift_ends < until:
        until, end = shift_ends, "shift"
    leased = replace(
        escalation,
        holder=holder,
        lease_no=escalation.lease_no + 1,
        deadline=until,
        lease_end=end,
        warn_at=_warn_at(situation.at, until, escalation, end),
        alarm_since=None,
    )
    expires = LeaseExpires(
        contact_id=leased.contact_id,
        escalation_id=leased.escalation_id,
        lease_no=leased.lease_no,
    )
    return Lease(leased, until, (Schedule(expires, until), *_warning(escalation, leased)))


def _shift_end(situation: Situation, escalation: Escalation, holder: PersonId) -> datetime | None:
    if escalation.ladder is None:
        return None
    level = escalation.ladder.body.levels[escalation.level]
    return situation.configuration.shift_end(level, holder, situation.at)


def _warn_at(
    at: datetime, until: datetime, escalation: Escalation, end: LeaseEnd
) -> datetime | None:
    """Return when to warn; the end of a snooze is told when it comes."""
    ahead = timedelta(seconds=rules(escalation).warn_before_s)
    if end == "snooze" or not ahead:
        return None
    return max(until - ahead, at + (until - at) / 2)


def _warning(before: Escalation, leased: Escalation) -> tuple[TimerChange, ...]:
    if leased.warn_at is None:
        return no_warning(before)
    ending = LeaseEnding(
        contact_id=leased.contact_id,
        escalation_id=leased.escalation_id,
        lease_no=leased.lease_no,
    )
    return (Schedule(ending, leased.warn_at),)
