"""The texts of reasons, explanations and errors."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from common.contracts.clocks import ClockName
from common.contracts.escalations import Cause
from common.contracts.event import PersonId
from escalation.domain.model import (
    Approval,
    Escalation,
    EscalationCause,
    SlaClock,
    Threshold,
    TrackedContact,
)
from escalation.domain.settings.policies import threshold_offset_s

STAMP = "%Y-%m-%d %H:%M:%S UTC"
_CUSTOMER_TROUBLE: dict[Cause, str] = {
    "customer_request": "customer asks for a supervisor",
    "repeated_contact": "customer contacts us again",
    "feedback": "bad feedback",
    "vip": "VIP customer",
}
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def format_duration(duration: timedelta | float) -> str:
    """Say a duration by its two largest units: `4 s`, `1 h 5 min`."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    left = round(seconds)
    parts: list[str] = []
    for unit, size in _UNITS:
        count, rest = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
            left = rest
        elif parts:
            break
        if len(parts) == 2:  # noqa: PLR2004 - two units say enough
            break
    return " ".join(parts)


def clock_label(clock: ClockName) -> str:
    return clock.replace("_", " ")


def missed(clock: SlaClock) -> str:
    """Say what is missing, by which policy: `No reply within 10 s (policy gold v3)`."""
    within = f"{format_duration(clock.target_s)}{_of_calendar(clock)}"
    return f"{_undone(clock.name)} within {within} (policy {clock.policy})"


def at_stake(clock: SlaClock, threshold: Threshold) -> str:
    """Say how a clock stands at one of its thresholds: before, at or after its deadline."""
    offset_s = threshold_offset_s(clock.target_s, threshold.percent, threshold.offset_s)
    beyond = offset_s - clock.target_s
    if beyond < 0:
        passed = format_duration(clock.target_s + beyond)
        target = f"{format_duration(clock.target_s)}{_of_calendar(clock)}"
        return f"{_undone(clock.name)} after {passed} of {target} (policy {clock.policy})"
    return missed(clock) if beyond == 0 else f"{missed(clock)}, nor {format_duration(beyond)} later"


def _undone(clock: ClockName) -> str:
    match clock:
        case "assignment":
            return "Not assigned"
        case "first_response":
            return "No reply"
        case "next_response":
            return "No reply to the customer's last message"
        case "periodic_update":
            return "No update for the customer"
        case "resolution":
            return "Not resolved"
        case "acknowledgement":
            return "Nobody upstairs has acknowledged"
        case _:
            assert_never(clock)


def _of_calendar(clock: SlaClock) -> str:
    return "" if clock.calendar is None else f" of calendar {clock.calendar}"


def escalation_headline(contact: TrackedContact, escalation: Escalation, at: datetime) -> str:
    """Say in one line what the escalation is about: `Billing ticket from Ada: reply overdue`."""
    if escalation.approval is not None:
        return f"{_contact(contact)}: {approval_request(escalation.approval)}"
    return f"{_contact(contact)}: {_trouble(contact, escalation.causes[0], at)}"


def approval_request(approval: Approval) -> str:
    """Say what is to be approved: `sam asks to grant 500 EUR (refund)`."""
    outcome = approval.outcome.replace("_", " ")
    cost = money(approval.amount, approval.currency)
    return f"{approval.asked_by} asks to grant {cost} ({outcome})"


def money(amount: Decimal, currency: str) -> str:
    return f"{amount:f} {currency}"


def state(escalation: Escalation) -> str:
    """Say how it stands: `acknowledged by sam`."""
    if escalation.approval is not None:
        return f"waiting for an approval that {escalation.approval.asked_by} asked for"
    by = f" by {escalation.holder}" if escalation.holder else ""
    return escalation.state.replace("_", " ") + by


def unanswered(awaited: Iterable[PersonId]) -> str | None:
    names = people(awaited)
    return f"no answer from {names}" if names else None


def people(persons: Iterable[PersonId]) -> str:
    return ", ".join(persons)


def _trouble(contact: TrackedContact, cause: EscalationCause, at: datetime) -> str:
    match cause.kind:
        case "breach" | "warning":
            return _clock_trouble(contact, cause, at)
        case "complaint":
            return f"complaint about {cause.about}"
        case "customer_request" | "repeated_contact" | "feedback" | "vip":
            return _CUSTOMER_TROUBLE[cause.kind]
        case "referral":
            return f"referred by {cause.by}"
        case "manual":
            return f"raised by {cause.by}"
        case _:
            assert_never(cause.kind)


def _clock_trouble(contact: TrackedContact, cause: EscalationCause, at: datetime) -> str:
    label = clock_label(cause.clock) if cause.clock else "service level"
    clock = contact.clock(cause.clock) if cause.clock else None
    if clock is not None and clock.met_at is not None:
        return f"{label} met {'late' if clock.met_at > clock.due_at else 'in time'}"
    if clock is not None and clock.paused_at is not None and not clock.breached:
        return f"{label} waits for the customer"
    left = (cause.due_at or at) - at
    if left > timedelta(0):
        return f"{label} due in {format_duration(left)}"
    by = f" {format_duration(-left)}" if -left >= timedelta(seconds=1) else ""
    return f"{label}{by} overdue"


def _contact(contact: TrackedContact) -> str:
    details = contact.details
    if details is None:
        return "Contact"
    topic = details.topic.replace("_", " ")
    topic = topic[:1].upper() + topic[1:]
    return f"{topic} {details.channel} from {details.customer or 'a customer'}"
