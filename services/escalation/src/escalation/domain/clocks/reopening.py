"""What the clocks of a contact do when it is reopened: they start again, or run on."""

from datetime import datetime

from common.contracts.clocks import ClockName
from escalation.domain.change_reasons import CONTACT_CONTINUED, CONTACT_REOPENED
from escalation.domain.clocks import schedule
from escalation.domain.clocks.lifecycle import (
    expect_reply,
    meet_assignment,
    start_by_policy,
)
from escalation.domain.clocks.retargeting import apply_target
from escalation.domain.model import SlaClock
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import Versioned
from escalation.domain.situation import Decision, Situation, no_change

_CONTINUED: tuple[ClockName, ...] = ("first_response", "next_response", "resolution")


def start_on_reopening(situation: Situation, since: datetime, ended_at: datetime) -> Decision:
    """Owe the customer again what was owed; `ended_at` is when the contact had ended.

    The contact is queued again, so its assignment always starts again.
    """
    policy = situation.policy
    if policy is None:
        return Decision(situation, surprises=("no_policy_matches",))
    decision = no_change(schedule.adopt_policy(situation, policy))
    if policy.body.on_reopening == "continue":
        decision = decision.then(_continue, policy, since, ended_at)
    running = {name for name in _CONTINUED if decision.situation.contact.runs(name)}
    names: set[ClockName] = {"assignment", "resolution"}
    if situation.contact.replied_at is not None:
        names.add("periodic_update")
    return (
        decision.then(start_by_policy, since, frozenset(names - running), CONTACT_REOPENED)
        .then(expect_reply, since, CONTACT_REOPENED)
        .then(meet_assignment)
    )


def _continue(
    situation: Situation, policy: Versioned[SlaPolicy], since: datetime, ended_at: datetime
) -> Decision:
    """Let the promises that ended with the contact run on; no time counts while it was closed."""
    decision = no_change(situation)
    for target in policy.body.targets:
        clock = situation.contact.clock(target.clock)
        if clock is not None and _ended_with_contact(clock, ended_at):
            decision = decision.then(
                apply_target,
                target,
                policy,
                since,
                CONTACT_CONTINUED,
                counted_until=ended_at,
            )
    return decision


def _ended_with_contact(clock: SlaClock, ended_at: datetime) -> bool:
    """Tell whether nothing but the end of the contact ended it: a reply that came is given."""
    if clock.name == "resolution":
        return ended_at in (clock.met_at, clock.cancelled_at)
    return clock.name in _CONTINUED and clock.cancelled_at == ended_at
