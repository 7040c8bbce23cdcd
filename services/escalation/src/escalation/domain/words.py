"""What a page says: what it is, why now, how long. Read in a hurry, so short."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import assert_never

from common.contracts.escalations import ClockName
from common.contracts.event import ContactId, PersonId
from escalation.domain.watches import Clock, Escalation, Reason, Watch

_STAMP = "%Y-%m-%d %H:%M:%S UTC"
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
    match clock.name:
        case "assignment":
            what = "Not assigned"
        case "first_response":
            what = "No reply"
        case "next_response":
            what = "No reply to the customer's last message"
        case "periodic_update":
            what = "No update for the customer"
        case "resolution":
            what = "Not resolved"
        case "acknowledgement":
            what = "Nobody upstairs has acknowledged"
        case _:
            assert_never(clock.name)
    business = "" if clock.calendar is None else f" of calendar {clock.calendar}"
    return f"{what} within {span(clock.target_s)}{business} (policy {clock.policy})"


def explanation(clock: Clock, at: datetime) -> str:
    """Tell a clock's whole story in one line."""
    calendar = "" if clock.calendar is None else f" of calendar {clock.calendar}"
    told = [
        f"Promised within {span(clock.target_s)}{calendar} by policy {clock.policy}",
        f"started {clock.started_at:{_STAMP}}",
        f"due {clock.due_at:{_STAMP}}",
    ]
    told += [
        f"warned at {threshold.percent} % ({span(threshold.lateness_ms / 1000)} after it was due)"
        for threshold in clock.thresholds
        if threshold.fired_at is not None and not threshold.is_deadline
    ]
    if clock.breached:
        late = span(clock.deadline.lateness_ms / 1000)
        told.append(f"breached (noticed {late} after it was due)")
    told.append(_end(clock, at))
    return "; ".join(told) + "."


def _end(clock: Clock, at: datetime) -> str:
    if clock.met_at is not None:
        by = clock.met_at - clock.due_at
        how = f"{span(by)} late" if by > timedelta(0) else f"{span(-by)} before it was due"
        return f"met {clock.met_at:{_STAMP}}, {how}"
    if clock.cancelled_at is not None:
        return f"cancelled {clock.cancelled_at:{_STAMP}}"
    left = clock.due_at - at
    return f"{span(left)} left" if left > timedelta(0) else f"{span(-left)} overdue"


def warning_headline(watch: Watch, clock: Clock, at: datetime) -> str:
    left = clock.due_at - at
    label = clock_label(clock.name)
    when = f"due in {span(left)}" if left > timedelta(0) else "overdue"
    return f"{_contact(watch)}: {label} {when}"


def headline(watch: Watch, reason: Reason, at: datetime) -> str:
    return f"{_contact(watch)}: {_trouble(reason, at)}"


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
    found = "no timer" if instead is None else f"a timer for {instead:{_STAMP}} instead"
    return (
        f"The audit found {found} for what is due {due_at:{_STAMP}}, and has set it anew. "
        "No service of ours removes one: look for what did."
    )


def state(escalation: Escalation) -> str:
    """Say where it stands: `acknowledged by sam`."""
    held = f" by {escalation.holder}" if escalation.holder else ""
    return escalation.state.replace("_", " ") + held


def people(persons: Iterable[PersonId]) -> str:
    return ", ".join(persons)


def _trouble(reason: Reason, at: datetime) -> str:
    match reason.cause:
        case "breach":
            label = clock_label(reason.clock) if reason.clock else "a promise"
            late = at - (reason.due_at or at)
            by = f" {span(late)}" if late >= timedelta(seconds=1) else ""
            return f"{label}{by} overdue"
        case "warning":
            label = clock_label(reason.clock) if reason.clock else "a promise"
            return f"{label} due in {span((reason.due_at or at) - at)}"
        case "customer_request":
            return "customer asks for a supervisor"
        case "repeated_contact":
            return "customer turns to us again"
        case "feedback":
            return "bad feedback"
        case "complaint":
            return f"complaint about {reason.about}"
        case "vip":
            return "VIP customer"
        case "referral":
            return f"referred by {reason.by}"
        case "manual":
            return f"raised by {reason.by}"
        case _:
            assert_never(reason.cause)


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
