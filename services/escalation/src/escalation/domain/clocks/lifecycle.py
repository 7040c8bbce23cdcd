"""What starts, meets, pauses, resumes, retargets and cancels the clocks of a contact."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Concatenate, ParamSpec

from common.contracts.clocks import (
    ClockCancelled,
    ClockMet,
    ClockName,
    ClockResumed,
    ClockRetargeted,
)
from escalation.domain.clocks import pausing, schedule
from escalation.domain.clocks.events import terms_at
from escalation.domain.clocks.thresholds import fire_overdue, fire_threshold
from escalation.domain.model import SlaClock, TrackedContact
from escalation.domain.settings.policies import SlaPolicy, Target
from escalation.domain.settings.registry import Versioned
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import ClockDue, PolicyChanged

P = ParamSpec("P")

# The clocks that start with a contact, and again when it is reopened. Others start when the
# customer writes, and when an escalation opens.
_AT_RECEIPT: frozenset[ClockName] = frozenset(
    ("assignment", "first_response", "periodic_update", "resolution")
)
_AT_REOPENING: frozenset[ClockName] = frozenset(("periodic_update", "resolution"))
_AFTER_REPLY: frozenset[ClockName] = frozenset(("periodic_update",))
_AFTER_CUSTOMER_MESSAGE: frozenset[ClockName] = frozenset(("next_response",))


def start_on_receipt(situation: Situation, since: datetime) -> Decision:
    return _start_by_policy(situation, since, _AT_RECEIPT, "contact received")


def start_on_reopening(situation: Situation, since: datetime) -> Decision:
    return _start_by_policy(situation, since, _AT_REOPENING, "contact reopened")


def _start_by_policy(
    situation: Situation, since: datetime, names: frozenset[ClockName], reason: str
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
        schedule.start_clocks, at, _AFTER_REPLY, "we replied"
    )


def expect_reply(situation: Situation, at: datetime) -> Decision:
    """The customer wrote: paused clocks run on, and a reply is due, unless one was due already."""
    decision = resume_clocks(situation, at, "the customer wrote")
    contact = situation.contact
    due = contact.clock("next_response")
    if contact.replied_at is None or (due is not None and not due.ended):
        return decision
    return decision.then(schedule.start_clocks, at, _AFTER_CUSTOMER_MESSAGE, "the customer wrote")


def complete_clocks(situation: Situation, at: datetime, reason: str) -> Decision:
    """Meet the resolution clock and cancel the others; an escalation may outlive the contact."""
    return meet_clock(situation, "resolution", at).then(cancel_clocks, at, reason, but="resolution")


def cancel_clocks(
    situation: Situation, at: datetime, reason: str, but: ClockName | None = None
) -> Decision:
    """Cancel the contact's own clocks; that of its escalation ends with the escalation."""
    decision = no_change(situation)
    for clock in situation.contact.clocks:
        if clock.name not in (but, "acknowledgement"):
            decision = decision.then(cancel_clock, clock.name, at, reason)
    return decision


def clock_due(situation: Situation, timer: ClockDue) -> Decision:
    """Fire the threshold that the clock waits for, if it is due."""
    clock = situation.contact.clock(timer.clock)
    threshold = clock.next_threshold if clock else None
    # The clock may have ended or started again while the timer of its earlier run fired.
    if clock is None or threshold is None or situation.at < threshold.due_at:
        return no_change(situation)
    return fire_threshold(situation, clock, threshold)


def policy_changed(situation: Situation, timer: PolicyChanged) -> Decision:  # noqa: ARG001 - as of every timer
    return retarget_clocks(situation, situation.at, "the policy was changed")


def meet_assignment(situation: Situation) -> Decision:
    """Meet the assignment clock at the time of the assignment, if there was one."""
    at = situation.contact.assigned_at
    return no_change(situation) if at is None else meet_clock(situation, "assignment", at)


def meet_clock(situation: Situation, name: ClockName, met_at: datetime) -> Decision:
    """End the clock as met at `met_at`; thresholds due before that fire first, as if in time.

    A cancelled clock counts as met if it was met before: then events overtook each other.
    """
    return fire_overdue(situation, name, met_at).then(_meet, name, met_at)


def cancel_clock(situation: Situation, name: ClockName, at: datetime, reason: str) -> Decision:
    """End the clock unmet, also if it was met after `at`."""
    return fire_overdue(situation, name, at).then(_cancel, name, at, reason)


def _meet(situation: Situation, name: ClockName, met_at: datetime) -> Decision:
    clock = situation.contact.clock(name)
    if clock is None or clock.met_at is not None:
        return no_change(situation)
    if clock.cancelled_at is not None and (name != "assignment" or met_at > clock.cancelled_at):
        return no_change(situation)
    if clock.paused_at is not None and not clock.ended:
        # A paused clock has no deadline; it must run again to show whether it is late.
        return _resume(situation, clock, met_at, "the waiting is over").then(_meet, name, met_at)
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


def _cancel(situation: Situation, name: ClockName, at: datetime, reason: str) -> Decision:
    clock = situation.contact.clock(name)
    if clock is None or clock.cancelled_at is not None:
        return no_change(situation)
    if clock.met_at is not None and (name != "assignment" or clock.met_at <= at):
        return no_change(situation)
    cancelled = ClockCancelled(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=name,
        reason=reason,
        cancelled_at=at,
    )
    return schedule.emit(situation, cancelled)


