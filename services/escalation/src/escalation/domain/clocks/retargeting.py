"""What another priority, policy or calendar changes of the clocks of an open contact."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from common.contracts.clocks import ClockName, ClockRetargeted
from escalation.domain import change_reasons
from escalation.domain.change_reasons import Reason
from escalation.domain.clocks import schedule
from escalation.domain.clocks.lifecycle import (
    REPLY_CLOCKS,
    cancel_clock,
    for_each,
    meet_assignment,
    reply_clock,
)
from escalation.domain.clocks.thresholds import fire_overdue
from escalation.domain.escalations.actions import close_escalation
from escalation.domain.escalations.met_causes import are_met, is_withdrawn
from escalation.domain.model import DEFAULT_SEVERITY, SlaClock, TrackedContact
from escalation.domain.settings.policies import SlaPolicy, Target
from escalation.domain.settings.registry import Versioned
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import SettingArchived, SettingChanged


def setting_changed(situation: Situation, timer: SettingChanged) -> Decision:
    reason = Reason(timer.reason, timer.change_reason)
    return retarget_clocks(situation, situation.at, reason)


def setting_archived(situation: Situation, timer: SettingArchived) -> Decision:
    """Release the contact from what an archived policy promised, or a calendar counted."""
    decision = no_change(situation)
    # The setting may have been put again meanwhile: then it is in force again.
    if (timer.kind, timer.setting_id) not in situation.configuration.archived:
        return decision
    reason = change_reasons.setting_released(timer.setting_id)
    for clock in situation.contact.clocks:
        ref = clock.policy if timer.kind == "sla-policies" else clock.calendar
        if ref is not None and ref.id == timer.setting_id:
            decision = decision.then(cancel_clock, clock.name, situation.at, reason)
    if timer.kind == "sla-policies":
        decision = decision.then(_release_ladder)
    return decision.then(_close_without_stake, situation, reason)


def _close_without_stake(situation: Situation, before: Situation, reason: Reason) -> Decision:
    """Close an escalation that nobody has acknowledged, once the change took its last reason."""
    escalation = situation.escalation
    if escalation is None or escalation.state != "raised":
        return no_change(situation)
    # One whose reasons had all been met before stands at its level: the ladder says so. But an
    # overdue threshold may have raised it just now.
    stood = before.escalation is not None and are_met(before.contact, escalation)
    if stood or not are_met(situation.contact, escalation):
        return no_change(situation)
    return close_escalation(situation, reason)


def _release_ladder(situation: Situation) -> Decision:
    """Escalate from now on as the policy in force says, or as without one.

    An escalation that stays open keeps the ladder by which people have been asked.
    """
    policy = situation.policy
    if policy is not None:
        return no_change(schedule.adopt_policy(situation, policy))
    contact = replace(situation.contact, ladder_id=None, severity=DEFAULT_SEVERITY)
    return no_change(situation.with_contact(contact))


def retarget_clocks(situation: Situation, since: datetime, reason: Reason) -> Decision:
    """Apply the policy now in force; the time that is spent counts on.

    Breached clocks stay breached. If no policy matches any more, the clocks stay as they are, but
    those of archived policies are cancelled.
    """
    contact = situation.contact
    policy = situation.policy
    if not contact.is_open:
        return no_change(situation)
    if policy is None:
        return (
            Decision(situation, surprises=("no_policy_matches",))
            .then(_cancel_archived, since)
            .then(_close_without_stake, situation, reason)
        )
    targets = {target.clock: target for target in policy.body.targets}
    dropped_clocks = [clock.name for clock in contact.clocks if clock.name not in targets]
    kept_clocks = [clock.name for clock in contact.clocks if clock.name in targets]
    return (
        no_change(schedule.adopt_policy(situation, policy))
        .then(for_each, dropped_clocks, _cancel_dropped, since, policy)
        .then(for_each, kept_clocks, _retarget, targets, policy, since, reason)
        .then(_start_new, policy)
        .then(_close_without_stake, situation, reason)
    )


def _cancel_archived(situation: Situation, at: datetime) -> Decision:
    decision = no_change(situation)
    for clock in situation.contact.clocks:
        if clock.policy.id not in situation.configuration.policies:
            reason = change_reasons.policy_archived(clock.policy)
            decision = decision.then(cancel_clock, clock.name, at, reason)
    policies = {clock.policy.id for clock in situation.contact.clocks}
    if policies and policies.isdisjoint(situation.configuration.policies):
        return decision.then(_release_ladder)
    return decision


def _cancel_dropped(
    situation: Situation, clock: SlaClock, at: datetime, policy: Versioned[SlaPolicy]
) -> Decision:
    reason = change_reasons.policy_without_promise(policy.ref)
    return cancel_clock(situation, clock.name, at, reason)


def _retarget(
    situation: Situation,
    clock: SlaClock,
    targets: dict[ClockName, Target],
    policy: Versioned[SlaPolicy],
    since: datetime,
    reason: Reason,
) -> Decision:
    calendar = schedule.calendar_in_force(situation, policy)
    same = (clock.policy, clock.calendar) == (policy.ref, calendar and calendar.ref)
    if (same and clock.cancelled_at is None) or clock.breached:
        return no_change(situation)
    if not _was_running_at(situation.contact, clock, since):
        return no_change(situation)
    return fire_overdue(situation, clock.name, since).then(
        apply_target, targets[clock.name], policy, since, reason
    )


def _was_running_at(contact: TrackedContact, clock: SlaClock, at: datetime) -> bool:
    """Tell whether it ran at `at`, or would have if no policy had dropped it."""
    if clock.cancelled_at is not None:
        return _is_still_owed(contact, clock, clock.cancelled_at)
    # The event of an assignment may have overtaken this one.
    return clock.met_at is None or (clock.name == "assignment" and clock.met_at > at)


def _is_still_owed(contact: TrackedContact, clock: SlaClock, cancelled_at: datetime) -> bool:
    """Tell whether a cancelled clock was neither met nor ended with its contact."""
    if contact.opened_at is None or cancelled_at < contact.opened_at:
        return False
    match clock.name:
        case "assignment" | "resolution":
            return True
        case "first_response" | "next_response":
            return contact.reply_owed_since is not None and not _awaits_reply(contact)
        case "periodic_update":
            return contact.replied_at is not None and contact.replied_at < cancelled_at
        case "acknowledgement":
            return False
        case _:
            assert_never(clock.name)


def _awaits_reply(contact: TrackedContact) -> bool:
    return any(contact.runs(name) for name in REPLY_CLOCKS)


def apply_target(
    situation: Situation,
    target: Target,
    policy: Versioned[SlaPolicy],
    since: datetime,
    reason: Reason,
    counted_until: datetime | None = None,
) -> Decision:
    """Let the clock run on under the target, with the time that it has spent."""
    clock = situation.contact.clock(target.clock)
    # A threshold that was due before may have breached it.
    if clock is None or clock.breached:
        return no_change(situation)
    calendar = schedule.calendar_in_force(situation, policy)
    counted_by = situation.configuration.calendar_version(clock.calendar)
    spent_s = schedule.elapsed_s(counted_by, clock, counted_until or since)
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
        reason=reason.text,
        change_reason=reason.data,
        retargeted_at=since,
        counted_until=counted_until,
        runs_while_waiting=target.runs_while_waiting,
    )
    return schedule.emit(situation, retargeted).then(schedule.pause_while_waiting)


def _start_new(situation: Situation, policy: Versioned[SlaPolicy]) -> Decision:
    """Start clocks that the contact has not had since it was opened, as if from the beginning."""
    contact = situation.contact
    opened_at = contact.opened_at or situation.at
    reason = change_reasons.policy_promises(policy.ref)
    return (
        no_change(situation)
        .then(_start_missing, "assignment", opened_at, reason)
        .then(_start_missing, "resolution", opened_at, reason)
        .then(_start_reply, policy, reason)
        .then(_start_update, opened_at, reason)
        .then(meet_assignment)
    )


def _start_missing(
    situation: Situation, name: ClockName, since: datetime, reason: Reason
) -> Decision:
    clock = situation.contact.clock(name)
    if clock is not None and not _starts_again(situation.contact, clock, since):
        return no_change(situation)
    return schedule.start_clocks(situation, since, frozenset((name,)), reason)


def _starts_again(contact: TrackedContact, clock: SlaClock, since: datetime) -> bool:
    """Tell whether another run begins.

    The escalation of a broken promise may have ended when no policy made it: this raises again.
    """
    if clock.breached and is_withdrawn(contact, clock):
        return True
    return clock.ended and clock.started_at < since


def _start_reply(situation: Situation, policy: Versioned[SlaPolicy], reason: Reason) -> Decision:
    since = situation.contact.reply_owed_since
    if since is None or _awaits_reply(situation.contact):
        return no_change(situation)
    name = reply_clock(situation.contact, policy.body)
    # Before our first reply, another promise than that of the first reply is for later messages.
    if name == "next_response" and situation.contact.replied_at is None:
        return no_change(situation)
    return _start_missing(situation, name, since, reason)


def _start_update(situation: Situation, opened_at: datetime, reason: Reason) -> Decision:
    replied_at = situation.contact.replied_at
    if replied_at is None:
        return no_change(situation)
    return _start_missing(situation, "periodic_update", max(opened_at, replied_at), reason)
