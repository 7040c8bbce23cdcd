"""What starts, meets, pauses, resumes and cancels the clocks of a contact."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec

from msgspec.structs import replace

from common.contracts.clocks import ClockCancelled, ClockMet, ClockName, ClockResumed
from common.messages import Cancel, Schedule
from escalation.domain import change_reasons
from escalation.domain.change_reasons import Reason
from escalation.domain.clocks import pausing, schedule
from escalation.domain.clocks.events import terms_at
from escalation.domain.clocks.thresholds import fire_overdue, fire_threshold
from escalation.domain.model import SlaClock, TrackedContact
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import WAIT_SLOT, ClockDue, WaitExpires

P = ParamSpec("P")

REPLY_CLOCKS: tuple[ClockName, ...] = ("first_response", "next_response")
# The clocks that start with a contact. Others start when the customer writes, when we reply, when
# the contact is reopened, and when an escalation opens.
_AT_RECEIPT: frozenset[ClockName] = frozenset(("assignment", "first_response", "resolution"))
_AFTER_REPLY: frozenset[ClockName] = frozenset(("periodic_update",))


def start_on_receipt(situation: Situation, since: datetime) -> Decision:
    return start_by_policy(situation, since, _AT_RECEIPT, change_reasons.CONTACT_RECEIVED)


def start_by_policy(
    situation: Situation, since: datetime, names: frozenset[ClockName], reason: Reason
) -> Decision:
    policy = situation.policy
    if policy is None:
        return Decision(situation, surprises=("no_policy_matches",))
    return schedule.start_clocks(schedule.adopt_policy(situation, policy), since, names, reason)


def meet_on_reply(situation: Situation, at: datetime) -> Decision:
    """Meet the clocks that wait for our reply; from then on the next update is due."""
    decision = meet_clock(situation, "first_response", at).then(meet_clock, "next_response", at)
    if not situation.contact.is_open:
        return decision
    return decision.then(meet_clock, "periodic_update", at).then(
        schedule.start_clocks, at, _AFTER_REPLY, change_reasons.WE_REPLIED
    )


def expect_reply(situation: Situation, at: datetime, reason: Reason) -> Decision:
    """Start the clock of the reply that we owe, unless one runs already."""
    contact, policy = situation.contact, situation.policy
    if policy is None or any(contact.runs(name) for name in REPLY_CLOCKS):
        return no_change(situation)
    name = reply_clock(contact, policy.body)
    return schedule.start_clocks(situation, at, frozenset((name,)), reason)


def reply_clock(contact: TrackedContact, policy: SlaPolicy) -> ClockName:
    """Return the clock of the reply that we owe.

    The first reply is the first one since the contact was opened, if no promise is for later ones;
    a policy without a promise for the first reply owes it as any other.
    """
    promised = {target.clock for target in policy.targets}
    replied_at, opened_at = contact.replied_at, contact.opened_at
    if "next_response" not in promised:
        replied = replied_at is not None and opened_at is not None and replied_at >= opened_at
        return "next_response" if replied else "first_response"
    is_first = replied_at is None and "first_response" in promised
    return "first_response" if is_first else "next_response"


def complete_clocks(situation: Situation, at: datetime, reason: Reason) -> Decision:
    """Meet the resolution clock and cancel the others; an escalation may outlive the contact."""
    return meet_clock(situation, "resolution", at).then(cancel_clocks, at, reason, but="resolution")


def cancel_clocks(
    situation: Situation, at: datetime, reason: Reason, but: ClockName | None = None
) -> Decision:
    """Cancel the contact's own clocks; that of its escalation ends with the escalation."""
    decision = no_change(situation)
    for clock in situation.contact.clocks:
        if clock.name not in (but, "acknowledgement"):
            decision = decision.then(cancel_clock, clock.name, at, reason)
    return decision


def clock_due(situation: Situation, timer: ClockDue) -> Decision:  # noqa: ARG001 - as of every timer
    """Fire the threshold that is due first, and wait for the next one."""
    due = schedule.next_due(situation.contact)
    # A clock may have ended or started again while the timer fired.
    if due is None or situation.at < due[1].due_at:
        return no_change(situation)
    return fire_threshold(situation, *due).then(set_next_timer)


def set_next_timer(situation: Situation) -> Decision:
    """Set the timer also if the same time is next: the one that fired is gone."""
    return Decision(situation, timers=(schedule.next_timer(situation.contact),))


def meet_assignment(situation: Situation) -> Decision:
    """Meet the assignment clock at the time of the first assignment of its run, if there was one.

    An assignment from before a reopening is of an earlier run.
    """
    contact = situation.contact
    clock = contact.clock("assignment")
    if clock is None or contact.details is None:
        return no_change(situation)
    is_first_opening = clock.started_at == contact.details.received_at
    times = [at for at in contact.assigned_at if is_first_opening or at >= clock.started_at]
    return meet_clock(situation, "assignment", min(times)) if times else no_change(situation)