def pause_clocks(situation: Situation, at: datetime) -> Decision:
    """Pause the clocks that do not run while we wait for the customer."""
    decision = no_change(situation)
    for name in pausing.pausable_clocks(situation.contact):
        decision = decision.then(fire_overdue, name, at).then(schedule.pause_clock, name, at)
    return decision


def resume_clocks(situation: Situation, at: datetime, reason: str) -> Decision:
    paused = [
        clock.name for clock in situation.contact.clocks if clock.paused_at and not clock.ended
    ]
    return _for_each(situation, paused, _resume, at, reason)


def _resume(situation: Situation, clock: SlaClock, at: datetime, reason: str) -> Decision:
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
        reason=reason,
    )
    return schedule.emit(situation, resumed)


def retarget_clocks(situation: Situation, since: datetime, reason: str) -> Decision:
    """Apply the policy now in force; the time that is spent counts on.

    Breached clocks stay breached. If no policy matches any more, the clocks stay as they are.
    """
    contact = situation.contact
    policy = situation.policy
    if not contact.is_open:
        return no_change(situation)
    if policy is None:
        return Decision(situation, surprises=("no_policy_matches",))
    targets = {target.clock: target for target in policy.body.targets}
    dropped_clocks = [clock.name for clock in contact.clocks if clock.name not in targets]
    kept_clocks = [clock.name for clock in contact.clocks if clock.name in targets]
    return (
        no_change(schedule.adopt_policy(situation, policy))
        .then(_for_each, dropped_clocks, _cancel_dropped, since, policy)
        .then(_for_each, kept_clocks, _retarget, targets, policy, since, reason)
        .then(_start_new, policy)
    )


def _cancel_dropped(
    situation: Situation, clock: SlaClock, at: datetime, policy: Versioned[SlaPolicy]
) -> Decision:
    reason = f"policy {policy.ref} does not promise it"
    return cancel_clock(situation, clock.name, at, reason)


def _retarget(
    situation: Situation,
    clock: SlaClock,
    targets: dict[ClockName, Target],
    policy: Versioned[SlaPolicy],
    since: datetime,
    reason: str,
) -> Decision:
    same = clock.policy == policy.ref and clock.cancelled_at is None
    if same or clock.breached or not _was_running_at(situation.contact, clock, since):
        return no_change(situation)
    return fire_overdue(situation, clock.name, since).then(
        _apply_target, targets[clock.name], policy, since, reason
    )


def _was_running_at(contact: TrackedContact, clock: SlaClock, at: datetime) -> bool:
    """Tell whether it ran at `at`, or would have if no policy had dropped it."""
    if clock.cancelled_at is not None:
        return _is_still_owed(contact, clock, clock.cancelled_at)
    # The event of an assignment may have overtaken this one.
    return clock.met_at is None or (clock.name == "assignment" and clock.met_at > at)


def _is_still_owed(contact: TrackedContact, clock: SlaClock, cancelled_at: datetime) -> bool:
    """Tell whether a cancelled clock was neither met nor ended with its contact."""
    opened_at = contact.opened_at
    if clock.name not in _AT_RECEIPT or opened_at is None or cancelled_at < opened_at:
        return False
    if clock.name in ("assignment", "resolution"):
        return True
    return contact.replied_at is None or contact.replied_at < cancelled_at


def _apply_target(
    situation: Situation,
    target: Target,
    policy: Versioned[SlaPolicy],
    since: datetime,
    reason: str,
) -> Decision:
    clock = situation.contact.clock(target.clock)
    # A threshold that was due before may have breached it.
    if clock is None or clock.breached:
        return no_change(situation)
    calendar = schedule.calendar_in_force(situation, policy)
    counted_by = situation.configuration.calendar_version(clock.calendar)
    spent_s = schedule.elapsed_s(counted_by, clock, since)
    thresholds = schedule.retargeted_thresholds(
        clock, target, calendar.body if calendar else None, since, spent_s
    )
    retargeted = ClockRetargeted(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=clock.name,
        policy_id=policy.id,
        policy_version=policy.version,
        calendar_id=calendar.id if calendar else None,
        calendar_version=calendar.version if calendar else None,
        target_s=target.target_s,
        elapsed_s=spent_s,
        due_at=schedule.deadline_of(thresholds).due_at,
        thresholds=thresholds,
        reason=reason,
        retargeted_at=since,
        runs_while_waiting=target.runs_while_waiting,
    )
    return schedule.emit(situation, retargeted).then(schedule.pause_while_waiting)


def _start_new(situation: Situation, policy: Versioned[SlaPolicy]) -> Decision:
    """Start clocks that no policy had before, as if they had run from the beginning."""
    contact = situation.contact
    names = frozenset(
        name
        for name in _AT_RECEIPT
        if contact.clock(name) is None and not (name == "first_response" and contact.replied_at)
    )
    since = contact.opened_at or situation.at
    last_reply = max(since, contact.replied_at or since)
    reason = f"policy {policy.ref} promises it"
    return (
        schedule.start_clocks(situation, since, names - _AFTER_REPLY, reason)
        .then(schedule.start_clocks, last_reply, names & _AFTER_REPLY, reason)
        .then(meet_assignment)
    )


def _for_each(
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
