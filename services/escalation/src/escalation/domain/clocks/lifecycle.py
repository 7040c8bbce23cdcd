"""What becomes of promises: made, kept, paused, made anew, cancelled."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from common.contracts.escalations import (
    ClockCancelled,
    ClockMet,
    ClockName,
    ClockResumed,
    ClockRetargeted,
)
from escalation.domain.clocks import schedule
from escalation.domain.clocks.events import terms_at
from escalation.domain.clocks.thresholds import fire, overdue
from escalation.domain.model import Clock, Watch
from escalation.domain.settings.policies import SlaPolicy, Target
from escalation.domain.settings.registry import Versioned
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.timers import ClockDue, PolicyChanged

# What is promised to a contact that comes in, and again to one that comes back. The others start
# when the customer writes, and when it goes upstairs.
_AT_RECEIPT: frozenset[ClockName] = frozenset(
    ("assignment", "first_response", "periodic_update", "resolution")
)
_AT_REOPENING: frozenset[ClockName] = frozenset(("periodic_update", "resolution"))
_AFTER_REPLY: frozenset[ClockName] = frozenset(("periodic_update",))
_AFTER_WRITING: frozenset[ClockName] = frozenset(("next_response",))


def receive(situation: Situation, since: datetime) -> Decision:
    return _promise(situation, since, _AT_RECEIPT, "contact received")


def reopen(situation: Situation, since: datetime) -> Decision:
    return _promise(situation, since, _AT_REOPENING, "contact reopened")


def _promise(
    situation: Situation, since: datetime, names: frozenset[ClockName], because: str
) -> Decision:
    policy = schedule.policy_in_force(situation)
    if policy is None:
        return Decision(situation, surprises=("no_policy_matches",))
    return schedule.start(schedule.under(situation, policy), since, names, because)


def reply(situation: Situation, at: datetime) -> Decision:
    """Meet what asks for a word of ours; from then on the next update is owed."""
    decision = meet(situation, "first_response", at).then(
        partial(meet, name="next_response", met_at=at)
    )
    if not situation.watch.is_open:
        return decision
    return decision.then(partial(meet, name="periodic_update", met_at=at)).then(
        partial(schedule.start, since=at, names=_AFTER_REPLY, because="we replied")
    )


def ask(situation: Situation, at: datetime) -> Decision:
    """The customer wrote: what waited for that runs on, and an answer is owed, if none was."""
    decision = resume(situation, at, "the customer wrote")
    watch = situation.watch
    owed = watch.clock("next_response")
    if watch.replied_at is None or (owed is not None and not owed.ended):
        return decision
    return decision.then(
        partial(schedule.start, since=at, names=_AFTER_WRITING, because="the customer wrote")
    )


def settle(situation: Situation, at: datetime, because: str) -> Decision:
    """Meet the resolution, and owe nothing else; what is upstairs may outlive the contact."""
    rest = [
        one.name
        for one in situation.watch.clocks
        if one.name not in ("resolution", "acknowledgement")
    ]
    return meet(situation, "resolution", at).then(
        lambda now: _each(now, rest, lambda then, clock: cancel(then, clock.name, at, because))
    )


def come_due(situation: Situation, timer: ClockDue) -> Decision:
    """Fire the threshold that the clock waits for, if it is due."""
    clock = situation.watch.clock(timer.clock)
    threshold = clock.next_threshold if clock else None
    # The clock may have ended or started anew while the timer of its earlier run fired.
    if clock is None or threshold is None or situation.at < threshold.due_at:
        return nothing(situation)
    return fire(situation, clock, threshold)


def policy_changed(situation: Situation, timer: PolicyChanged) -> Decision:  # noqa: ARG001 - as of every timer
    return retarget(situation, situation.at, "the policy was changed")


def assigned(situation: Situation) -> Decision:
    """Meet what an assignment keeps, whenever that was."""
    at = situation.watch.assigned_at
    return nothing(situation) if at is None else meet(situation, "assignment", at)


def meet(situation: Situation, name: ClockName, met_at: datetime) -> Decision:
    """End the clock as met at `met_at`; what was due before that fires first, as if in time.

    One that was cancelled counts as met if it was met before that: the news of it was overtaken.
    """
    return overdue(situation, name, met_at).then(partial(_met, name=name, met_at=met_at))


def cancel(situation: Situation, name: ClockName, at: datetime, because: str) -> Decision:
    """End the clock unmet, though it was met, if that was after what cancels it."""
    return overdue(situation, name, at).then(partial(_cancelled, name=name, at=at, because=because))


def _met(situation: Situation, name: ClockName, met_at: datetime) -> Decision:
    clock = situation.watch.clock(name)
    if clock is None or clock.met_at is not None:
        return nothing(situation)
    if clock.cancelled_at is not None and (name != "assignment" or met_at > clock.cancelled_at):
        return nothing(situation)
    if clock.paused_at is not None and not clock.ended:
        # It stood still: by how much it is kept shows once it runs again.
        return _resumed(situation, clock, met_at, "the waiting is over").then(
            partial(_met, name=name, met_at=met_at)
        )
    met = ClockMet(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=name,
        due_at=terms_at(clock, met_at).due_at,
        met_at=met_at,
    )
    return schedule.record(situation, met)


def _cancelled(situation: Situation, name: ClockName, at: datetime, because: str) -> Decision:
    clock = situation.watch.clock(name)
    if clock is None or clock.cancelled_at is not None:
        return nothing(situation)
    if clock.met_at is not None and (name != "assignment" or clock.met_at <= at):
        return nothing(situation)
    cancelled = ClockCancelled(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=name,
        reason=because,
        cancelled_at=at,
    )
    return schedule.record(situation, cancelled)


def pause(situation: Situation, at: datetime) -> Decision:
    """Let what waits for the customer stand still."""
    decision = nothing(situation)
    for name in schedule.running_for_customer(situation.watch):
        decision = decision.then(partial(overdue, name=name, before=at)).then(
            partial(schedule.pause, name=name, at=at)
        )
    return decision


def resume(situation: Situation, at: datetime, because: str) -> Decision:
    return _each(
        situation,
        [one.name for one in situation.watch.clocks if one.paused_at and not one.ended],
        partial(_resumed, at=at, because=because),
    )


def _resumed(situation: Situation, clock: Clock, at: datetime, because: str) -> Decision:
    since = max(at, clock.paused_at or at)
    calendar = situation.configuration.calendar_at(clock.calendar)
    thresholds = schedule.coming(clock, calendar, since)
    resumed = ClockResumed(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=clock.name,
        resumed_at=since,
        due_at=schedule.deadline_of(thresholds).due_at,
        thresholds=thresholds,
        reason=because,
    )
    return schedule.record(situation, resumed)


def retarget(situation: Situation, since: datetime, because: str) -> Decision:
    """Promise what the policy now in force says; the time that is spent counts on.

    What was broken stays so, and so does what was promised, if no policy matches any more.
    """
    watch = situation.watch
    policy = schedule.policy_in_force(situation)
    if not watch.is_open:
        return nothing(situation)
    if policy is None:
        return Decision(situation, surprises=("no_policy_matches",))
    targets = {target.clock: target for target in policy.body.targets}
    return (
        _each(
            schedule.under(situation, policy),
            [one.name for one in watch.clocks if one.name not in targets],
            partial(_no_longer, at=since, policy=policy),
        )
        .then(
            lambda now: _each(
                now,
                [one.name for one in watch.clocks if one.name in targets],
                lambda then, clock: _under(
                    then, clock, targets[clock.name], policy, since, because
                ),
            )
        )
        .then(partial(_further, policy=policy))
    )


def _no_longer(
    situation: Situation, clock: Clock, at: datetime, policy: Versioned[SlaPolicy]
) -> Decision:
    return cancel(situation, clock.name, at, f"policy {policy.ref} does not promise it")


def _under(
    situation: Situation,
    clock: Clock,
    target: Target,
    policy: Versioned[SlaPolicy],
    since: datetime,
    because: str,
) -> Decision:
    same = clock.policy == policy.ref and clock.cancelled_at is None
    if same or clock.breached or not _ran_at(situation.watch, clock, since):
        return nothing(situation)
    return overdue(situation, clock.name, since).then(
        lambda now: _retargeted(now, target, policy, since, because)
    )


def _ran_at(watch: Watch, clock: Clock, at: datetime) -> bool:
    """Tell whether it ran at `at`, or would have if a policy had not ceased to promise it."""
    if clock.cancelled_at is not None:
        return _is_still_owed(watch, clock, clock.cancelled_at)
    # The news of an assignment may have overtaken this.
    return clock.met_at is None or (clock.name == "assignment" and clock.met_at > at)


def _is_still_owed(watch: Watch, clock: Clock, cancelled_at: datetime) -> bool:
    """Tell whether a promise that was cancelled meanwhile was not kept, nor had its contact end."""
    if clock.name not in _AT_RECEIPT or watch.opened_at is None or cancelled_at < watch.opened_at:
        return False
    if clock.name in ("assignment", "resolution"):
        return True
    return watch.replied_at is None or watch.replied_at < cancelled_at


def _retargeted(
    situation: Situation,
    target: Target,
    policy: Versioned[SlaPolicy],
    since: datetime,
    because: str,
) -> Decision:
    clock = situation.watch.clock(target.clock)
    # What was due before that may have broken it.
    if clock is None or clock.breached:
        return nothing(situation)
    calendar = schedule.calendar_in_force(situation, policy)
    body = calendar.body if calendar else None
    counted_by = situation.configuration.calendar_at(clock.calendar)
    spent_s = schedule.elapsed_s(counted_by, clock, since)
    thresholds = schedule.coming_under(clock, target, body, since, spent_s)
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
        reason=because,
        retargeted_at=since,
        runs_while_waiting=target.runs_while_waiting,
    )
    return schedule.record(situation, retargeted).then(schedule.stand_still_while_waiting)


def _further(situation: Situation, policy: Versioned[SlaPolicy]) -> Decision:
    """Start what was not promised before, as if it had been from the beginning."""
    watch = situation.watch
    names = frozenset(
        name
        for name in _AT_RECEIPT
        if watch.clock(name) is None and not (name == "first_response" and watch.replied_at)
    )
    since = watch.opened_at or situation.at
    last_word = max(since, watch.replied_at or since)
    because = f"policy {policy.ref} promises it"
    return (
        schedule.start(situation, since, names - _AFTER_REPLY, because)
        .then(partial(schedule.start, since=last_word, names=names & _AFTER_REPLY, because=because))
        .then(assigned)
    )


def escalation_answered(situation: Situation) -> Decision:
    return meet(situation, "acknowledgement", situation.at)


def escalation_ended(situation: Situation, because: str) -> Decision:
    return cancel(situation, "acknowledgement", situation.at, because)


def _each(
    situation: Situation, names: Iterable[ClockName], step: Callable[..., Decision]
) -> Decision:
    decision = nothing(situation)
    for name in names:
        clock = decision.situation.watch.clock(name)
        if clock is not None:
            decision = decision.then(partial(step, clock=clock))
    return decision