def meet_clock(situation: Situation, name: ClockName, met_at: datetime) -> Decision:
    """End the clock as met at `met_at`; thresholds due before that fire first, as if in time.

    A cancelled clock counts as met if it was met before: then events overtook each other.
    A representative who replies and resolves at once has replied, whichever is reported first.
    """
    return fire_overdue(situation, name, met_at).then(_meet, name, met_at)


def cancel_clock(situation: Situation, name: ClockName, at: datetime, reason: Reason) -> Decision:
    """End the clock unmet, also if it was met after `at`."""
    return fire_overdue(situation, name, at).then(_cancel, name, at, reason)


def _meet(situation: Situation, name: ClockName, met_at: datetime) -> Decision:
    clock = situation.contact.clock(name)
    if clock is None or clock.met_at is not None:
        return no_change(situation)
    if clock.cancelled_at is not None and met_at > clock.cancelled_at:
        return no_change(situation)
    if clock.paused_at is not None and not clock.ended:
        # A paused clock has no deadline; it must run again to show whether it is late.
        resumed = _resume(situation, clock, met_at, change_reasons.WAIT_OVER)
        return resumed.then(_meet, name, met_at)
    met = ClockMet(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=name,
        due_at=terms_at(clock, met_at).due_at,
        met_at=met_at,
        run=clock.run,
        representative_id=situation.contact.representative_id,
        team_id=situation.contact.team_id,
    )
    return schedule.emit(situation, met)


def _cancel(situation: Situation, name: ClockName, at: datetime, reason: Reason) -> Decision:
    clock = situation.contact.clock(name)
    if clock is None or clock.cancelled_at is not None:
        return no_change(situation)
    if clock.met_at is not None and (name != "assignment" or clock.met_at <= at):
        return no_change(situation)
    cancelled = ClockCancelled(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=name,
        reason=reason.text,
        change_reason=reason.data,
        cancelled_at=at,
    )
    return schedule.emit(situation, cancelled)


def pause_clocks(situation: Situation, at: datetime) -> Decision:
    """Pause the clocks that do not run while we wait for the customer."""
    decision = no_change(situation)
    for name in pausing.pausable_clocks(situation.contact):
        decision = decision.then(fire_overdue, name, at).then(schedule.pause_clock, name, at)
    return decision


def wait(situation: Situation, at: datetime) -> Decision:
    """Pause the clocks while we wait for the customer, for as long as the policy lets them."""
    policy = situation.policy
    ends_at = None if policy is None else at + timedelta(seconds=policy.body.wait_limit_s)
    contact = replace(situation.contact, waiting_since=at, wait_ends_at=ends_at)
    expires = WaitExpires(contact_id=contact.contact_id)
    timers = () if ends_at is None else (Schedule(expires, ends_at),)
    return Decision(situation.with_contact(contact), timers=timers).then(pause_clocks, at)


def forget_wait(situation: Situation) -> Decision:
    """End the wait for the customer without a change of clocks."""
    contact = situation.contact
    ended = replace(situation, contact=replace(contact, waiting_since=None, wait_ends_at=None))
    if contact.wait_ends_at is None:
        return no_change(ended)
    return Decision(ended, timers=(Cancel(contact.contact_id, WAIT_SLOT),))


def end_wait(situation: Situation, at: datetime, reason: Reason) -> Decision:
    """It is our turn: the clocks that were paused for the customer run on."""
    return forget_wait(situation).then(resume_clocks, at, reason)


def wait_expires(situation: Situation, timer: WaitExpires) -> Decision:  # noqa: ARG001 - as of every timer
    """Let the clocks run on although the customer has not answered."""
    contact = situation.contact
    ends_at, since = contact.wait_ends_at, contact.waiting_since
    # The customer may have answered while the timer fired.
    if ends_at is None or since is None or situation.at < ends_at:
        return no_change(situation)
    return end_wait(situation, ends_at, change_reasons.customer_silent(ends_at - since))


def resume_clocks(situation: Situation, at: datetime, reason: Reason) -> Decision:
    paused = [
        clock.name for clock in situation.contact.clocks if clock.paused_at and not clock.ended
    ]
    return for_each(situation, paused, _resume, at, reason)


def _resume(situation: Situation, clock: SlaClock, at: datetime, reason: Reason) -> Decision:
    since = max(at, clock.paused_at or at)
    calendar = situation.configuration.calendar_version(clock.calendar)
    thresholds = schedule.resumed_thresholds(clock, calendar, since)
    resumed = ClockResumed(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=clock.name,
        resumed_at=since,
        due_at=schedule.deadline_of(thresholds).due_at,
        thresholds=thresholds,
        reason=reason.text,
        change_reason=reason.data,
    )
    return schedule.emit(situation, resumed)


def for_each(
    situation: Situation,
    names: Iterable[ClockName],
    step: Callable[Concatenate[Situation, SlaClock, P], Decision],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Decision:
    """Decide on each clock as it is once the clocks before it are decided on."""
    decision = no_change(situation)
    for name in names:
        clock = decision.situation.contact.clock(name)
        if clock is not None:
            decision = decision.then(step, clock, *args, **kwargs)
    return decision
