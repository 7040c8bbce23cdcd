"""What an outside system reports later about a message that it accepted, and what follows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from msgspec.structs import replace

from common.contracts.notifications import Medium, NotificationDelivered
from notifier.domain import answers, delivery, delivery_reasons, notifications
from notifier.domain.delivery import RetryPolicy, Sent
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Attempt, AttemptOutcome, Decision, Notification

# The outside system reports at times of its own: attempts do not come together.
_NO_SPREAD = 1.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is on the phone, or the person has answered the call."""


@dataclass(frozen=True, slots=True)
class Read:
    """The person has opened it."""


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """It did not arrive after all.

    `is_final`: another attempt would fail, too. If not, there is one after `wait` at the earliest,
    but no more than `attempts` in all.
    """

    reason: str
    is_final: bool = False
    wait: timedelta | None = None
    attempts: int | None = None


Report = Delivered | Read | NotDelivered

# Where the receipt of a message has the outside system's name for it; `sid` is Twilio's.
_NAME_FIELDS: Final[Mapping[Medium, str]] = {"email": "message_id"}


def receive(
    notification: Notification,
    report: Report,
    message_id: str,
    escalation: Escalation | None,
    policy: RetryPolicy,
    at: datetime,
) -> Decision:
    """Take a report about the message that the outside system names `message_id`.

    Reports come late, twice and in any order: what arrived stays so, and a report of a failure
    counts only for the latest message.
    """
    match report:
        case Delivered():
            return _deliver(notification, message_id, policy, at)
        case Read():
            delivered = _deliver(notification, message_id, policy, at)
            opened = answers.see(delivered.notification, at)
            # Who reads a summary has not seen all that it is about, so that nobody is told so.
            opening = opened.events if notification.kind == "page" else ()
            events = (*delivered.events, *opening)
            return replace(opened, events=events, attempts=delivered.attempts)
        case NotDelivered():
            return _miss(notification, report, message_id, escalation, policy, at)
        case _:
            assert_never(report)


def _deliver(
    notification: Notification, message_id: str, policy: RetryPolicy, at: datetime
) -> Decision:
    if notification.delivered_at is not None or notification.medium is None:
        return Decision(notification)
    before = Decision(notification)
    is_unsent = notification.state in ("pending", "sending")
    if is_unsent and (attempt := notification.last_attempt):
        # The answer to our call was lost or is on its way, or an earlier report was wrong: no
        # further attempt.
        sent = Sent({_name_field(notification.medium): message_id})
        before = delivery.record(notification, attempt, sent, policy, _NO_SPREAD, at)
    delivered = _delivered(before.notification, notification.medium, at)
    return replace(delivered, events=(*before.events, *delivered.events), attempts=before.attempts)


def _delivered(notification: Notification, medium: Medium, at: datetime) -> Decision:
    delivered = replace(notification, delivered_at=at)
    if notification.kind != "page":
        return Decision(delivered)
    event = NotificationDelivered(
        contact_id=notification.contact_id,
        occurred_at=at,
        notification_id=notification.notification_id,
        page_id=notification.page_id,
        person_id=notification.person_id,
        medium=medium,
    )
    return Decision(delivered, (event,))


def named_by(notification: Notification) -> str | None:
    """Return how the outside system names the latest message; None as long as that is unknown."""
    return (notification.receipt or {}).get(_name_field(notification.medium))


def _name_field(medium: Medium | None) -> str:
    return _NAME_FIELDS.get(medium, "sid") if medium else "sid"


def follow_summary(page: Notification, summary: Notification, at: datetime) -> Decision:
    """Let a page share what became of the summary that carries it, when it is sent and later."""
    is_in = page.summary_id == summary.notification_id
    if not is_in or page.state not in ("held_back", "grouped"):
        return Decision(page)
    if summary.state == "failed":
        reason = delivery_reasons.in_summary(summary.reason, summary.reason_data)
        return delivery.fail(page, reason, at)
    is_new = page.state == "held_back" and summary.state == "sent"
    sent = delivery.group(page, summary, at) if is_new else Decision(page)
    after = sent.notification
    is_undelivered = after.state == "grouped" and after.delivered_at is None
    if not is_undelivered or after.medium is None or summary.delivered_at is None:
        return sent
    delivered = _delivered(after, after.medium, summary.delivered_at)
    return replace(delivered, events=(*sent.events, *delivered.events))


def has_come(messages: Iterable[Notification]) -> bool:
    """Return whether the person has done something with one of them: then all of them came."""
    return any(each.seen_at is not None or each.acted_at is not None for each in messages)


def _miss(
    notification: Notification,
    report: NotDelivered,
    message_id: str,
    escalation: Escalation | None,
    policy: RetryPolicy,
    at: datetime,
) -> Decision:
    is_latest = named_by(notification) == message_id
    arrived = notification.delivered_at or notification.seen_at or notification.acted_at
    if notification.state != "sent" or not is_latest or arrived:
        return Decision(notification)
    limit = min(policy.attempts, report.attempts or policy.attempts)
    again = not report.is_final and notification.attempts < limit
    # What a summary carried is in it no longer, and what was answered needs no further message.
    again = again and notification.kind == "page" and _is_relevant(notification, escalation)
    if again:
        delay = delivery.retry_delay(notification.attempts, policy, _NO_SPREAD, report.wait)
        decision = Decision(replace(notification, state="pending", due_at=at + delay))
    else:
        decision = delivery.fail(notification, delivery_reasons.refused(report.reason), at)
    ended = _ended(notification, "retry" if again else "failed", report.reason, at)
    return replace(decision, attempts=ended)


def _is_relevant(notification: Notification, escalation: Escalation | None) -> bool:
    return escalation is None or notifications.is_relevant(notification, escalation)


def _ended(
    notification: Notification, outcome: AttemptOutcome, detail: str, at: datetime
) -> tuple[Attempt, ...]:
    """Return the attempt of the message, whose outcome is another now."""
    attempt = notification.last_attempt
    if attempt is None:
        return ()
    return (replace(attempt, ended_at=at, outcome=outcome, detail=detail),)
