"""What a page says: what it is, why now, how long. Read in a hurry, so short."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from common.contracts.escalations import Cause, ClockName
from common.contracts.event import ContactId, PersonId
from escalation.domain.duty.shifts import period
from escalation.domain.model import Approval, Clock, Escalation, Reason, Threshold, Watch
from escalation.domain.settings.policies import after_s

STAMP = "%Y-%m-%d %H:%M:%S UTC"
_FROM_THE_CUSTOMER: dict[Cause, str] = {
    "customer_request": "customer asks for a supervisor",
    "repeated_contact": "customer turns to us again",
    "feedback": "bad feedback",
    "vip": "VIP customer",
}
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def span(duration: timedelta | float) -> str:
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


def unkept(clock: Clock) -> str:
    """Say which promise is at stake, by its policy: `No reply within 10 s (policy gold v3)`."""
    within = f"{span(clock.target_s)}{_of_calendar(clock)}"
    return f"{_undone(clock.name)} within {within} (policy {clock.policy})"


def at_stake(clock: Clock, threshold: Threshold) -> str:
    """Say how a promise stands at one of its thresholds: in danger, broken, or broken for long."""
    stands_at = after_s(clock.target_s, threshold.percent, threshold.offset_s)
    beyond = stands_at - clock.target_s
    if beyond < 0:
        gone = f"{span(clock.target_s + beyond)} of {span(clock.target_s)}{_of_calendar(clock)}"
        return f"{_undone(clock.name)} after {gone} (policy {clock.policy})"
    return unkept(clock) if beyond == 0 else f"{unkept(clock)}, nor {span(beyond)} later"


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


def _of_calendar(clock: Clock) -> str:
    return "" if clock.calendar is None else f" of calendar {clock.calendar}"


def warning_headline(watch: Watch, clock: Clock, at: datetime) -> str:
    left = clock.due_at - at
    label = clock_label(clock.name)
    when = f"due in {span(left)}" if left > timedelta(0) else "overdue"
    return f"{_contact(watch)}: {label} {when}"


def headline(watch: Watch, reason: Reason, at: datetime) -> str:
    return f"{_contact(watch)}: {_trouble(watch, reason, at)}"


def page_headline(watch: Watch, escalation: Escalation, at: datetime) -> str:
    if escalation.approval is not None:
        return f"{_contact(watch)}: {wish(escalation.approval)}"
    return headline(watch, escalation.reasons[0], at)


def wish(approval: Approval) -> str:
    """Say what is to be approved: `sam asks to grant 500 EUR (refund)`."""
    outcome = approval.outcome.replace("_", " ")
    cost = money(approval.amount, approval.currency)
    return f"{approval.asked_by} asks to grant {cost} ({outcome})"


def money(amount: Decimal, currency: str) -> str:
    return f"{amount:f} {currency}"


def why(watch: Watch, reasons: Iterable[str]) -> str:
    contact = watch.contact
    representative = watch.representative_id or "none yet"
    return " ".join(
        (
            *(_sentence(reason) for reason in reasons),
            f"Representative: {representative}.",
            *((f"Subject: {contact.subject}",) if contact and contact.subject else ()),
        )
    )


def lost_timer_headline(contact_id: ContactId, slot: str) -> str:
    return f"Timer lost: {slot} of contact {contact_id}"


def lost_timer(due_at: datetime, instead: datetime | None) -> str:
    found = "no timer" if instead is None else f"a timer for {instead:{STAMP}} instead"
    return (
        f"The audit found {found} for what is due {due_at:{STAMP}}, and has set it anew. "
        "No service of ours removes one: look for what did."
    )


def gap_headline(schedule_id: str, start: datetime, end: datetime | None) -> str:
    when = f"{start:%a %Y-%m-%d %H:%M} UTC and on" if end is None else period(start, end)
    return f"Nobody on duty in {schedule_id} from {when}"


def gap(schedule_id: str, absent: Iterable[PersonId], until: timedelta) -> str:
    begins = f"begins in {span(until)}" if until > timedelta(0) else "has begun"
    turns = people(absent)
    return " ".join(
        (
            f"The gap {begins}.",
            *((f"It would be the turn of {turns}, who will be absent.",) if turns else ()),
            f"Put somebody on duty: POST /v1/duty-schedules/{schedule_id}/overrides.",
        )
    )


def state(escalation: Escalation) -> str:
    """Say where it stands: `acknowledged by sam`."""
    if escalation.approval is not None:
        return f"waiting for an approval that {escalation.approval.asked_by} asked for"
    held = f" by {escalation.holder}" if escalation.holder else ""
    return escalation.state.replace("_", " ") + held


def unanswered(awaited: Iterable[PersonId]) -> str | None:
    names = people(awaited)
    return f"no answer from {names}" if names else None


def lease_ending(escalation: Escalation, at: datetime) -> str:
    """Warn the holder, and say what then becomes of it: `your lease ends in 2 min, ...`."""
    left = span((escalation.deadline or at) - at)
    match escalation.lease_end:
        case "shift":
            return f"your shift ends in {left}, then {escalation.level_name} on duty are asked"
        case "progress" | "snooze" | None:
            return f"your lease ends in {left}, then it goes up: renew it, or say what you did"
        case _:
            assert_never(escalation.lease_end)


def people(persons: Iterable[PersonId]) -> str:
    return ", ".join(persons)


def _trouble(watch: Watch, reason: Reason, at: datetime) -> str:
    match reason.cause:
        case "breach" | "warning":
            return _promise(watch, reason, at)
        case "customer_request" | "repeated_contact" | "feedback" | "complaint" | "vip":
            return _about_us(reason)
        case "referral":
            return f"referred by {reason.by}"
        case "manual":
            return f"raised by {reason.by}"
        case _:
            assert_never(reason.cause)


def _promise(watch: Watch, reason: Reason, at: datetime) -> str:
    label = clock_label(reason.clock) if reason.clock else "a promise"
    clock = watch.clock(reason.clock) if reason.clock else None
    if clock is not None and clock.met_at is not None:
        return f"{label} kept, {'late' if clock.met_at > clock.due_at else 'in time'}"
    if clock is not None and clock.paused_at is not None and not clock.breached:
        return f"{label} waits for the customer"
    left = (reason.due_at or at) - at
    if left > timedelta(0):
        return f"{label} due in {span(left)}"
    by = f" {span(-left)}" if -left >= timedelta(seconds=1) else ""
    return f"{label}{by} overdue"


def _about_us(reason: Reason) -> str:
    if reason.cause == "complaint":
        return f"complaint about {reason.about}"
    return _FROM_THE_CUSTOMER[reason.cause]


def _contact(watch: Watch) -> str:
    contact = watch.contact
    if contact is None:
        return "Contact"
    topic = contact.topic.replace("_", " ")
    topic = topic[:1].upper() + topic[1:]
    return f"{topic} {contact.channel} from {contact.customer or 'a customer'}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", '"')) else f"{text}."
